//! A sign-out takes effect even if the client disconnects during the commit.
//!
//! Run more rounds with
//! `CLOAKROOM_DISCONNECTS=500 cargo test -p cloakroom-example-warp --test disconnects`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "../../../testing/probe/tests/disconnects/leaving.rs"]
mod leaving;

use cloakroom::adapter::SessionSlot;
use cloakroom::for_tower::open_session;
use cloakroom::{SessionLayer, StoredSessions};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::Layer as _;
use warp::Filter as _;
use warp::http::HeaderMap;
use warp::path::FullPath;

use leaving::{Late, Started, page, run};

async fn handle(slot: Option<SessionSlot>, headers: HeaderMap, path: FullPath) -> Result<String, warp::Rejection> {
    let session = open_session(slot.as_ref(), &headers).await.unwrap();
    Ok(page(&session, path.as_str()).unwrap())
}

async fn serve(sessions: StoredSessions<Late>, started: Started) {
    let parts = warp::ext::optional().and(warp::header::headers_cloned()).and(warp::path::full());
    let service = SessionLayer::new(sessions).layer(warp::service(parts.and_then(handle)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    started.send(listener.local_addr().unwrap()).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_takes_effect_after_its_client_disconnected() {
    run("warp", serve).await;
}
