//! Sessions in axum: `cargo run -p cloakroom-example-axum`, then <http://127.0.0.1:3000>.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::for_axum::CheckedForm;
use cloakroom::{CsrfLayer, Error, Session, SessionLayer};
use cloakroom_example_visit as visit;
use tokio::net::TcpListener;

async fn page(session: Session) -> Result<Html<String>, Error> {
    visit::page(&session).map(Html)
}

#[derive(serde::Deserialize)]
struct SignIn {
    name: String,
}

async fn sign_in(session: Session, CheckedForm(form): CheckedForm<SignIn>) -> Result<Redirect, Error> {
    visit::sign_in(&session, &form.name)?;
    Ok(Redirect::to("/"))
}

async fn sign_out(session: Session) -> Redirect {
    visit::sign_out(&session);
    Redirect::to("/")
}

async fn about() -> &'static str {
    visit::ABOUT
}

async fn broken(session: Session) -> Result<StatusCode, Error> {
    visit::before_failing(&session);
    Ok(StatusCode::INTERNAL_SERVER_ERROR)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let app = Router::new()
        .route("/", get(page))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/about", get(about))
        .route("/broken", get(broken))
        .layer(CsrfLayer::new(visit::rules()?))
        .layer(SessionLayer::new(visit::sessions()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
