//! Clients that disconnect while their session is committed: the sign-out takes effect all the
//! same.
//!
//! `CLOAKROOM_DISCONNECTS=500 cargo test -p cloakroom-probe --test disconnects -- --nocapture` runs
//! more rounds. The examples of poem, Rocket, salvo and warp have the same test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

mod leaving;

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::{App, HttpRequest, HttpServer, web};
use axum::Router;
use axum::http::Uri;
use bytes::Bytes;
use cloakroom::adapter::SessionSlot;
use cloakroom::for_actix::SessionMiddleware;
use cloakroom::{Engine, Error, Session, SessionLayer, StoredSessions};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

use leaving::{Late, Started, page, run};

async fn listen(started: &Started) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    started.send(listener.local_addr().unwrap()).unwrap();
    listener
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum() {
    async fn serve(sessions: StoredSessions<Late>, started: Started) {
        let handler = async |session: Session, uri: Uri| page(&session, uri.path());
        let app = Router::new().fallback(handler).layer(SessionLayer::new(sessions));
        axum::serve(listen(&started).await, app).await.unwrap();
    }
    run("axum", serve).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hyper() {
    async fn handle(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (parts, _) = request.into_parts();
        let slot: &SessionSlot = parts.extensions.get().unwrap();
        let session = slot.open_for(&parts).await.unwrap();
        Ok(Response::new(Full::from(page(&session, parts.uri.path()).unwrap())))
    }
    async fn serve(sessions: StoredSessions<Late>, started: Started) {
        let layer = SessionLayer::new(sessions);
        let listener = listen(&started).await;
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(layer.layer(service_fn(handle)));
            tokio::spawn(async move {
                // Most clients disconnect mid-request.
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(connection), service).await;
            });
        }
    }
    run("hyper", serve).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actix() {
    async fn handle(session: Session, request: HttpRequest) -> Result<String, Error> {
        page(&session, request.path())
    }
    async fn serve(sessions: StoredSessions<Late>, started: Started) {
        let sessions = SessionMiddleware::from_engine(Engine::new(Arc::new(sessions)));
        let app = move || App::new().default_service(web::to(handle)).wrap(sessions.clone());
        let listener = listen(&started).await.into_std().unwrap();
        HttpServer::new(app).workers(2).listen(listener).unwrap().run().await.unwrap();
    }
    run("actix", serve).await;
}
