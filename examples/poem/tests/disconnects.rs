//! A sign-out takes effect even if the client disconnects during the commit.
//!
//! Run more rounds with
//! `CLOAKROOM_DISCONNECTS=500 cargo test -p cloakroom-example-poem --test disconnects`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "../../../testing/probe/tests/disconnects/leaving.rs"]
mod leaving;

use cloakroom::for_poem::SessionMiddleware;
use cloakroom::{Error, Session, StoredSessions};
use poem::http::Uri;
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{EndpointExt as _, Route, Server, handler};

use leaving::{Late, Started, page, run};

#[handler]
async fn handle(session: Session, uri: &Uri) -> Result<String, Error> {
    page(&session, uri.path())
}

async fn serve(sessions: StoredSessions<Late>, started: Started) {
    let app = Route::new().at("/*path", handle).with(SessionMiddleware::new(sessions));
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = acceptor.local_addr().iter().find_map(|address| address.as_socket_addr().copied());
    started.send(address.unwrap()).unwrap();
    Server::new_with_acceptor(acceptor).run(app).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_takes_effect_after_its_client_disconnected() {
    run("poem", serve).await;
}
