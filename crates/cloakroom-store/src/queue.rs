//! The queue of commits: those of one session inside this process follow each other.
//!
//! Only commits wait here, never requests. Who comes after another finds what that one has just written, and can build on
//! it without asking the store: a thousand requests that race for one session cost one round trip each.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use cloakroom_session::{StoreKey, Version};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::keyed::Keyed;
use crate::store::Entry;

/// What the commit before this one left, as far as it is known.
pub(crate) type Latest = Option<(Version, Entry)>;

/// The queues of all sessions that have a commit under way.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Mutex<Keyed<Weak<Turn<Latest>>>>,
}

impl Queues {
    /// Waits for this session's turn. The turn is over when the guard is dropped.
    pub(crate) async fn wait(&self, key: &StoreKey) -> OwnedMutexGuard<Latest> {
        self.queue(key).lock_owned().await
    }

    fn queue(&self, key: &StoreKey) -> Arc<Turn<Latest>> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(key).and_then(Weak::upgrade) {
            return queue;
        }
        // Rare enough to clear up behind others: the map is as large as there are commits under way, twice at most.
        if queues.len() > 64 && queues.len() == queues.capacity() {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::new(Turn::new(None));
        queues.insert(*key, Arc::downgrade(&queue));
        queue
    }
}
