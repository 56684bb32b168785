//! hyper, with the layers around plain tower services: no framework, and no extractors.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use cloakroom::adapter::{CsrfSlot, FormRejection, PlainResponse, SessionSlot};
use cloakroom::for_tower::{ReplayBody, ResponseBody};
use cloakroom::{CsrfLayer, Error, SessionLayer};
use futures_util::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::app::App;
use crate::clock;
use crate::pages::{self, Asked, Cover, Maker, PAGES, Page, Reply};

type Plain = UnsyncBoxBody<Bytes, Infallible>;
type Outcome = Result<Response<Plain>, Infallible>;

pub(crate) async fn serve(app: Arc<App>, listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        let app = Arc::clone(&app);
        let service = service_fn(move |request| visit(Arc::clone(&app), request));
        tokio::spawn(async move {
            // A client that disconnects mid-request is not an error of ours.
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), TowerToHyperService::new(service))
                .await;
        });
    }
}

/// Handles a request: its time, its session, its CSRF check, its page.
async fn visit(app: Arc<App>, request: Request<Incoming>) -> Outcome {
    let (parts, body) = request.into_parts();
    let now = match clock::read(&parts) {
        Ok(now) => now,
        Err(why) => return Ok(response(Reply::words(400, why))),
    };
    let sessions = SessionLayer::from_engine(app.engine.clone());
    let service = sessions.layer(service_fn(move |request| check(Arc::clone(&app), request)));
    let response = clock::at(now, service.oneshot(Request::from_parts(parts, body))).await?;
    Ok(response.map(|body: ResponseBody<Plain>| body.boxed_unsync()))
}

async fn check(app: Arc<App>, request: Request<Incoming>) -> Outcome {
    let found = PAGES.iter().find(|page| page.path == request.uri().path() && page.method == request.method());
    let Some(page) = found.copied() else { return Ok(response(Reply::words(404, ""))) };
    let csrf = CsrfLayer::new(app.rules.clone());
    let csrf = match page.cover {
        Cover::Bare => return Ok(make(&app, page, request).await),
        Cover::Enforced => csrf,
        Cover::Exempt => csrf.exempt(),
    };
    let service = csrf.layer(service_fn(move |request: Request<ReplayBody<Incoming>>| {
        let app = Arc::clone(&app);
        async move { Outcome::Ok(make(&app, page, request).await) }
    }));
    Ok(service.oneshot(request).await?.map(|body: ResponseBody<Plain>| body.boxed_unsync()))
}

async fn make<B: Body<Data = Bytes>>(app: &App, page: Page, request: Request<B>) -> Response<Plain> {
    let (parts, body) = request.into_parts();
    if let Maker::Head(make) = page.maker {
        return response(make(&Asked::new(&parts, Vec::new())));
    }
    let Ok(body) = body.collect().await else { return response(Reply::words(400, "the body broke off\n")) };
    let body = body.to_bytes();
    let made = match page.maker {
        Maker::Plain(make) => Ok(make(app, &Asked::new(&parts, body))),
        Maker::Head(make) => Ok(make(&Asked::new(&parts, Vec::new()))),
        Maker::Session(make) => with_session(&parts, body, make).await,
        Maker::Token(make) => token(&parts, make).await,
        Maker::Checked(make) => {
            Ok(checked(&parts, body, make).await.unwrap_or_else(|rejection| said(&rejection.answer())))
        }
    };
    response(made.unwrap_or_else(|error| said(&PlainResponse::for_error(&error))))
}

async fn with_session(
    parts: &Parts,
    body: Bytes,
    make: fn(cloakroom::Session, Asked) -> pages::Making,
) -> Result<Reply, Error> {
    let session = SessionSlot::require(parts.extensions.get(), "SessionLayer")?.open_for(parts).await?;
    make(session, Asked::new(parts, body)).await
}

fn csrf_slot(parts: &Parts) -> Result<&CsrfSlot, Error> {
    CsrfSlot::require(parts.extensions.get(), "CsrfLayer")
}

async fn token(parts: &Parts, make: fn(&cloakroom::adapter::FormToken) -> Reply) -> Result<Reply, Error> {
    let token = csrf_slot(parts)?.form_token(parts).await?;
    Ok(make(&token))
}

async fn checked(parts: &Parts, form: Bytes, make: fn(&pages::Fields) -> Reply) -> Result<Reply, FormRejection> {
    let slot = csrf_slot(parts)?;
    slot.expect_form(parts)?;
    Ok(make(&slot.checked_form(parts, form).await?))
}

fn said(answer: &PlainResponse) -> Reply {
    let headers = answer.headers().map(|(name, value)| (name, value.into_owned())).collect();
    Reply { headers, ..Reply::words(answer.status, &answer.words) }
}

fn response(reply: Reply) -> Response<Plain> {
    let body = match reply.body {
        pages::Body::Whole(bytes) => Full::from(bytes).boxed_unsync(),
        pages::Body::Lines(lines) => {
            StreamBody::new(lines.map(|line| Ok(Frame::data(Bytes::from(line))))).boxed_unsync()
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}
