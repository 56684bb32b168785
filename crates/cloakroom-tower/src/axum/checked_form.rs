//! A form that is known to be ours.

use std::fmt;

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use cloakroom_session::{CsrfGuard, CsrfSlot, Error, FormKind, Refusal, SessionSlot, Verdict};
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::csrf::{facts, token_in_header};
use crate::headers;

/// An urlencoded form that passed the CSRF check, whatever its route or a report-only layer would let through.
///
/// Where the [`CsrfLayer`](crate::CsrfLayer) has checked the request, this decodes the form and no more. Where it hasn't, because the
/// route is exempt or the rules only report, it checks here. The token's field is left out of what `T` sees.
///
/// # Examples
/// ```
/// use cloakroom_tower::axum::CheckedForm;
///
/// #[derive(serde::Deserialize)]
/// struct Order { item: String, count: u32 }
///
/// async fn order(CheckedForm(order): CheckedForm<Order>) -> String {
///     format!("{} x {}", order.count, order.item)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CheckedForm<T>(pub T);

/// Why a form didn't arrive: refused, not a form, or not of the expected shape.
#[derive(Debug)]
pub struct CheckedFormRejection(Kind);

#[derive(Debug)]
enum Kind {
    Session(Error),
    Refused(Refusal),
    NotAForm,
    Unreadable(Response),
    Shape(serde_html_form::de::Error),
}

impl CheckedFormRejection {
    /// Why the CSRF check refused it, if it did.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self.0 {
            Kind::Refused(refusal) => Some(refusal),
            Kind::Session(_) | Kind::NotAForm | Kind::Unreadable(_) | Kind::Shape(_) => None,
        }
    }
}

impl fmt::Display for CheckedFormRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Session(error) => error.fmt(f),
            Kind::Refused(refusal) => write!(f, "CSRF check failed: {refusal}"),
            Kind::NotAForm => f.write_str("the body isn't an urlencoded form"),
            Kind::Unreadable(_) => f.write_str("the form could not be read"),
            Kind::Shape(error) => write!(f, "the form isn't of the expected shape: {error}"),
        }
    }
}

impl std::error::Error for CheckedFormRejection {}

impl IntoResponse for CheckedFormRejection {
    fn into_response(self) -> Response {
        let words = format!("{self}\n");
        let status = match self.0 {
            Kind::Session(error) => return error.into_response(),
            Kind::Unreadable(response) => return response,
            Kind::Refused(refusal) => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN),
            Kind::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Shape(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        (status, words).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for CheckedForm<T> {
    type Rejection = CheckedFormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, CheckedFormRejection> {
        let (parts, body) = request.into_parts();
        let slot = parts.extensions.get::<CsrfSlot>().cloned();
        let slot = slot.ok_or_else(|| CheckedFormRejection(Kind::Session(Error::missing_layer("CsrfLayer"))))?;
        let bytes = read_form(&parts, body, state).await?;
        if slot.verdict() != Verdict::Passed {
            insist(&slot, &parts, &bytes).await?;
        }
        let field = slot.guard().rules().field_name();
        let mut rest = form_urlencoded::Serializer::new(String::new());
        rest.extend_pairs(form_urlencoded::parse(&bytes).filter(|(name, _)| name != field));
        serde_html_form::from_str(&rest.finish()).map(Self).map_err(|error| CheckedFormRejection(Kind::Shape(error)))
    }
}

async fn read_form<S: Send + Sync>(parts: &Parts, body: Body, state: &S) -> Result<Bytes, CheckedFormRejection> {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.and_then(FormKind::of) != Some(FormKind::Urlencoded) {
        return Err(CheckedFormRejection(Kind::NotAForm));
    }
    // With the request's extensions, which hold the application's limit for bodies.
    let request = Request::from_parts(parts.clone(), body);
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| CheckedFormRejection(Kind::Unreadable(rejection.into_response())))
}

/// Both stages of the check, on a request that the layer let through without.
async fn insist(slot: &CsrfSlot, parts: &Parts, form: &[u8]) -> Result<(), CheckedFormRejection> {
    let refuse = |refusal| CheckedFormRejection(Kind::Refused(refusal));
    let rules = slot.guard().rules();
    rules.check_origin(&facts(parts)).map_err(refuse)?;
    if !rules.checks_token() {
        return Ok(());
    }
    let session = parts.extensions.get::<SessionSlot>();
    let expected = slot.guard().expected(session, headers::cookies(&parts.headers)).await;
    let expected = expected.map_err(|error| CheckedFormRejection(Kind::Session(error)))?;
    let expected = expected.ok_or_else(|| refuse(Refusal::NothingToMatch))?;
    let in_form = form_urlencoded::parse(form).find(|(name, _)| name == rules.field_name()).map(|(_, value)| value);
    let submitted = token_in_header(&parts.headers, rules).or(in_form.as_deref());
    CsrfGuard::second_stage(&expected, submitted).map_err(refuse)
}
