//! The body of a request whose token is checked.

use cloakroom_session::adapter::ReplayBody;
use http_body_util::BodyExt as _;
use salvo_core::Request;
use salvo_core::http::ReqBody;

/// The body of salvo's requests, read ahead by a check.
pub(crate) struct Ahead {
    pub(crate) body: ReplayBody<ReqBody>,
    /// The body was read by a hoop around the check, and salvo keeps its bytes for handlers.
    kept: bool,
}

/// Takes the body out of a request, to be read.
pub(crate) async fn take(request: &mut Request) -> Ahead {
    // `take_body` would remove the bytes that salvo keeps.
    let kept = request.body().is_none();
    let body = if kept {
        request.payload().await.map_or(ReqBody::None, |bytes| ReqBody::Once(bytes.clone()))
    } else {
        request.take_body()
    };
    Ahead { body: ReplayBody::untouched(body), kept }
}

/// Gives a request its whole body again.
pub(crate) fn give_back(request: &mut Request, ahead: Ahead) {
    if !ahead.kept {
        let inner = Box::pin(ahead.body.map_err(Into::into));
        request.replace_body(ReqBody::Boxed { inner, fuse_config: None });
    }
}
