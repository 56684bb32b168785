//! A request's payload that was read in part and is handed on whole.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use cloakroom_session::{Extent, FormSearch, Refusal};
use futures_core::Stream;

/// What was read, and what follows it.
struct Replay {
    chunks: VecDeque<Bytes>,
    rest: Rest,
}

enum Rest {
    Nothing,
    More(Payload),
    /// It broke off: whoever reads it must not take what came for all of it.
    Broken(Option<PayloadError>),
}

/// Reads a form as far as the search for its token allows; returns what was found, and the payload as it was.
pub(crate) async fn search_payload(mut payload: Payload, mut search: FormSearch) -> (Result<(), Refusal>, Payload) {
    let mut chunks = VecDeque::new();
    let (extent, rest) = loop {
        match std::future::poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
            None => break (Extent::Whole, Rest::Nothing),
            Some(Err(error)) => {
                return (Err(Refusal::BodyUnreadable), replay(chunks, Rest::Broken(Some(error))));
            }
            Some(Ok(chunk)) => {
                let more = search.push(chunk.clone());
                chunks.push_back(chunk);
                if !more {
                    break (Extent::Prefix, Rest::More(payload));
                }
            }
        }
    };
    (search.verdict(extent).await, replay(chunks, rest))
}

fn replay(chunks: VecDeque<Bytes>, rest: Rest) -> Payload {
    Payload::Stream { payload: Box::pin(Replay { chunks, rest }) }
}

impl Stream for Replay {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &mut self.rest {
            Rest::Nothing => Poll::Ready(None),
            Rest::More(payload) => Pin::new(payload).poll_next(cx),
            Rest::Broken(error) => Poll::Ready(error.take().map(Err)),
        }
    }
}
