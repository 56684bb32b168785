//! Access to the session in hoops and handlers that have a request and no arguments.

use cloakroom_session::adapter::{CsrfSlot, FormToken, SessionSlot};
use cloakroom_session::{Error, NamedSession, Session};
use salvo_core::Request;

/// Access to the session of a [`Request`], for hoops and for types that implement `Handler`.
///
/// Functions with `#[handler]` take a [`Session`] as an argument instead.
///
/// # Examples
/// ```
/// use cloakroom_salvo::SessionRequestExt as _;
/// use cloakroom_session::Error;
/// use salvo::prelude::*;
///
/// #[handler]
/// async fn only_users(request: &mut Request, response: &mut Response, flow: &mut FlowCtrl) -> Result<(), Error> {
///     if !request.session().await?.contains_key("user") {
///         response.render(Redirect::other("/sign-in"));
///         flow.skip_rest();
///     }
///     Ok(())
/// }
/// ```
pub trait SessionRequestExt: sealed::Sealed {
    /// Returns the session, and opens it if necessary.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer, or if there is no
    /// [`SessionHoop`](crate::SessionHoop) around.
    fn session(&self) -> impl Future<Output = Result<Session, Error>> + Send;

    /// Returns the session of the hoop with the name `N`, and opens it if necessary.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer, or if no hoop around has this name.
    fn named_session<N: 'static>(&self) -> impl Future<Output = Result<NamedSession<N>, Error>> + Send;

    /// Returns the CSRF token for the forms of a page.
    ///
    /// # Errors
    /// Returns an error if the store couldn't answer, or if there is no
    /// [`CsrfHoop`](crate::CsrfHoop) around.
    fn form_token(&self) -> impl Future<Output = Result<FormToken, Error>> + Send;
}

impl SessionRequestExt for Request {
    async fn session(&self) -> Result<Session, Error> {
        SessionSlot::require(self.extensions().get(), "SessionHoop")?.open_for(self).await
    }

    async fn named_session<N: 'static>(&self) -> Result<NamedSession<N>, Error> {
        let slot = SessionSlot::require(self.extensions().get(), "SessionHoop")?.named::<N>()?;
        Ok(slot.open_for(self).await?.into())
    }

    async fn form_token(&self) -> Result<FormToken, Error> {
        CsrfSlot::require(self.extensions().get(), "CsrfHoop")?.form_token(self).await
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for salvo_core::Request {}
}
