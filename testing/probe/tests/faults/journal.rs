//! Clients that write one after the other, and record the acknowledged writes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::application::Client;

/// The number of sessions that are written concurrently.
const CLIENTS: usize = 8;

/// A client, and its record of acknowledged writes.
#[derive(Default)]
struct Writer {
    client: Client,
    attempts: usize,
    acknowledged: BTreeSet<usize>,
}

/// The totals of all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) attempts: usize,
    pub(crate) acknowledged: usize,
    pub(crate) there: usize,
}

/// The clients of an application.
pub(crate) struct Journal {
    writers: Vec<Writer>,
}

/// Running clients.
pub(crate) struct Writing {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Writer>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicUsize,
    refused: AtomicUsize,
}

impl Journal {
    /// Creates a session for each client.
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let writers = (0..CLIENTS).map(|_| {
            let mut writer = Writer::default();
            writer.client.ops(address, &json!([["insert", "begun", true]])).unwrap().unwrap();
            writer
        });
        Self { writers: writers.collect() }
    }

    /// Lets all clients write until they are stopped or the application is gone. A response of 503
    /// means "not done"; any other failure fails the test.
    pub(crate) fn write(self, address: SocketAddr) -> Writing {
        let shared = Arc::new(Shared::default());
        let threads = self.writers.into_iter().map(|mut writer| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    match writer.write(address) {
                        Ok(Ok(())) => shared.done.fetch_add(1, Ordering::Relaxed),
                        Ok(Err(status)) => {
                            assert_eq!(status, 503, "the status of a write that couldn't be stored");
                            thread::sleep(Duration::from_millis(20));
                            shared.refused.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(_) => break,
                    };
                }
                writer
            })
        });
        Writing { threads: threads.collect(), shared }
    }

    /// Checks every session: all acknowledged writes are there, and no write is there by halves.
    pub(crate) fn check(&mut self, address: SocketAddr) -> Tally {
        let mut tally = Tally::default();
        for writer in &mut self.writers {
            let looked = json!([["get", "begun"], ["get", "count"], ["get", "items"], ["get", "last"], ["peek_flash"]]);
            let found = writer.client.ops(address, &looked).unwrap().unwrap();
            assert_eq!(found[0], true, "the session exists");
            let numbers = |list: &Value| -> Vec<usize> { serde_json::from_value(list.clone()).unwrap_or_default() };
            let items = numbers(&found[2]);
            let distinct: BTreeSet<usize> = items.iter().copied().collect();
            assert_eq!(distinct.len(), items.len(), "no write was applied twice");
            let missing: Vec<_> = writer.acknowledged.difference(&distinct).collect();
            assert!(missing.is_empty(), "acknowledged, but missing: {missing:?}");
            assert!(items.iter().all(|item| *item < writer.attempts), "only writes that were requested");
            // All of a request, or none of it.
            assert_eq!(found[1].as_u64().unwrap_or(0) as usize, items.len(), "the counter");
            assert_eq!(found[3].as_u64().map(|last| last as usize), items.last().copied(), "the last one");
            assert_eq!(numbers(&found[4]), items, "the messages");
            tally.attempts += writer.attempts;
            tally.acknowledged += writer.acknowledged.len();
            tally.there += items.len();
        }
        tally
    }
}

impl Writer {
    fn write(&mut self, address: SocketAddr) -> std::io::Result<Result<(), u16>> {
        let number = self.attempts;
        self.attempts += 1;
        let operations =
            json!([["push", "items", number], ["add", "count", 1], ["insert", "last", number], ["flash", number]]);
        Ok(self.client.ops(address, &operations)?.map(|_| {
            self.acknowledged.insert(number);
        }))
    }
}

impl Writing {
    /// Waits for this number of further acknowledged writes.
    pub(crate) fn until_done(&self, more: usize) {
        let wanted = self.shared.done.load(Ordering::Relaxed) + more;
        while self.shared.done.load(Ordering::Relaxed) < wanted {
            assert!(self.threads.iter().any(|thread| !thread.is_finished()), "all clients have stopped");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until a write is refused.
    pub(crate) fn until_refused(&self) {
        let before = self.refused();
        while self.refused() == before {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The number of writes that were answered with 503.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Lets the current requests finish, then stops all clients.
    pub(crate) fn stop(self) -> Journal {
        self.shared.stop.store(true, Ordering::Relaxed);
        Journal { writers: self.threads.into_iter().map(|thread| thread.join().unwrap()).collect() }
    }
}
