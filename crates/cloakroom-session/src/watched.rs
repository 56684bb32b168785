//! The future of a handler, watched for being dropped before the handler has returned.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::dropping::dropping;
use crate::slot::SessionSlot;

pin_project! {
    /// A handler's future, watched for being dropped before the handler has returned.
    ///
    /// A timeout or a `select!` drops a handler at any `.await`, with half of its changes made.
    /// Nothing of such a request is committed. A drop is noticed in two ways:
    ///
    /// 1. This future is dropped before it is ready. So everything outside it is noticed.
    /// 2. This future is ready, and still holds a session. A handler that has returned has dropped
    ///    its session, or moved it into the response or a task. So a layer inside, such as the
    ///    timeout of tower-http, responded instead of the handler.
    ///
    /// A future inside this one that was dropped earlier can't be noticed: put another watch
    /// inside it. For adapters; layers that were made with them have a watch each.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use cloakroom_session::adapter::{CookieHeader, SessionSlot, Watched};
    /// use cloakroom_session::{CookieSessions, Engine, Key};
    ///
    /// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
    /// let slot = SessionSlot::new(Arc::new(Engine::new(CookieSessions::encrypted(key).build()?)));
    /// let session = slot.open(CookieHeader::default()).await?;
    /// let handler = async move {
    ///     session.insert("paid", true)?;
    ///     std::future::pending::<()>().await;
    ///     session.insert("shipped", true)
    /// };
    /// let watched = Watched::new(Some(slot.clone()), handler);
    /// assert!(tokio::time::timeout(Duration::from_millis(1), watched).await.is_err());
    /// assert!(slot.finish(408).await?.cookies.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub struct Watched<F> {
        slot: Option<SessionSlot>,
        // `None` after the handler has returned.
        #[pin]
        handler: Option<F>,
    }

    impl<F> PinnedDrop for Watched<F> {
        fn drop(this: Pin<&mut Self>) {
            if let (Some(slot), true) = (&this.slot, this.handler.is_some()) {
                slot.unfinished();
            }
        }
    }
}

impl<F> Watched<F> {
    /// Watches a handler that may use the session of `slot`, or of a layer around it.
    #[must_use]
    #[inline]
    pub const fn new(slot: Option<SessionSlot>, handler: F) -> Self {
        Self { slot, handler: Some(handler) }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        // A completed future isn't polled again.
        let Some(handler) = this.handler.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(handler.poll(cx));
        dropping(|| this.handler.set(None));
        Poll::Ready(output)
    }
}

impl<F> std::fmt::Debug for Watched<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("returned", &self.handler.is_none()).finish_non_exhaustive()
    }
}
