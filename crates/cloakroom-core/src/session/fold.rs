//! Folding: a long log of changes to few keys becomes a short one with the same effect.
//!
//! A stream may change a key a hundred thousand times before it commits. A later change of a key
//! makes an earlier one obsolete, so only the last one needs to be kept. Closures given to `update`
//! are the exception: on a newer version each of them has an effect.

use std::collections::{HashMap, HashSet};

use super::change::Change;
use crate::json::Text;
use crate::record::{Duplicates, FlashId};

/// The length at which a log is first folded. Nearly all logs stay below it.
pub(super) const FIRST: usize = 64;

/// Folds changes that belong to no commit yet.
pub(super) fn fold(changes: Vec<Change>) -> impl Iterator<Item = Change> {
    let mut folded = Folded { suppressing: suppressing(&changes), ..Folded::default() };
    for change in changes {
        folded.push(change);
    }
    folded.drop_surplus_messages();
    folded.changes.into_iter().flatten()
}

#[derive(Default)]
struct Folded {
    /// `None` for a change that a later one made obsolete.
    changes: Vec<Option<Change>>,
    /// The indices of the relevant changes of each key, in order.
    keys: HashMap<Text, Vec<usize>>,
    messages: HashMap<FlashId, usize>,
    /// Queues in which one message may suppress another. All their changes are kept, because each
    /// may matter on a newer version.
    suppressing: HashSet<Text>,
}

fn suppressing(changes: &[Change]) -> HashSet<Text> {
    let mut queues = HashSet::new();
    for change in changes {
        if let Change::Flash { queue, duplicates: Duplicates::Suppress, .. } = change {
            queues.insert(queue.clone());
        }
    }
    queues
}

impl Folded {
    fn push(&mut self, change: Change) {
        match change {
            Change::Set { ref key, .. } => self.set(key.clone(), change),
            // On a value that this log has set, the closure's result is already known.
            Change::Update { key, value, .. } if self.is_set(&key) => self.set(key.clone(), Change::Set { key, value }),
            Change::SetIfAbsent { ref key, .. } if self.is_present(key) => {}
            Change::Update { ref key, .. } | Change::SetIfAbsent { ref key, .. } => self.add(key.clone(), change),
            Change::Remove { ref key } => self.remove(key.clone(), change),
            Change::Clear => {
                for index in std::mem::take(&mut self.keys).into_values().flatten() {
                    self.void(index);
                }
                self.replace(change, |it| matches!(it, Change::Clear));
            }
            Change::Flash { id, ref queue, .. } => {
                if !self.suppressing.contains(queue) {
                    self.messages.insert(id, self.changes.len());
                }
                self.changes.push(Some(change));
            }
            Change::PopFlash { queue, mut ids } => {
                // A message that this log both added and removed can be dropped completely.
                ids.retain(|id| match self.messages.remove(id) {
                    Some(index) => self.void(index).is_none(),
                    None => true,
                });
                if !ids.is_empty() {
                    self.changes.push(Some(Change::PopFlash { queue, ids }));
                }
            }
            Change::SetCsrf { .. } => {
                self.replace(change, |it| matches!(it, Change::SetCsrf { .. } | Change::CsrfIfAbsent { .. }));
            }
            Change::Lifetime(new) => {
                self.replace(change, |it| matches!(it, Change::Lifetime(old) if new.replaces(*old)));
            }
            Change::Own { .. } => self.replace(change, |it| matches!(it, Change::Own { .. })),
            Change::Label { .. } => self.replace(change, |it| matches!(it, Change::Label { .. })),
            Change::Alias { .. } => self.replace(change, |it| matches!(it, Change::Alias { .. })),
            Change::Reissue => self.replace(change, |it| matches!(it, Change::Reissue)),
            Change::Cycle { .. } => self.replace(change, |it| matches!(it, Change::Cycle { .. })),
            // On a newer version each decision has an effect.
            #[cfg(feature = "dbsc")]
            Change::Bind { .. } => self.changes.push(Some(change)),
            Change::CsrfIfAbsent { .. } => self.changes.push(Some(change)),
        }
    }

    fn last_of(&self, key: &Text) -> Option<&Change> {
        let index = *self.keys.get(key)?.last()?;
        self.changes.get(index)?.as_ref()
    }

    fn is_set(&self, key: &Text) -> bool {
        matches!(self.last_of(key), Some(Change::Set { .. }))
    }

    fn is_present(&self, key: &Text) -> bool {
        matches!(self.last_of(key), Some(Change::Set { .. } | Change::Update { .. } | Change::SetIfAbsent { .. }))
    }

    fn void(&mut self, index: usize) -> Option<Change> {
        self.changes.get_mut(index).and_then(Option::take)
    }

    fn add(&mut self, key: Text, change: Change) {
        self.keys.entry(key).or_default().push(self.changes.len());
        self.changes.push(Some(change));
    }

    /// Replaces all changes of a key, from index `first` on, with one change.
    fn put(&mut self, key: Text, first: usize, change: Change) {
        let void = self.keys.get_mut(&key).map(|indices| indices.split_off(first.min(indices.len())));
        let void = void.unwrap_or_default();
        for index in &void {
            self.void(*index);
        }
        match void.first().and_then(|index| Some((*index, self.changes.get_mut(*index)?))) {
            // In place, so that the key keeps its position in the order of keys.
            Some((index, free)) => {
                *free = Some(change);
                self.keys.entry(key).or_default().push(index);
            }
            None => self.add(key, change),
        }
    }

    fn set(&mut self, key: Text, change: Change) {
        // A removal before the value is kept: it moves the key to the end of the order.
        let first = self.keys.get(&key).and_then(|indices| indices.first()).and_then(|index| self.changes.get(*index));
        let removed = matches!(first, Some(Some(Change::Remove { .. })));
        self.put(key, usize::from(removed), change);
    }

    fn remove(&mut self, key: Text, change: Change) {
        self.put(key, 0, change);
    }

    /// Appends a change that makes some earlier ones obsolete.
    fn replace(&mut self, change: Change, is_void: impl Fn(&Change) -> bool) {
        for earlier in &mut self.changes {
            earlier.take_if(|it| is_void(it));
        }
        self.changes.push(Some(change));
    }

    /// Drops messages beyond the limit of their queue.
    fn drop_surplus_messages(&mut self) {
        let mut queues: HashMap<Text, (usize, Vec<usize>)> = HashMap::new();
        for (index, change) in self.changes.iter().enumerate() {
            if let Some(Change::Flash { queue, limit, .. }) = change
                && !self.suppressing.contains(queue)
            {
                let (most, indices) = queues.entry(queue.clone()).or_default();
                *most = (*limit).max(*most);
                indices.push(index);
            }
        }
        for (most, indices) in queues.into_values() {
            for index in indices.iter().take(indices.len().saturating_sub(most)) {
                self.void(*index);
            }
        }
    }
}
