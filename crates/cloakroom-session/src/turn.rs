//! One at a time: the queue of a session's commits.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A lock that is waited for without blocking a thread. It costs nothing but a flag while nobody waits.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    waiting: Vec<Waker>,
}

/// Whose turn it is, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else has the turn.
    pub(crate) async fn take(&self) -> Turn<'_> {
        poll_fn(|cx| {
            let mut queue = self.queue();
            if queue.taken {
                queue.waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
            queue.taken = true;
            Poll::Ready(Turn(self))
        })
        .await
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut queue = self.0.queue();
            queue.taken = false;
            std::mem::take(&mut queue.waiting)
        };
        // All of them, because the first may have been cancelled. There are hardly ever two.
        waiting.into_iter().for_each(Waker::wake);
    }
}
