//! The extractor for forms that passed the CSRF check.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use cloakroom_session::adapter::{CsrfSlot, FormRejection};
use cloakroom_session::{Error, Refusal};
use serde::de::DeserializeOwned;

/// A URL-encoded form that passed the CSRF check, even on exempt or report-only routes.
///
/// If the [`CsrfMiddleware`](crate::CsrfMiddleware) has checked the request, this only decodes the
/// form. If the route is exempt or the rules only report, this runs the check itself. The token's
/// field is removed before `T` is deserialized. The size limit of a form is `web::PayloadConfig`,
/// by default 256 KiB.
///
/// # Examples
/// ```
/// use cloakroom_actix::CheckedForm;
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
    Unreadable(actix_web::Error),
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
            Kind::Unreadable(error) => write!(f, "the form could not be read: {error}"),
        }
    }
}

impl std::error::Error for CheckedFormRejection {}

impl ResponseError for CheckedFormRejection {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Kind::Form(rejection) => {
                StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Kind::Unreadable(error) => error.as_response_error().status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.0 {
            Kind::Form(rejection) => rejection.answer().into(),
            Kind::Unreadable(error) => error.error_response(),
        }
    }
}

impl<T: DeserializeOwned> FromRequest for CheckedForm<T> {
    type Error = CheckedFormRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, CheckedFormRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            // Cloned, because extensions must not be borrowed across an await.
            let slot = request.extensions().get::<CsrfSlot>().cloned();
            let slot = slot.ok_or_else(|| FormRejection::from(Error::missing_layer("CsrfMiddleware")))?;
            slot.expect_form(&request)?;
            // Uses the application's payload limit.
            let form = Bytes::from_request(&request, &mut payload)
                .await
                .map_err(|error| CheckedFormRejection(Kind::Unreadable(error)))?;
            Ok(Self(slot.checked_form(&request, form).await?))
        })
    }
}
