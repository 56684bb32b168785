//! One application for browsers, which have a cookie, and for programs, which send their id in
//! `Authorization`: `cargo run -p cloakroom-example-header-sessions`.
//!
//! ```sh
//! curl -si -H 'Authorization: Bearer new' -d name=Ada http://127.0.0.1:3000/sign-in
//! curl -s  -H 'Authorization: Bearer …'               http://127.0.0.1:3000/me
//! ```

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use cloakroom::{CsrfLayer, Error, Session, SessionHeader, SessionLayer};
use cloakroom_example_visit as visit;
use tokio::net::TcpListener;

/// The page for browsers.
async fn page(session: Session) -> Result<Html<String>, Error> {
    visit::page(&session).map(Html)
}

/// The answer for programs.
async fn me(session: Session) -> impl IntoResponse {
    match session.owner() {
        Some(name) => (StatusCode::OK, name),
        None => (StatusCode::UNAUTHORIZED, "sign in first\n".to_owned()),
    }
}

#[derive(serde::Deserialize)]
struct SignIn {
    name: String,
}

/// Both sign in here. The CSRF layer has checked the token of a browser; a program needs none.
async fn sign_in(session: Session, Form(form): Form<SignIn>) -> Result<Redirect, Error> {
    visit::sign_in(&session, &form.name)?;
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
        .route("/me", get(me))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .layer(CsrfLayer::new(visit::rules()?))
        .layer(SessionLayer::new(visit::sessions()?).header(SessionHeader::bearer()));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
