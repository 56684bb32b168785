//! Refreshing the session in long-lived requests, such as event streams and WebSockets.

use cloakroom_core::SessionState;

use super::Session;
use crate::error::Error;

impl Session {
    /// Reloads the session.
    ///
    /// Returns `false` once it has ended, expired or moved to a new id. Use it in event streams and
    /// WebSockets, which outlive the state that they were opened with. While the session lives,
    /// later reads show its newest values. Uncommitted changes stay as they are, and the commit
    /// merges them. Once the session has ended, the handle is empty and drops all writes, so that
    /// the stream can't revive it.
    ///
    /// With a store, this is one store call. It doesn't count as use, so that a page left open
    /// doesn't keep its session alive; [`Session::commit_now`] counts as use. A session that began
    /// in this request and hasn't been committed stays alive. A visitor who has only seen a form
    /// gets the session that another request began.
    ///
    /// # Security
    /// For a cookie session, `refresh` returns `false` only after the deadline. The browser holds
    /// the only copy, so the server can't learn that another request signed out, and reads never
    /// show the writes of other requests. Use a store if you need either.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer. The state of the session is then unknown: end
    /// the stream, or retry later. A [custom factory](crate::factory::SessionFactory::reload) may
    /// not support reloading.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{Error, Session};
    ///
    /// /// Returns the next message of an event stream; `None` ends the stream.
    /// async fn next_event(session: &Session) -> Result<Option<String>, Error> {
    ///     if !session.refresh().await? {
    ///         return Ok(None);
    ///     }
    ///     Ok(Some(format!("data: {} in the cart\n\n", session.get::<u32>("cart")?.unwrap_or_default())))
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let session = Session::for_tests();
    /// # assert_eq!(next_event(&session).await?.as_deref(), Some("data: 0 in the cart\n\n"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn refresh(&self) -> Result<bool, Error> {
        // A running commit of this handle changes versions and ids, so wait for it.
        let _turn = self.turn().await;
        let opened = self.read(SessionState::clone);
        if opened.id().or(opened.sent_reserved_id()).is_none() {
            return Ok(!opened.is_detached());
        }
        let newest = self.0.engine.factory.reload(&opened, self.now()).await?;
        let mut inner = self.inner();
        let changes = (!inner.state.log().is_empty()).then(|| inner.state.log().to_string());
        // Dropped after the lock is released: see `write_keeping`.
        let closures = inner.state.log().closures();
        let goes_on = inner.state.refresh(newest);
        drop(inner);
        drop(closures);
        if let Some(changes) = changes.filter(|_| !goes_on) {
            tracing::warn!(changes, "session changes dropped: it has ended meanwhile");
        }
        Ok(goes_on)
    }
}
