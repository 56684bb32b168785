//! The effect of each change on a record. A running request changes its record only here.

use crate::change::Change;
use crate::error::Error;
use crate::flash::Waiting;
use crate::record::Record;
use crate::text::{Json, Text};

/// The effect of a change on the record that it was applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed,
    None,
}

impl Effect {
    const fn when(changed: bool) -> Self {
        if changed { Self::Changed } else { Self::None }
    }
}

impl Record {
    /// Applies one change. A running request changes its record only through this method.
    pub(crate) fn apply(&mut self, change: &Change) -> Effect {
        match change {
            Change::Set { key, value } | Change::Update { key, value, .. } => self.set(key, value),
            Change::SetIfAbsent { key, .. } if self.data.contains(key.as_str()) => Effect::None,
            Change::SetIfAbsent { key, value } => self.set(key, value),
            Change::Remove { key } => Effect::when(self.data.remove(key.as_str())),
            Change::Clear => Effect::when(self.data.clear()),
            Change::Flash { queue, id, body, duplicates, limit } => {
                let message = Waiting { id: *id, body: body.clone() };
                Effect::when(self.flashes.push(queue, message, *duplicates, *limit))
            }
            Change::PopFlash { queue, ids } => Effect::when(self.flashes.remove(queue, ids)),
            Change::SetCsrf { token } => {
                self.csrf = Some(token.clone());
                Effect::Changed
            }
            Change::CsrfIfAbsent { token } => {
                let changed = self.csrf.is_none();
                self.csrf.get_or_insert_with(|| token.clone());
                Effect::when(changed)
            }
            Change::Cycle { token } => match &mut self.csrf {
                Some(known) => {
                    *known = token.clone();
                    Effect::Changed
                }
                // A session without a token gets one when it is first requested.
                None => Effect::None,
            },
            Change::Lifetime(lifetime) => {
                lifetime.apply(&mut self.clockwork);
                Effect::Changed
            }
            Change::Own { owner } => replace(&mut self.owner, owner),
            Change::Label { label } => replace(&mut self.label, label),
            Change::Reissue => Effect::Changed,
        }
    }

    /// Applies one change again, on a version that another request has written.
    pub(crate) fn reapply(&mut self, change: &Change) -> Result<Effect, Error> {
        match change {
            Change::Update { key, again, .. } => {
                let value = again(self.get(key.as_str()).as_ref())?;
                Ok(self.set(key, &value))
            }
            Change::Set { .. }
            | Change::SetIfAbsent { .. }
            | Change::Remove { .. }
            | Change::Clear
            | Change::Flash { .. }
            | Change::PopFlash { .. }
            | Change::SetCsrf { .. }
            | Change::CsrfIfAbsent { .. }
            | Change::Cycle { .. }
            | Change::Lifetime(_)
            | Change::Own { .. }
            | Change::Label { .. }
            | Change::Reissue => Ok(self.apply(change)),
        }
    }

    fn set(&mut self, key: &Text, value: &Json) -> Effect {
        Effect::when(self.data.set(key, value))
    }
}

fn replace(slot: &mut Option<Text>, text: &Text) -> Effect {
    let changed = slot.as_ref() != Some(text);
    *slot = Some(text.clone());
    Effect::when(changed)
}
