//! A sign-out takes effect even if the client disconnects during the commit.
//!
//! Run more rounds with
//! `CLOAKROOM_DISCONNECTS=500 cargo test -p cloakroom-example-salvo --test disconnects`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "../../../testing/probe/tests/disconnects/leaving.rs"]
mod leaving;

use cloakroom::for_salvo::SessionHoop;
use cloakroom::{Error, Session, StoredSessions};
use salvo::Listener as _;
use salvo::conn::tcp::TcpAcceptor;
use salvo::prelude::{Request, Router, Server, TcpListener, Writer as _, handler};

use leaving::{Late, Started, page, run};

#[handler]
async fn handle(session: Session, request: &Request) -> Result<String, Error> {
    page(&session, request.uri().path())
}

async fn serve(sessions: StoredSessions<Late>, started: Started) {
    let app = Router::with_path("{**path}").hoop(SessionHoop::new(sessions)).goal(handle);
    let acceptor: TcpAcceptor = TcpListener::new("127.0.0.1:0").try_bind().await.unwrap();
    started.send(acceptor.local_addr().unwrap()).unwrap();
    Server::new(acceptor).serve(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_takes_effect_after_its_client_disconnected() {
    run("salvo", serve).await;
}
