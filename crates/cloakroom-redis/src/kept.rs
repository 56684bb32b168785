//! One connection that all calls share, and that is replaced when there is evidence that it is
//! broken.
//!
//! | evidence | detection |
//! |---|---|
//! | the server closed it | with RESP3 the client notices at once, even without a pending call |
//! | a call timed out | a connection may be silent for ever although its socket looks healthy |
//! | the server rejects writes | another server has become the master |
//! | the feed of the store has lost its connection | it may lead to another server now |
//!
//! The next call creates the next connection, and all other calls wait for it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult,
    Value,
};
use tokio::sync::OnceCell;

use crate::address::{Address, CONNECT, RESPONSE};
use crate::error::takes_no_writes;

/// The policy for a command whose answer was lost with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads, or its repetition is recognised.
    Harmless,
    /// Only for records of other frameworks, which have neither marks nor versions.
    Never,
}

/// A factory of connections.
pub(crate) trait Dial: Send + Sync {
    /// Creates a connection that reports its end to `closed`.
    fn dial(&self, closed: &Closed) -> impl Future<Output = RedisResult<MultiplexedConnection>> + Send;
}

/// Set when the client has noticed that the server closed a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closed(Arc<AtomicBool>);

impl Closed {
    /// Returns the configuration of a connection with this protocol.
    pub(crate) fn config(&self, address: Option<&Address>, protocol: ProtocolVersion) -> AsyncConnectionConfig {
        let timeout = address.map_or(RESPONSE, |address| address.timeout);
        let config =
            AsyncConnectionConfig::new().set_response_timeout(Some(timeout)).set_connection_timeout(Some(CONNECT));
        if !protocol.supports_resp3() {
            return config;
        }
        let closed = Arc::clone(&self.0);
        config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                closed.store(true, Ordering::SeqCst);
            }
            Ok::<(), SendError>(())
        })
    }
}

/// The protocol version: the newer one, unless the URL names one or the server doesn't support it.
#[derive(Debug)]
pub(crate) struct Speech {
    named: Option<ProtocolVersion>,
    old: AtomicBool,
}

impl Speech {
    pub(crate) const fn of(named: Option<ProtocolVersion>) -> Self {
        Self { named, old: AtomicBool::new(false) }
    }

    pub(crate) fn wanted(&self) -> ProtocolVersion {
        let old = self.old.load(Ordering::Relaxed);
        self.named.unwrap_or(if old { ProtocolVersion::RESP2 } else { ProtocolVersion::RESP3 })
    }

    /// Returns whether this error means that the older protocol should be tried.
    pub(crate) fn gives_way(&self, error: &RedisError) -> bool {
        let unknown = error.kind() == ErrorKind::RESP3NotSupported
            || error.code() == Some("NOPROTO")
            || (error.code() == Some("ERR") && error.detail().is_some_and(|detail| detail.contains("unknown command")));
        let gives_way = unknown && self.named.is_none() && !self.old.load(Ordering::Relaxed);
        if gives_way {
            self.old.store(true, Ordering::Relaxed);
        }
        gives_way
    }
}

/// The current connection.
pub(crate) struct Kept<D> {
    pub(crate) dial: D,
    current: Mutex<Arc<Current>>,
}

/// One connection attempt and its result, shared by all calls that wait for it.
#[derive(Default)]
struct Current {
    found: OnceCell<RedisResult<MultiplexedConnection>>,
    closed: Closed,
}

impl<D: Dial> Kept<D> {
    pub(crate) fn new(dial: D) -> Self {
        Self { dial, current: Mutex::default() }
    }

    pub(crate) async fn command(&self, command: &Cmd, repeat: Repeat) -> RedisResult<Value> {
        let (current, connection) = self.current().await;
        let answer = command.query_async(&mut connection?).await;
        if !self.is_to_be_repeated(&current, &answer, repeat) {
            return answer;
        }
        // Boxed: see `current`.
        Box::pin(async {
            let (current, connection) = self.current().await;
            let answer = command.query_async(&mut connection?).await;
            self.note(&current, &answer);
            answer
        })
        .await
    }

    pub(crate) async fn pipeline(&self, pipeline: &Pipeline, repeat: Repeat) -> RedisResult<Vec<Value>> {
        let (current, connection) = self.current().await;
        let answer = pipeline.query_async(&mut connection?).await;
        if !self.is_to_be_repeated(&current, &answer, repeat) {
            return answer;
        }
        Box::pin(async {
            let (current, connection) = self.current().await;
            let answer = pipeline.query_async(&mut connection?).await;
            self.note(&current, &answer);
            answer
        })
        .await
    }

    /// Returns the current connection. The first caller creates it, and all others wait for that.
    async fn current(&self) -> (Arc<Current>, RedisResult<MultiplexedConnection>) {
        let current = self.unless_closed();
        // Boxed, because it is rare and large, and would make the future of every call as large.
        let connection = current.found.get_or_init(|| Box::pin(self.dial.dial(&current.closed))).await.clone();
        if connection.is_err() {
            self.forget(&current);
        }
        (current, connection)
    }

    fn unless_closed(&self) -> Arc<Current> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.closed.0.load(Ordering::SeqCst) {
            *current = Arc::default();
        }
        Arc::clone(&current)
    }

    fn is_to_be_repeated<T>(&self, current: &Arc<Current>, answer: &RedisResult<T>, repeat: Repeat) -> bool {
        self.note(current, answer);
        // After a timeout there is no time left for another attempt.
        let lost = |error: &RedisError| error.is_connection_dropped() && !error.is_timeout();
        repeat == Repeat::Harmless && answer.as_ref().is_err_and(lost)
    }

    fn note<T>(&self, current: &Arc<Current>, answer: &RedisResult<T>) {
        if answer.as_ref().is_err_and(is_evidence) {
            self.forget(current);
        }
    }

    /// Makes the next call create a new connection.
    pub(crate) fn renew(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }

    /// Forgets a connection, unless it has been replaced in the meantime.
    fn forget(&self, lost: &Arc<Current>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, lost) {
            *current = Arc::default();
        }
    }
}

/// Returns whether the connection should be replaced after this error. A timeout counts, because a
/// machine that is gone sends nothing.
fn is_evidence(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || takes_no_writes(error)
}
