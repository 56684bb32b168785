//! A WebSocket.

use std::pin::pin;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use cloakroom::{Error, Session};

use crate::steps::step;

/// Makes a step for each message until the session ends.
///
/// The CSRF layer only admits pages of this site: a browser opens a socket for any site, and sends
/// the cookies with it.
pub(crate) async fn socket(session: Session, upgrade: WebSocketUpgrade) -> Response {
    if session.is_new() {
        session.changed();
    }
    upgrade.on_upgrade(async move |mut socket| {
        if let Err(error) = talk(&mut socket, &session).await {
            tracing::error!(error = &error as &dyn std::error::Error, "socket broken off");
        }
    })
}

async fn talk(socket: &mut WebSocket, session: &Session) -> Result<(), Error> {
    // Created once: each call of `ended` asks the store.
    let mut ended = pin!(session.ended());
    loop {
        let answer = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(_))) => step(session).await?,
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Ok(()),
            },
            // Signed out elsewhere, while the client is silent.
            _ = &mut ended => None,
        };
        let message = answer.as_deref().map_or(Message::Close(None), Message::text);
        // The client may already be gone.
        if socket.send(message).await.is_err() || answer.is_none() {
            return Ok(());
        }
    }
}
