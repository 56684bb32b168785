//! The effect of each change on a record. A running request changes its record only here.

use super::change::{Change, Effect};
use crate::error::Error;
use crate::json::{Json, Text};
use crate::record::{Record, Waiting};

/// Applies one change. A running request changes its record only through this function.
pub(super) fn apply(record: &mut Record, change: &Change) -> Effect {
    match change {
        Change::Set { key, value } | Change::Update { key, value, .. } => set(record, key, value),
        Change::SetIfAbsent { key, .. } if record.data.contains(key.as_str()) => Effect::None,
        Change::SetIfAbsent { key, value } => set(record, key, value),
        Change::Remove { key } => Effect::when(record.data.remove(key.as_str())),
        Change::Clear => Effect::when(record.data.clear()),
        Change::Flash { queue, id, body, duplicates, limit } => {
            let message = Waiting { id: *id, body: body.clone() };
            Effect::when(record.flashes.push(queue, message, *duplicates, *limit))
        }
        Change::PopFlash { queue, ids } => Effect::when(record.flashes.remove(queue, ids)),
        Change::SetCsrf { token } => {
            record.csrf = Some(token.clone());
            Effect::Changed
        }
        Change::CsrfIfAbsent { token } => {
            let changed = record.csrf.is_none();
            record.csrf.get_or_insert_with(|| token.clone());
            Effect::when(changed)
        }
        Change::Cycle { token } => match &mut record.csrf {
            Some(known) => {
                *known = token.clone();
                Effect::Changed
            }
            // A session without a token gets one when it is first requested.
            None => Effect::None,
        },
        Change::Lifetime(lifetime) => {
            lifetime.apply(&mut record.times);
            Effect::Changed
        }
        Change::Own { owner } => {
            let effect = replace(&mut record.owner, owner);
            if effect == Effect::Changed {
                // The alias names a session of the former owner, and the device may be another's.
                record.set_alias(None);
                #[cfg(feature = "dbsc")]
                record.set_binding(None);
            }
            effect
        }
        Change::Label { label } => replace(&mut record.label, label),
        Change::Alias { alias } => Effect::when(record.set_alias(Some(alias))),
        #[cfg(feature = "dbsc")]
        Change::Bind { binding, .. } => Effect::when(record.set_binding(Some(binding))),
        Change::Reissue => Effect::Changed,
    }
}

/// Applies one change again, on a version that another request has written.
pub(super) fn reapply(record: &mut Record, change: &Change) -> Result<Effect, Error> {
    match change {
        Change::Update { key, again, .. } => {
            let value = again(record.get(key.as_str()).as_ref())?;
            Ok(set(record, key, &value))
        }
        #[cfg(feature = "dbsc")]
        Change::Bind { again, .. } => {
            let decided = again(record.binding().as_ref());
            Ok(Effect::when(decided.is_some_and(|binding| record.set_binding(Some(&binding)))))
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
        | Change::Alias { .. }
        | Change::Reissue => Ok(apply(record, change)),
    }
}

fn set(record: &mut Record, key: &Text, value: &Json) -> Effect {
    Effect::when(record.data.set(key, value))
}

fn replace(slot: &mut Option<Text>, text: &Text) -> Effect {
    let changed = slot.as_ref() != Some(text);
    *slot = Some(text.clone());
    Effect::when(changed)
}
