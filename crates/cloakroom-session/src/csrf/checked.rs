//! The parsing of a checked form, for the `CheckedForm` extractors.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloakroom_core::Refusal;
use serde::de::DeserializeOwned;

use super::body::{FormBody, Piece};
use super::form::FormKind;
use crate::adapter::{PlainResponse, RequestHead};
use crate::error::Error;

/// The error of a `CheckedForm`.
///
/// The request was refused, has no form, or has a form of an unexpected shape.
#[derive(Debug)]
pub struct FormRejection(Kind);

#[derive(Debug)]
enum Kind {
    Session(Error),
    Refused(Refusal),
    NotAForm,
    Shape(serde_html_form::de::Error),
}

impl FormRejection {
    pub(super) const fn refused(refusal: Refusal) -> Self {
        Self(Kind::Refused(refusal))
    }

    /// Returns the reason of the CSRF check, if it refused the request.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self.0 {
            Kind::Refused(refusal) => Some(refusal),
            Kind::Session(_) | Kind::NotAForm | Kind::Shape(_) => None,
        }
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.0 {
            Kind::Session(error) => error.status(),
            Kind::Refused(refusal) => refusal.status(),
            Kind::NotAForm => 415,
            Kind::Shape(_) => 422,
        }
    }

    /// Returns the response. An error of the session is traced and not shown.
    #[must_use]
    pub fn answer(&self) -> PlainResponse {
        if let Kind::Session(error) = &self.0 {
            return PlainResponse::report(error);
        }
        PlainResponse::new(self.status(), format!("{self}\n"))
    }
}

impl From<Error> for FormRejection {
    fn from(error: Error) -> Self {
        Self(Kind::Session(error))
    }
}

impl fmt::Display for FormRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Session(error) => error.fmt(f),
            Kind::Refused(refusal) => write!(f, "CSRF check failed: {refusal}"),
            Kind::NotAForm => f.write_str("the body isn't an urlencoded form"),
            Kind::Shape(error) => write!(f, "the form isn't of the expected shape: {error}"),
        }
    }
}

impl std::error::Error for FormRejection {}

/// Checks that the head announces an urlencoded form.
pub(super) fn expect_form(head: &impl RequestHead) -> Result<(), FormRejection> {
    match head.content_type().and_then(FormKind::of) {
        Some(FormKind::Urlencoded) => Ok(()),
        Some(FormKind::Multipart(_)) | None => Err(FormRejection(Kind::NotAForm)),
    }
}

/// Decodes an urlencoded form without the field of the token.
pub(super) fn parse<T: DeserializeOwned>(form: &[u8], token_field: &str) -> Result<T, FormRejection> {
    let mut rest = form_urlencoded::Serializer::new(String::new());
    rest.extend_pairs(form_urlencoded::parse(form).filter(|(name, _)| name != token_field));
    serde_html_form::from_str(&rest.finish()).map_err(|error| FormRejection(Kind::Shape(error)))
}

/// A body that was received completely.
pub(super) struct Received(Option<Bytes>);

impl Received {
    pub(super) fn new(form: &Bytes) -> Self {
        Self(Some(form.clone()))
    }
}

impl FormBody for Received {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Piece> {
        Poll::Ready(self.0.take().map_or(Piece::End, Piece::Data))
    }

    fn replay(&mut self, _: Bytes) {}
}
