//! A WebSocket.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use cloakroom::{CsrfRules, Error, RequestFacts, Session};
use tokio::time::interval;

use crate::step;

/// How long a silent socket may outlive its session.
const PATIENCE: Duration = Duration::from_millis(200);

/// A step for each message, until the session ends.
pub(crate) async fn socket(
    session: Session,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, StatusCode> {
    if !is_ours(&headers) {
        return Err(StatusCode::FORBIDDEN);
    }
    if session.is_new() {
        session.changed();
    }
    Ok(upgrade.on_upgrade(async move |mut socket| {
        if let Err(error) = talk(&mut socket, &session).await {
            tracing::error!(error = &error as &dyn std::error::Error, "socket broken off");
        }
    }))
}

/// Browsers open sockets to any site and send it their cookies, and the request is a GET, which the CSRF layer lets pass.
fn is_ours(headers: &HeaderMap) -> bool {
    let one = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let facts = RequestFacts {
        method: "GET",
        host: one("host"),
        sec_fetch_site: one("sec-fetch-site"),
        origin: one("origin"),
        referer: None,
    };
    CsrfRules::default().check_origin(&facts).is_ok()
}

async fn talk(socket: &mut WebSocket, session: &Session) -> Result<(), Error> {
    let mut interval = interval(PATIENCE);
    loop {
        let answer = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(_))) => step(session).await?,
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Ok(()),
            },
            _ = interval.tick() => match session.refresh().await? {
                true => continue,
                false => None,
            },
        };
        let message = answer.as_deref().map_or(Message::Close(None), Message::text);
        // The other end may be gone.
        if socket.send(message).await.is_err() || answer.is_none() {
            return Ok(());
        }
    }
}
