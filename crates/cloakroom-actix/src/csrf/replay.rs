//! A request payload that was partly read and is passed on whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use cloakroom_session::adapter::{FormBody, Piece};
use futures_core::Stream;

/// The part already read, and the rest of the payload.
pub(crate) struct Replay {
    read: Bytes,
    rest: Rest,
    touched: bool,
}

enum Rest {
    Nothing,
    More(Payload),
    /// The payload broke off. Readers must get an error, so that they don't take it for complete.
    Broken(PayloadError),
}

impl Replay {
    pub(crate) const fn new(payload: Payload) -> Self {
        Self { read: Bytes::new(), rest: Rest::More(payload), touched: false }
    }

    /// Returns the payload for the handler: the client's own, if nothing of it was read.
    pub(crate) fn into_payload(self) -> Payload {
        if self.touched {
            return Payload::Stream { payload: Box::pin(self) };
        }
        match self.rest {
            Rest::More(payload) => payload,
            Rest::Nothing | Rest::Broken(_) => Payload::None,
        }
    }
}

impl FormBody for Replay {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        self.touched = true;
        let Rest::More(payload) = &mut self.rest else { return Poll::Ready(Piece::End) };
        let (piece, after) = match ready!(Pin::new(payload).poll_next(cx)) {
            Some(Ok(data)) => return Poll::Ready(Piece::Data(data)),
            Some(Err(error @ PayloadError::Overflow)) => (Piece::TooLarge, Rest::Broken(error)),
            Some(Err(error)) => (Piece::Broken, Rest::Broken(error)),
            None => (Piece::End, Rest::Nothing),
        };
        self.rest = after;
        Poll::Ready(piece)
    }

    fn replay(&mut self, read: Bytes) {
        self.read = read;
    }
}

impl Stream for Replay {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.read))));
        }
        if let Rest::More(payload) = &mut self.rest {
            return Pin::new(payload).poll_next(cx);
        }
        Poll::Ready(match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Broken(error) => Some(Err(error)),
            Rest::Nothing | Rest::More(_) => None,
        })
    }
}
