//! Sessions in long responses of axum: `cargo run -p cloakroom-example-axum-streams`, then
//! <http://127.0.0.1:3000>.
//!
//! The session of a response is committed before the first byte. A stream or a socket commits its
//! own later changes, and closes when the session ends. `step` loads and commits.

mod events;
mod socket;
mod steps;

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::{CsrfLayer, Error, Session, SessionLayer};
use cloakroom_example_visit as visit;
use steps::{NOTES, counts};
use tokio::net::TcpListener;

async fn page(session: Session) -> Result<Html<String>, Error> {
    let script = "<script>new EventSource('/events').onmessage = event => document.title = event.data</script>";
    Ok(Html(format!("{}<p>{}</p>{script}\n", visit::page(&session)?, counts(&session)?)))
}

async fn note(session: Session) -> Result<Redirect, Error> {
    session.update(NOTES, |notes| *notes += 1)?;
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::to("/")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new()
        .route("/", get(page))
        .route("/note", post(note))
        .route("/sign-out", post(sign_out))
        .route("/events", get(events::events))
        .route("/socket", get(socket::socket))
        .layer(CsrfLayer::new(visit::rules()?))
        .layer(SessionLayer::new(visit::sessions()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
