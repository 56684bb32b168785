//! The extractor for forms that passed the CSRF check.

use std::fmt;

use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use cloakroom_session::adapter::{CsrfSlot, FormRejection};
use cloakroom_session::{Error, Refusal};
use serde::de::DeserializeOwned;

/// A URL-encoded form that passed the CSRF check, even on exempt or report-only routes.
///
/// If the [`CsrfLayer`](crate::CsrfLayer) has checked the request, this only decodes the form. If
/// the route is exempt or the rules only report, this runs the check itself. The token's field is
/// removed before `T` is deserialized.
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

/// The reason why a form was rejected: refused, not a form, or of the wrong shape.
#[derive(Debug)]
pub struct CheckedFormRejection(Kind);

#[derive(Debug)]
enum Kind {
    Form(FormRejection),
    Unreadable(Response),
}

impl CheckedFormRejection {
    /// Returns the refusal of the CSRF check, if the check failed.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match &self.0 {
            Kind::Form(rejection) => rejection.refusal(),
            Kind::Unreadable(_) => None,
        }
    }
}

impl From<FormRejection> for CheckedFormRejection {
    fn from(rejection: FormRejection) -> Self {
        Self(Kind::Form(rejection))
    }
}

impl fmt::Display for CheckedFormRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Form(rejection) => rejection.fmt(f),
            Kind::Unreadable(_) => f.write_str("the form could not be read"),
        }
    }
}

impl std::error::Error for CheckedFormRejection {}

impl IntoResponse for CheckedFormRejection {
    fn into_response(self) -> Response {
        match self.0 {
            Kind::Form(rejection) => rejection.answer().into_response(),
            Kind::Unreadable(response) => response,
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for CheckedForm<T> {
    type Rejection = CheckedFormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, CheckedFormRejection> {
        let (parts, body) = request.into_parts();
        let slot = parts.extensions.get::<CsrfSlot>();
        let slot = slot.ok_or_else(|| FormRejection::from(Error::missing_layer("CsrfLayer")))?;
        slot.expect_form(&parts)?;
        // Keep the request's extensions: they contain the application's body limit.
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state)
            .await
            .map_err(|rejection| CheckedFormRejection(Kind::Unreadable(rejection.into_response())))?;
        Ok(Self(slot.checked_form(&parts, bytes).await?))
    }
}
