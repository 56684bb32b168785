//! axum, on tower.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use cloakroom::for_axum::{CheckedForm, FormToken};
use cloakroom::{CsrfLayer, Error, Session, SessionLayer};
use futures_util::StreamExt as _;

use crate::app::App;
use crate::clock;
use crate::pages::{self, Asked, Cover, Fields, Maker, PAGES, Reply};

pub(crate) fn router(app: &Arc<App>) -> Router {
    let csrf = CsrfLayer::new(app.rules.clone());
    let mut router = Router::new();
    for page in PAGES {
        let filter = if page.method == Method::GET { MethodFilter::GET } else { MethodFilter::POST };
        let handler = handler(filter, app, page.maker);
        let handler = match page.cover {
            Cover::Bare => handler,
            Cover::Enforced => handler.layer(csrf.clone()),
            Cover::Exempt => handler.layer(csrf.exempt()),
        };
        router = router.route(page.path, handler);
    }
    router.layer(SessionLayer::from_engine(app.engine.clone())).layer(from_fn(on_time))
}

fn handler(filter: MethodFilter, app: &Arc<App>, maker: Maker) -> MethodRouter {
    match maker {
        Maker::Plain(make) => {
            let app = Arc::clone(app);
            on(filter, async move |parts: Parts, body: Bytes| response(make(&app, &Asked::new(&parts, body))))
        }
        Maker::Head(make) => on(filter, async move |parts: Parts| response(make(&Asked::new(&parts, Vec::new())))),
        Maker::Session(make) => on(filter, async move |session: Session, parts: Parts, body: Bytes| {
            Ok::<_, Error>(response(make(session, Asked::new(&parts, body)).await?))
        }),
        Maker::Token(make) => on(filter, async move |token: FormToken| response(make(&token))),
        Maker::Checked(make) => {
            on(filter, async move |CheckedForm(fields): CheckedForm<Fields>| response(make(&fields)))
        }
    }
}

async fn on_time(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match clock::read(&parts) {
        Ok(now) => clock::at(now, next.run(Request::from_parts(parts, body))).await,
        Err(why) => response(Reply::words(400, why)),
    }
}

fn response(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match reply.body {
        pages::Body::Whole(bytes) => Body::from(bytes),
        pages::Body::Lines(lines) => Body::from_stream(lines.map(Ok::<_, Infallible>)),
    };
    let headers = reply.headers.into_iter().collect::<Vec<_>>();
    (status, axum::response::AppendHeaders(headers), body).into_response()
}
