//! For authors of adapters for web frameworks.
//!
//! An adapter puts a [`SessionSlot`] into each request and implements access to the framework's
//! requests and responses ([`RequestHead`], [`ResponseHeaders`]). It contains no decisions: they
//! are made here, without types of a framework or of `http`, of which frameworks use different
//! versions. The guide's page "Writing an adapter" (`own-adapter.md`) has a complete adapter.
//!
//! | items | purpose |
//! |---|---|
//! | [`SessionSlot`], [`CommitFuture`], [`NotCommitted`], [`ResponseEffects`] | the session of a request: opened by handlers, committed for the response |
//! | [`Watched`] | a handler's future, watched for being dropped before the handler has returned |
//! | [`RequestHead`], [`ResponseHeaders`], [`PlainResponse`] | the framework's requests and responses |
//! | [`CsrfSlot`], [`CsrfDecision`], [`RequestFacts`], [`HeaderFact`], [`Origin`], [`OriginPattern`] | the CSRF check of a request |
//! | [`FormBody`], [`FormKind`], [`BodyExtent`], [`Piece`], [`find_token`] | the search for a token in the body; `ReplayBody` is a body of the crate `http-body` |
//! | [`DeviceCall`], [`DeviceAnswer`] | requests of browsers that bind sessions to a device |
//! | [`FormToken`], `FormRejection` | the form token of a page, and forms that can't be read |
//! | [`CookieHeader`], [`SetCookie`], [`RequestKind`] | parts of requests and responses |
//! | [`vary`], [`vary_by`], [`cache_control`], [`invites_shared_caches`], [`is_targeted_cache_field`], [`overrides_cache_control`] | headers for caches |
//!
//! # Extractors
//! Because of the orphan rule, only the crate of a type or of a trait can implement the trait for
//! the type. Handlers use [`Session`](crate::Session), [`FormToken`] and [`Error`](crate::Error),
//! so the traits of the frameworks that Cloakroom supports are implemented here, each behind a
//! feature. All other code for a framework is in its adapter crate. The adapter of another
//! framework wraps the session in a local type that dereferences to it; "Writing an adapter" shows
//! how.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "aide")]
mod aide;
mod answer;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "actix", feature = "http"))]
mod names;
#[cfg(feature = "poem")]
mod poem;
#[cfg(feature = "http")]
mod replay;
mod request;
mod response;
#[cfg(feature = "rocket")]
mod rocket;
#[cfg(feature = "salvo")]
mod salvo;

#[cfg(feature = "form")]
pub use crate::csrf::FormRejection;
pub use crate::csrf::{BodyExtent, CsrfSlot, FormBody, FormKind, FormToken, Piece, find_token};
pub use crate::devices::{DeviceAnswer, DeviceCall};
pub use crate::effects::ResponseEffects;
pub use crate::finish::{CommitFuture, NotCommitted};
pub use crate::slot::SessionSlot;
pub use crate::watched::Watched;
pub use answer::PlainResponse;
#[doc(no_inline)]
pub use cloakroom_core::SetCookie;
pub use cloakroom_core::{
    CookieHeader, CsrfDecision, HeaderFact, Origin, OriginPattern, RequestFacts, RequestKind, cache_control,
    invites_shared_caches, is_targeted_cache_field, overrides_cache_control, vary, vary_by,
};
#[cfg(feature = "http")]
pub use replay::ReplayBody;
#[cfg(test)]
pub(crate) use request::Lines;
pub use request::RequestHead;
pub(crate) use request::{fact, text};
pub use response::ResponseHeaders;
#[cfg(feature = "rocket")]
pub use rocket::{RocketCsrf, RocketSessions};
