//! salvo, with the layers around the whole service: those of a router only see requests to its
//! routes.

use axum::http::{Request, uri::Scheme};
use bytes::Bytes;
use cloakroom::adapter::PlainResponse;
use cloakroom::for_tower::{ReplayBody, open_session};
use cloakroom::{CsrfLayer, DeviceBinding, SessionLayer};
use http_body_util::BodyExt as _;
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::{ReqBody, StatusCode};
use salvo::prelude::{Router, Service, TowerLayerCompat as _, handler};
use tower::ServiceBuilder;

use super::{Answer, App, strict};
use crate::shop::{Shop, handle};

#[handler]
async fn any(request: &mut salvo::Request, response: &mut salvo::Response) {
    let answered = match open_session(request.extensions().get(), request.headers()).await {
        Ok(session) => handle(request.uri().path(), &session).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(words) => response.render(words),
        Err(error) => {
            let plain = PlainResponse::report(&error);
            response.status_code(StatusCode::from_u16(plain.status).unwrap());
            for (name, value) in plain.headers() {
                response.add_header(name, value.as_ref(), true).unwrap();
            }
            response.write_body(plain.words.into_owned()).unwrap();
        }
    }
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    let salvo_body = |request: Request<ReplayBody<ReqBody>>| {
        request.map(|body| ReqBody::Boxed { inner: Box::pin(body.map_err(Into::into)), fuse_config: None })
    };
    let layers = ServiceBuilder::new()
        .layer(SessionLayer::from_engine(engine))
        .layer(CsrfLayer::new(strict()))
        .map_request(salvo_body);
    // No route is for POST.
    let pages = ["sign-in", "sign-out", "write", "pay", "{**}"];
    let get = |path: &str| Router::with_path(path).get(any).head(any).options(any);
    let router = pages.into_iter().fold(Router::new().get(any), |router, path| router.push(get(path)));
    let service = Service::new(router).hoop(layers.compat());
    let nowhere = SocketAddr::Unknown;
    let service = service.hyper_handler(nowhere.clone(), nowhere, Scheme::HTTPS, None, ConnCtrl::new(), None);
    App::serving(shop, move |ask| {
        let service = service.clone();
        async move {
            let request = salvo::Request::from_hyper(ask.http(ReqBody::Once(Bytes::new())), Scheme::HTTPS);
            Answer::of(service.handle(request).await.into_hyper()).await
        }
    })
}
