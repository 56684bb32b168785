//! The session as an extractor of salvo, and its errors as responses.
//!
//! This crate defines neither salvo's traits nor [`Session`], so it can implement the traits only
//! for local types.

use std::ops::Deref;

use cloakroom::adapter::PlainResponse;
use cloakroom::for_tower::open_session;
use cloakroom::{Error, Session};
use salvo::extract::{Extractible, Metadata};
use salvo::http::StatusCode;
use salvo::prelude::{Depot, Request, Response};
use salvo::writing::Scribe;

/// The session of a request.
pub(crate) struct CurrentSession(Session);

impl Deref for CurrentSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl<'ex> Extractible<'ex> for CurrentSession {
    fn metadata() -> &'static Metadata {
        static METADATA: Metadata = Metadata::new("CurrentSession");
        &METADATA
    }

    #[allow(refining_impl_trait, reason = "the error is a response")]
    async fn extract(request: &'ex mut Request, _: &'ex mut Depot) -> Result<Self, Failed> {
        Ok(Self(open_session(request.extensions().get(), request.headers()).await?))
    }
}

/// An error of the session, as a response.
#[derive(Debug)]
pub(crate) struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Scribe for Failed {
    fn render(self, response: &mut Response) {
        let plain = PlainResponse::for_error(&self.0);
        response.status_code(StatusCode::from_u16(plain.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        for (name, value) in plain.headers() {
            let _ = response.add_header(name, value.as_ref(), true);
        }
        response.render(plain.words.into_owned());
    }
}
