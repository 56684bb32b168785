//! A tower service without a framework.

use std::convert::Infallible;

use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use cloakroom::adapter::PlainResponse;
use cloakroom::for_tower::open_session;
use cloakroom::{CsrfLayer, DeviceBinding, SessionLayer};
use http_body_util::Full;
use tower::{ServiceBuilder, service_fn};

use super::{App, strict};
use crate::shop::{Shop, handle};

async fn any<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, _) = request.into_parts();
    let answered = match open_session(parts.extensions.get(), &parts.headers).await {
        Ok(session) => handle(parts.uri.path(), &session).await,
        Err(error) => Err(error),
    };
    Ok(match answered {
        Ok(words) => Response::new(words.into()),
        Err(error) => {
            let plain = PlainResponse::report(&error);
            let response = Response::builder().status(StatusCode::from_u16(plain.status).unwrap());
            let lines = plain.headers();
            let response = lines.fold(response, |response, (name, value)| response.header(name, value.as_ref()));
            response.body(plain.words.into_owned().into()).unwrap()
        }
    })
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    let layers = ServiceBuilder::new().layer(SessionLayer::from_engine(engine)).layer(CsrfLayer::new(strict()));
    App::tower(shop, layers.service(service_fn(any)))
}
