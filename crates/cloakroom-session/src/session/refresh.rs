//! Looking again: for requests that last longer than a page, such as streams and sockets.

use cloakroom_core::SessionState;

use super::Session;
use crate::error::Error;

impl Session {
    /// Asks again what the session is now: `false` once it has ended, expired, or moved to a new
    /// id.
    ///
    /// For event streams and sockets, which outlive what they were opened with. While the session
    /// goes on, reads show its newest values from then on; what was changed and not committed yet
    /// stays as it is, and the commit merges it. Once it has ended, the handle is empty and writes
    /// are dropped: nothing that the stream does later brings it back.
    ///
    /// With a store this is one call of it. It doesn't count as use, so that a page left open
    /// doesn't keep its session alive; [`Session::commit_now`] does. A session that began with this
    /// request and wasn't committed goes on.
    ///
    /// # Security
    /// A cookie session ends here at its deadline and no earlier: the browser holds the only copy,
    /// so nobody can tell this server that another request signed out, and reads never show what
    /// other requests wrote. Where that matters, take a store.
    ///
    /// # Errors
    /// When the store couldn't answer, which says nothing about the session: end the stream, or ask
    /// again later. A [factory of your own](crate::SessionFactory::reload) may not be able to tell.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{Error, Session};
    ///
    /// /// What an event stream sends next; `None` ends it.
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
        // Not while a commit of this handle runs, which moves versions and ids.
        let _turn = self.turn().await;
        let opened = self.read(SessionState::clone);
        if opened.id().is_none() {
            return Ok(!opened.is_detached());
        }
        let newest = self.0.engine.factory.reload(&opened, self.now()).await?;
        let mut inner = self.inner();
        let changes = inner.state.log().len();
        // Dropped after the lock is released: see `write_keeping`.
        let closures = inner.state.log().closures();
        let goes_on = inner.state.refresh(newest);
        drop(inner);
        drop(closures);
        if !goes_on && changes > 0 {
            tracing::warn!(changes, "session changes dropped: it has ended meanwhile");
        }
        Ok(goes_on)
    }
}
