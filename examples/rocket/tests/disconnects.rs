//! A sign-out takes effect even if the client disconnects during the commit.
//!
//! Run more rounds with
//! `CLOAKROOM_DISCONNECTS=500 cargo test -p cloakroom-example-rocket --test disconnects`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

#[path = "../../../testing/probe/tests/disconnects/leaving.rs"]
mod leaving;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use cloakroom::for_rocket::SessionFairing;
use cloakroom::{Error, Session, StoredSessions};
use rocket::fairing::AdHoc;
use rocket::{Config, get, post, routes};

use leaving::{Late, Started, page, run};

#[get("/<path..>")]
async fn read(session: Session, path: PathBuf) -> Result<String, Error> {
    page(&session, path.to_str().unwrap())
}

#[post("/<path..>")]
async fn write(session: Session, path: PathBuf) -> Result<String, Error> {
    page(&session, path.to_str().unwrap())
}

async fn serve(sessions: StoredSessions<Late>, started: Started) {
    let config = Config { port: 0, log_level: rocket::log::LogLevel::Off, ..Config::debug_default() };
    let listening = AdHoc::on_liftoff("address", move |rocket| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rocket.config().port));
        Box::pin(async move { started.send(address).unwrap() })
    });
    let app = rocket::custom(config).attach(SessionFairing::new(sessions)).attach(listening);
    app.mount("/", routes![read, write]).launch().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_takes_effect_after_its_client_disconnected() {
    run("Rocket", serve).await;
}
