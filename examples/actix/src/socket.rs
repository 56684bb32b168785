//! A WebSocket.

use std::pin::pin;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, Result, rt};
use actix_ws::{Message, MessageStream};
use cloakroom::{Error, Session};

use crate::steps::step;

/// Makes a step for each message until the session ends.
///
/// The CSRF middleware only admits pages of this site: a browser opens a socket for any site, and
/// sends the cookies with it.
pub(crate) async fn socket(session: Session, request: HttpRequest, body: Payload) -> Result<HttpResponse> {
    if session.is_new() {
        session.changed();
    }
    let (response, socket, messages) = actix_ws::handle(&request, body)?;
    rt::spawn(async move {
        if let Err(error) = talk(socket, messages, &session).await {
            tracing::error!(error = &error as &dyn std::error::Error, "socket broken off");
        }
    });
    Ok(response)
}

async fn talk(mut socket: actix_ws::Session, mut messages: MessageStream, session: &Session) -> Result<(), Error> {
    // Created once: each call of `ended` asks the store.
    let mut ended = pin!(session.ended());
    loop {
        let answer = tokio::select! {
            message = messages.recv() => match message {
                Some(Ok(Message::Text(_))) => step(session).await?,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => continue,
            },
            // Signed out elsewhere, while the client is silent.
            _ = &mut ended => None,
        };
        let Some(words) = answer else {
            // The client may already be gone.
            let _ = socket.close(None).await;
            return Ok(());
        };
        if socket.text(words).await.is_err() {
            return Ok(());
        }
    }
}
