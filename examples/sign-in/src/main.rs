//! Signing in with a way back, and asking for the password again:
//! `cargo run -p cloakroom-example-sign-in`, then <http://127.0.0.1:3000>.
//!
//! The user is `ada`, the password `lovelace`.

mod failure;
mod pages;

use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Query};
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::for_axum::{CheckedForm, FormToken};
use cloakroom::{CsrfLayer, CsrfRules, MemoryStore, ReturnPath, Session, SessionLayer, StoredSessions};
use serde::Deserialize;
use tokio::net::TcpListener;

use failure::Failure;

/// The time for which a sign-in counts as recent.
const RECENT: Duration = Duration::from_secs(5 * 60);

/// The way back. An address of another site becomes the start page.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: ReturnPath,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    #[serde(flatten)]
    next: Next,
}

async fn start(session: Session, token: FormToken) -> Html<String> {
    pages::start(session.owner().as_deref(), &session.pop_flash::<String>(), &token)
}

async fn sign_in_form(session: Session, Query(Next { next }): Query<Next>, token: FormToken) -> Html<String> {
    pages::sign_in(&next, &session.pop_flash::<String>(), &token)
}

async fn sign_in(session: Session, CheckedForm(form): CheckedForm<Credentials>) -> Redirect {
    let next = form.next.next;
    if (form.name.as_str(), form.password.as_str()) != ("ada", "lovelace") {
        session.flash("Name or password is wrong.");
        return Redirect::to(&next.after("/sign-in"));
    }
    session.sign_in(&form.name);
    Redirect::to(next.as_str())
}

async fn sign_out(session: Session) -> Redirect {
    session.invalidate();
    Redirect::to("/")
}

async fn orders(session: Session, OriginalUri(uri): OriginalUri) -> Result<Html<String>, Failure> {
    let user = session.require_owner().map_err(|error| Failure::new(error, &uri))?;
    Ok(pages::orders(&user))
}

async fn address_form(
    session: Session,
    OriginalUri(uri): OriginalUri,
    token: FormToken,
) -> Result<Html<String>, Failure> {
    session.require_recent(RECENT).map_err(|error| Failure::new(error, &uri))?;
    Ok(pages::address(&token))
}

#[derive(Deserialize)]
struct Address {
    email: String,
}

async fn change_address(
    session: Session,
    OriginalUri(uri): OriginalUri,
    CheckedForm(form): CheckedForm<Address>,
) -> Result<Redirect, Failure> {
    session.require_recent(RECENT).map_err(|error| Failure::new(error, &uri))?;
    session.flash(format!("Your address is {}.", form.email));
    Ok(Redirect::to("/"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let account = Router::new().route("/orders", get(orders)).route("/address", get(address_form).post(change_address));
    let app = Router::new()
        .route("/", get(start))
        .route("/sign-in", get(sign_in_form).post(sign_in))
        .route("/sign-out", post(sign_out))
        .nest("/account", account)
        .layer(CsrfLayer::new(CsrfRules::default()))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
