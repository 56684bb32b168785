//! The check and the parsing of a form, for the `CheckedForm` extractors.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use cloakroom_core::{CsrfDecision, Refusal};
use serde::de::DeserializeOwned;

use super::body::{FormBody, Piece};
use super::compare::compare;
use super::form::FormKind;
use super::slot::CsrfSlot;
use crate::adapter::{Answer, RequestHead};
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
    pub fn answer(&self) -> Answer {
        if let Kind::Session(error) = &self.0 {
            tracing::error!(error = error as &dyn std::error::Error, "session error");
            return Answer::sorry(error);
        }
        Answer::new(self.status(), format!("{self}\n"))
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

impl CsrfSlot {
    /// Checks that the request has an urlencoded form. Call it before reading the body.
    ///
    /// # Errors
    /// Returns an error if the request has another content type.
    pub fn expect_form(&self, head: &impl RequestHead) -> Result<(), FormRejection> {
        match head.content_type().and_then(FormKind::of) {
            Some(FormKind::Urlencoded) => Ok(()),
            Some(FormKind::Multipart(_)) | None => Err(FormRejection(Kind::NotAForm)),
        }
    }

    /// Parses an urlencoded form.
    ///
    /// A request that hasn't passed the check yet is checked first. The token's field is removed
    /// before `T` is decoded.
    ///
    /// # Errors
    /// Returns an error if the request is refused, couldn't be checked, or has a form of an
    /// unexpected shape.
    pub async fn checked_form<T: DeserializeOwned>(
        &self,
        head: &impl RequestHead,
        form: Bytes,
    ) -> Result<T, FormRejection> {
        if self.decision() != CsrfDecision::Passed {
            self.check_regardless(head, &form).await?;
        }
        let field = self.guard().rules().field_name();
        let mut rest = form_urlencoded::Serializer::new(String::new());
        rest.extend_pairs(form_urlencoded::parse(&form).filter(|(name, _)| name != field));
        serde_html_form::from_str(&rest.finish()).map_err(|error| FormRejection(Kind::Shape(error)))
    }

    /// Runs the check, even if the method, the route or report-only rules would let the request
    /// through.
    async fn check_regardless(&self, head: &impl RequestHead, form: &Bytes) -> Result<(), FormRejection> {
        let mut decision = self.guard().rules().decide_covered(&head.facts());
        if decision == CsrfDecision::TokenNeeded {
            let mut body = Received(Some(form.clone()));
            decision = CsrfDecision::of(compare(self.guard(), self.session(), head, &mut body).await?);
        }
        decision.refusal().map_or(Ok(()), |refusal| Err(FormRejection(Kind::Refused(refusal))))
    }
}

/// A body that was received completely.
struct Received(Option<Bytes>);

impl FormBody for Received {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Piece> {
        Poll::Ready(self.0.take().map_or(Piece::End, Piece::Data))
    }

    fn replay(&mut self, _: Bytes) {}
}
