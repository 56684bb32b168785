//! The session of a layer that has a name.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use crate::session::Session;

/// The session of the layer with the name `N`, for applications with several session layers.
///
/// [`Session`] is always the session of the innermost layer around a handler. This extractor takes
/// the session of a layer by its name, however many layers are in between. A name is a type of the
/// application, and a layer gets it with `named::<N>()`. Every method of [`Session`] works on it.
///
/// # Errors
/// As an extractor, it responds with 503 if the store couldn't answer, and with 500 if no session
/// layer around the handler has that name. The trace has the reason.
///
/// # Examples
/// ```
/// use cloakroom_session::{Error, NamedSession, Session};
///
/// /// The session of the whole site: `.layer(sessions.named::<Site>())`.
/// struct Site;
///
/// async fn greet(admin: Session, site: NamedSession<Site>) -> Result<String, Error> {
///     admin.insert("seen", true)?;
///     Ok(format!("Your cart has {} items.", site.get::<u32>("cart")?.unwrap_or_default()))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
///
/// // In a test of the handler:
/// let page = greet(Session::for_tests(), Session::for_tests().into()).await?;
/// assert_eq!(page, "Your cart has 0 items.");
/// # Ok(())
/// # }
/// ```
pub struct NamedSession<N> {
    session: Session,
    name: PhantomData<fn() -> N>,
}

impl<N> NamedSession<N> {
    /// Returns the session without its name.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{NamedSession, Session};
    ///
    /// struct Site;
    ///
    /// let named = NamedSession::<Site>::from(Session::for_tests());
    /// let session: Session = named.into_session();
    /// # let _ = session;
    /// ```
    #[must_use]
    pub fn into_session(self) -> Session {
        self.session
    }
}

impl<N> From<Session> for NamedSession<N> {
    fn from(session: Session) -> Self {
        Self { session, name: PhantomData }
    }
}

impl<N> Deref for NamedSession<N> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl<N> Clone for NamedSession<N> {
    fn clone(&self) -> Self {
        self.session.clone().into()
    }
}

impl<N> fmt::Debug for NamedSession<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}
