//! Sessions with htmx: `cargo run -p cloakroom-example-htmx`, then <http://127.0.0.1:3000>.
//!
//! The page sends the CSRF token in a header, boosted links keep it fresh, and flash messages come
//! as an event.

mod triggers;

use axum::Router;
use axum::http::HeaderMap;
use axum::middleware;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use cloakroom::for_axum::FormToken;
use cloakroom::{
    CsrfLayer, CsrfRules, Error, MemoryStore, Message, Session, SessionLayer, StoredSessions, TokenPolicy,
};
use tokio::net::TcpListener;

/// The whole page. `hx-headers` applies to every request that htmx sends from it.
async fn page(session: Session, token: FormToken) -> Result<Html<String>, Error> {
    let count: u32 = session.get("count")?.unwrap_or_default();
    let messages: Vec<String> = session.pop_flash::<Message>().iter().map(ToString::to_string).collect();
    Ok(Html(format!(
        "<!doctype html><title>Counter</title>\
         <script src=https://unpkg.com/htmx.org@2.0.7 defer></script>\
         <script>addEventListener('messages', event => {{ \
           document.querySelector('[role=status]').textContent = event.detail.value.map(it => it.text).join(' ') }})</script>\
         <body hx-boost=true hx-headers='{{\"X-CSRF-Token\": \"{token}\"}}'>\
         <p role=status>{}</p><p id=count>{count}</p>\
         <button hx-post=/count hx-target=#count>Count</button>\
         <button hx-post=/reset hx-target=body hx-push-url=true>Start again</button>\n",
        messages.join(" ")
    )))
}

/// A fragment: htmx puts it into the page. The message becomes an event of this response.
async fn count(session: Session) -> Result<String, Error> {
    session.update("count", |count: &mut u32| *count += 1)?;
    session.flash(Message::success("Counted."));
    Ok(session.get::<u32>("count")?.unwrap_or_default().to_string())
}

/// A redirect: htmx follows it and shows the page, in which the message is.
async fn reset(session: Session, headers: HeaderMap) -> Response {
    session.remove("count");
    session.flash(Message::info("Started again."));
    if headers.contains_key("hx-request") {
        // The whole page anew, also its token.
        return [("hx-redirect", "/")].into_response();
    }
    Redirect::to("/").into_response()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let rules = CsrfRules::builder().token_policy(TokenPolicy::Always).build()?;
    let app = Router::new()
        .route("/", get(page))
        .route("/count", post(count))
        .route("/reset", post(reset))
        .layer(middleware::from_fn(triggers::send_messages))
        .layer(CsrfLayer::new(rules))
        .layer(SessionLayer::new(StoredSessions::new(MemoryStore::new()).build()?));

    let port = std::env::args().nth(1).map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
