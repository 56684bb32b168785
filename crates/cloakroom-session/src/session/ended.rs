//! Waiting for the end of the session, in event streams and WebSockets.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloakroom_core::{CookiePayload, SessionId, SessionState};

use super::Session;
use crate::dyn_factory::BoxFuture;
use crate::ended::EndReason;

impl Session {
    /// Waits until the session has ended, expired or moved to a new id, on whatever node.
    ///
    /// Use it in event streams and WebSockets, to close them when the user signs out elsewhere. The
    /// future borrows nothing, and dropping it has no effect, so it can be a branch of a `select!`.
    /// Create it once, before the loop: each call asks the store.
    ///
    /// The memory store, PostgreSQL, Redis and Valkey (one server or Sentinel) tell each process of
    /// an end at once. Other stores do so for the ends of the same process only. Otherwise the
    /// session is checked periodically (`end_check_interval` of `StoredSessions`, 5 seconds by
    /// default), and so it is while a feed's connection is down. Only the store's answer resolves
    /// the future: while the store can't be asked, it waits and tries again. Waiting
    /// doesn't count as use, so that a page left open doesn't keep its session alive. The deadline
    /// is the one in the store, and moves when the session is used.
    ///
    /// A new id that this handle commits, with [`Session::cycle_id`] or a sign-in, doesn't resolve
    /// the future: it follows the session. A session that began in this request is followed from
    /// its commit on; if nothing of it is ever stored, the future never resolves. After
    /// [`Session::invalidate`] on this handle, a future created before resolves when that is
    /// committed.
    ///
    /// # Security
    /// A cookie session resolves at its deadline only, because the server doesn't learn that
    /// another request signed out. Use a store if a stream must notice that.
    ///
    /// # Panics
    /// The future must be polled within a tokio runtime that has a timer.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::Session;
    /// # struct Socket;
    /// # impl Socket {
    /// #     async fn next(&mut self) -> Option<String> { None }
    /// #     async fn close(&mut self) {}
    /// # }
    ///
    /// async fn talk(session: Session, mut socket: Socket) {
    ///     let mut ended = std::pin::pin!(session.ended());
    ///     loop {
    ///         tokio::select! {
    ///             message = socket.next() => match message {
    ///                 Some(message) => println!("{message}"),
    ///                 None => return,
    ///             },
    ///             _ = &mut ended => return socket.close().await,
    ///         }
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # talk(Session::for_tests(), Socket).await;
    /// # }
    /// ```
    pub fn ended(&self) -> impl Future<Output = EndReason> + Send + use<> {
        let (session, first) = (self.clone(), self.read(View::of));
        async move { session.until_ended(first).await }
    }

    /// Waits for the end of the session seen as `first`, and follows it to new ids.
    async fn until_ended(&self, first: View) -> EndReason {
        let mut watch = Watch::default();
        let mut view = first;
        loop {
            if view.generation == first.generation {
                if view.is_detached {
                    return EndReason::Gone;
                }
                watch.on(self, view);
            } else if watch.id.is_none() || view.payload == CookiePayload::Record {
                // This handle has ended the session, and no store can tell.
                return EndReason::Gone;
            }
            // Created before the session is read again, so that a commit in between is noticed.
            let mut committed = pin!(self.0.turn_ended.notified());
            if self.read(View::of) != view {
                view = self.read(View::of);
                continue;
            }
            let why = poll_fn(|cx| match watch.poll(cx) {
                Poll::Ready(why) => Poll::Ready(Some(why)),
                Poll::Pending => committed.as_mut().poll(cx).map(|()| None),
            })
            .await;
            if why.is_some() {
                // A running commit of this handle may be what has moved the session.
                drop(self.turn().await);
            }
            view = self.read(View::of);
            if let Some(why) = why.filter(|_| !watch.is_left_by(view, first.generation)) {
                return why;
            }
        }
    }
}

/// The parts of the session's state that tell whether it is still the same session.
#[derive(Clone, Copy, PartialEq, Eq)]
struct View {
    id: Option<SessionId>,
    /// Changes when this handle ends the session.
    generation: u32,
    is_detached: bool,
    payload: CookiePayload,
}

impl View {
    fn of(state: &SessionState) -> Self {
        let (id, is_detached) = (state.id(), state.is_detached());
        Self { id, generation: state.generation(), is_detached, payload: state.payload() }
    }
}

/// The factory's answer for the id that the session has at present.
#[derive(Default)]
struct Watch {
    id: Option<SessionId>,
    ended: Option<BoxFuture<'static, EndReason>>,
}

impl Watch {
    /// Watches the session under its current id.
    fn on(&mut self, session: &Session, view: View) {
        // The deadline of a cookie session is known from the state alone, which a commit changes.
        let is_new = view.id != self.id || view.payload == CookiePayload::Record;
        if is_new && view.id.is_some() {
            let engine = &session.0.engine;
            let state = session.read(SessionState::clone);
            self.id = view.id;
            self.ended = Some(Arc::clone(&engine.factory).ended(state, engine.shared_clock()));
        }
    }

    /// Returns whether this handle has moved the session to another id.
    fn is_left_by(&self, view: View, generation: u32) -> bool {
        view.generation == generation && view.id.is_some() && view.id != self.id
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<EndReason> {
        let Some(ended) = &mut self.ended else { return Poll::Pending };
        let answer = ended.as_mut().poll(cx);
        if answer.is_ready() {
            self.ended = None;
        }
        answer
    }
}
