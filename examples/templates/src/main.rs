//! The CSRF token and flash messages in four template engines:
//! `cargo run -p cloakroom-example-templates`, then <http://127.0.0.1:3000/askama>.

mod engines;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use cloakroom::for_axum::{CheckedForm, FormToken};
use cloakroom::{CsrfLayer, CsrfRules, MemoryStore, Message, Session, SessionLayer, StoredSessions, TokenPolicy};
use serde::Deserialize;
use tokio::net::TcpListener;

use engines::Page;

async fn page(
    session: Session,
    Path(engine): Path<String>,
    token: FormToken,
) -> Result<Html<String>, (StatusCode, String)> {
    let page = Page { messages: session.pop_flash::<Message>(), token };
    let html = match engine.as_str() {
        "askama" => page.with_askama(),
        "maud" => Ok(page.with_maud()),
        "minijinja" => page.with_minijinja(),
        "tera" => page.with_tera(),
        _ => return Err((StatusCode::NOT_FOUND, "askama, maud, minijinja or tera".to_owned())),
    };
    html.map(Html).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

#[derive(Deserialize)]
struct Note {
    text: String,
}

async fn note(session: Session, CheckedForm(note): CheckedForm<Note>) -> Redirect {
    session.flash(Message::success(note.text));
    Redirect::to("/askama")
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rules = CsrfRules::builder().token_policy(TokenPolicy::Always).build()?;
    let app = Router::new()
        .route("/{engine}", get(page))
        .route("/note", post(note))
        .layer(CsrfLayer::new(rules))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
