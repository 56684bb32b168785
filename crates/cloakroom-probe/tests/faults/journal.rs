//! Clients that write one after the other, and remember what they were told.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::application::Client;

/// How many sessions are written at the same time.
const CLIENTS: usize = 8;

/// A client, and what it knows of its session.
#[derive(Default)]
struct Writer {
    client: Client,
    attempts: usize,
    acknowledged: BTreeSet<usize>,
}

/// What all clients together know.
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

/// Clients at work.
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
    /// A session for each client.
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let writers = (0..CLIENTS).map(|_| {
            let mut writer = Writer::default();
            writer.client.ops(address, &json!([["insert", "begun", true]])).unwrap().unwrap();
            writer
        });
        Self { writers: writers.collect() }
    }

    /// Everybody writes, until told to stop or the application is gone. An answer of 503 is one of
    /// "not done"; any other is a failure.
    pub(crate) fn write(self, address: SocketAddr) -> Writing {
        let shared = Arc::new(Shared::default());
        let threads = self.writers.into_iter().map(|mut writer| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    match writer.write(address) {
                        Ok(Ok(())) => shared.done.fetch_add(1, Ordering::Relaxed),
                        Ok(Err(status)) => {
                            assert_eq!(status, 503, "what a client is told when its change couldn't be kept");
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

    /// Looks at every session: what was acknowledged must be there, and nothing by halves.
    pub(crate) fn check(&mut self, address: SocketAddr) -> Tally {
        let mut tally = Tally::default();
        for writer in &mut self.writers {
            let looked = json!([["get", "begun"], ["get", "count"], ["get", "items"], ["get", "last"], ["peek_flash"]]);
            let found = writer.client.ops(address, &looked).unwrap().unwrap();
            assert_eq!(found[0], true, "the session is there");
            let numbers = |list: &Value| -> Vec<usize> { serde_json::from_value(list.clone()).unwrap_or_default() };
            let items = numbers(&found[2]);
            let distinct: BTreeSet<usize> = items.iter().copied().collect();
            assert_eq!(distinct.len(), items.len(), "nothing was done twice");
            let missing: Vec<_> = writer.acknowledged.difference(&distinct).collect();
            assert!(missing.is_empty(), "acknowledged, and not there: {missing:?}");
            assert!(items.iter().all(|item| *item < writer.attempts), "only what was asked for");
            // All of a request, or nothing of it.
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
    /// Waits until so many more writes were acknowledged.
    pub(crate) fn until_done(&self, more: usize) {
        let wanted = self.shared.done.load(Ordering::Relaxed) + more;
        while self.shared.done.load(Ordering::Relaxed) < wanted {
            assert!(self.threads.iter().any(|thread| !thread.is_finished()), "everybody has given up");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until somebody was told that it couldn't be done.
    pub(crate) fn until_refused(&self) {
        let before = self.refused();
        while self.refused() == before {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many writes were answered with 503.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Lets everybody finish what they are at.
    pub(crate) fn stop(self) -> Journal {
        self.shared.stop.store(true, Ordering::Relaxed);
        Journal { writers: self.threads.into_iter().map(|thread| thread.join().unwrap()).collect() }
    }
}
