//! warp.

use cloakroom::adapter::{PlainResponse, SessionSlot};
use cloakroom::for_tower::open_session;
use cloakroom::{CsrfLayer, DeviceBinding, SessionLayer};
use tower::ServiceBuilder;
use warp::Filter as _;
use warp::http::{HeaderMap, Response};
use warp::path::FullPath;

use super::{App, strict};
use crate::shop::{Shop, handle};

async fn any(path: FullPath, slot: Option<SessionSlot>, headers: HeaderMap) -> Response<String> {
    let answered = match open_session(slot.as_ref(), &headers).await {
        Ok(session) => handle(path.as_str(), &session).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(words) => Response::new(words),
        Err(error) => {
            let plain = PlainResponse::report(&error);
            let lines = plain.headers();
            let response = Response::builder().status(plain.status);
            let response = lines.fold(response, |response, (name, value)| response.header(name, value.as_ref()));
            response.body(plain.words.into_owned()).unwrap()
        }
    }
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    let parts = warp::path::full().and(warp::ext::optional()).and(warp::header::headers_cloned());
    let layers = ServiceBuilder::new().layer(SessionLayer::from_engine(engine)).layer(CsrfLayer::new(strict()));
    App::tower(shop, layers.service(warp::service(parts.then(any))))
}
