//! salvo, with the hoops of the service: those of a router only see requests to its routes.

use axum::http::uri::Scheme;
use bytes::Bytes;
use cloakroom::for_salvo::{CsrfHoop, SessionHoop};
use cloakroom::{DeviceBinding, Error, Session};
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::ReqBody;
use salvo::prelude::{Router, Service, Writer as _, handler};

use super::{Answer, App, strict};
use crate::shop::{Shop, handle};

#[handler]
async fn any(session: Session, request: &salvo::Request) -> Result<String, Error> {
    handle(request.uri().path(), &session).await
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    // No route is for POST.
    let pages = ["sign-in", "sign-out", "write", "pay", "{**}"];
    let get = |path: &str| Router::with_path(path).get(any).head(any).options(any);
    let router = pages.into_iter().fold(Router::new().get(any), |router, path| router.push(get(path)));
    let service = Service::new(router).hoop(SessionHoop::from_engine(engine)).hoop(CsrfHoop::new(strict()));
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
