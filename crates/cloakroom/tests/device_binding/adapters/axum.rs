//! axum, and layers inside other layers and routers.

use axum::Router;
use axum::extract::OriginalUri;
use cloakroom::{CsrfLayer, DeviceBinding, Engine, Error, Session, SessionLayer};
use tower::ServiceBuilder;

use super::{App, strict};
use crate::shop::{Shop, handle};

async fn any(OriginalUri(uri): OriginalUri, session: Session) -> Result<String, Error> {
    handle(uri.path(), &session).await
}

pub(super) fn app(shop: Shop, binding: DeviceBinding) -> App {
    let engine = shop.engine(binding);
    App::with_engine(shop, engine)
}

/// The application without bindings.
pub(crate) fn unbound(shop: Shop) -> App {
    let engine = shop.plain_engine();
    App::with_engine(shop, engine)
}

/// The application without layers.
pub(crate) fn pages() -> Router {
    Router::new().route("/about", axum::routing::get("about us")).fallback(any)
}

/// The application behind the layers.
pub(super) fn guarded(engine: Engine) -> Router {
    pages().layer(CsrfLayer::new(strict())).layer(SessionLayer::from_engine(engine))
}

/// The layers around a router whose handlers are in a nested router.
pub(crate) fn nested(shop: Shop, engine: Engine) -> App {
    let layers = ServiceBuilder::new().layer(SessionLayer::from_engine(engine)).layer(CsrfLayer::new(strict()));
    App::router(shop, Router::new().nest("/admin", pages()).layer(layers))
}
