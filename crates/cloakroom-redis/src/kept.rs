//! One connection that all calls share, and that is made anew when there is evidence against it.
//!
//! | evidence | |
//! |---|---|
//! | the server closed it | with RESP3 the client notices at once, also while no call is out |
//! | a call ended without an answer | a wire may be silent for ever, although its socket looks well |
//! | the server takes no writes | another one has become the master |
//!
//! The next call makes the next connection, and all others wait for that one.

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

/// Whether a command may be carried out twice, where the first answer was lost with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It reads, or what it has done already is recognized the second time.
    Harmless,
    /// Only records of other frameworks, which have neither marks nor versions.
    Never,
}

/// Makes connections.
pub(crate) trait Dial: Send + Sync {
    /// Makes one that reports its end to `closed`.
    fn dial(&self, closed: &Closed) -> impl Future<Output = RedisResult<MultiplexedConnection>> + Send;
}

/// Whether the client has noticed that the server closed a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closed(Arc<AtomicBool>);

impl Closed {
    /// How a connection of this protocol is made.
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

/// Which protocol a server is spoken to in: the newer one, unless the URL names one or the server
/// doesn't know it.
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

    /// Whether the older protocol is to be tried after this.
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

/// The connection of now.
pub(crate) struct Kept<D> {
    pub(crate) dial: D,
    current: Mutex<Arc<Current>>,
}

/// One search for a connection, shared by all calls that wait for it, and its outcome.
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
        // In a box: see `current`.
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

    /// Whoever comes first makes the connection, all others wait for that one.
    async fn current(&self) -> (Arc<Current>, RedisResult<MultiplexedConnection>) {
        let current = self.unless_closed();
        // In a box: it is rare and large, and would make every call's future as large.
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
        // After a late answer no time is left.
        let lost = |error: &RedisError| error.is_connection_dropped() && !error.is_timeout();
        repeat == Repeat::Harmless && answer.as_ref().is_err_and(lost)
    }

    fn note<T>(&self, current: &Arc<Current>, answer: &RedisResult<T>) {
        if answer.as_ref().is_err_and(is_evidence) {
            self.forget(current);
        }
    }

    /// Only if nobody else has found another one in the meantime.
    fn forget(&self, lost: &Arc<Current>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, lost) {
            *current = Arc::default();
        }
    }
}

/// Whether a connection is to be left after this. A late answer counts: a machine that is gone says
/// nothing.
fn is_evidence(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || takes_no_writes(error)
}
