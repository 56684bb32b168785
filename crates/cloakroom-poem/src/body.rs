//! The body of a request whose token is checked.

use bytes::Bytes;
use cloakroom_session::adapter::ReplayBody;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use poem::{Body, Request};

/// The body of poem's requests, read ahead by a check.
pub(crate) type Ahead = ReplayBody<BoxBody<Bytes, std::io::Error>>;

/// Takes the body out of a request, to be read.
pub(crate) fn take(request: &mut Request) -> Ahead {
    ReplayBody::untouched(request.take_body().into())
}

/// Gives a request its whole body again.
pub(crate) fn give_back(request: &mut Request, body: Ahead) {
    request.set_body(Body::from(body.boxed()));
}
