//! The flash messages of one response: those that only it shows, and those that it has shown.

use cloakroom_core::Json;

/// The queues of a request that have such messages.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The generation of the session. A session that begins anew takes over no messages, so that
    /// another owner never sees them.
    generation: u32,
    queues: Vec<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    name: Box<str>,
    /// Messages for this response only, until they are popped.
    now: Vec<Json>,
    /// Messages that this request has popped. They are needed if it keeps them afterwards.
    popped: Vec<Json>,
    /// A pop leaves the messages in the session.
    keeps: bool,
}

impl Shown {
    /// Forgets the messages of an earlier session of this request.
    pub(super) fn of(&mut self, generation: u32) -> &mut Self {
        if self.generation != generation {
            *self = Self { generation, queues: Vec::new() };
        }
        self
    }

    /// Adds a message for this response only. Returns `true` if the oldest one was dropped for it.
    pub(super) fn push(&mut self, name: &str, message: Json, limit: usize) -> bool {
        self.change(name, |queue| {
            queue.now.push(message);
            drop_oldest(&mut queue.now, limit)
        })
    }

    /// Returns the messages for this response only.
    pub(super) fn now(&self, name: &str) -> &[Json] {
        self.queue(name).map_or(&[], |queue| &queue.now)
    }

    /// Removes and returns the messages for this response only.
    pub(super) fn take(&mut self, name: &str) -> Vec<Json> {
        if self.now(name).is_empty() { Vec::new() } else { self.change(name, |queue| std::mem::take(&mut queue.now)) }
    }

    /// Returns `true` if a pop leaves the messages in the session.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.queue(name).is_some_and(|queue| queue.keeps)
    }

    /// Remembers messages that have left the queue, up to the limit of a queue.
    pub(super) fn remember(&mut self, name: &str, popped: &[Json], limit: usize) {
        if !popped.is_empty() {
            self.change(name, |queue| {
                queue.popped.extend_from_slice(popped);
                drop_oldest(&mut queue.popped, limit)
            });
        }
    }

    /// Returns all messages that this response alone would show, and lets later pops keep them.
    pub(super) fn keep(&mut self, name: &str) -> Vec<Json> {
        self.change(name, |queue| {
            queue.keeps = true;
            let mut messages = std::mem::take(&mut queue.popped);
            messages.append(&mut queue.now);
            messages
        })
    }

    fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| *queue.name == *name)
    }

    fn change<R>(&mut self, name: &str, change: impl FnOnce(&mut Queue) -> R) -> R {
        let mut queue = match self.queues.iter().position(|queue| *queue.name == *name) {
            Some(index) => self.queues.swap_remove(index),
            None => Queue { name: name.into(), ..Queue::default() },
        };
        let result = change(&mut queue);
        self.queues.reserve_exact(1); // most requests have one queue
        self.queues.push(queue);
        result
    }
}

/// Drops the oldest messages beyond the limit. Returns `true` if there were any.
fn drop_oldest(messages: &mut Vec<Json>, limit: usize) -> bool {
    let beyond = messages.len().saturating_sub(limit);
    messages.drain(..beyond);
    beyond > 0
}
