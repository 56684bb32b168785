//! A request's body, as far as the search for the token reads it.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use cloakroom_core::Refusal;

use super::form::BodyExtent;

/// The next part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must be able to say each")]
pub enum Piece {
    /// These bytes; empty ones are skipped.
    Data(Bytes),
    /// The body is complete.
    End,
    /// More may follow, which the framework doesn't show before the handler reads it.
    Hidden,
    /// The connection broke off. The handler **must** meet the same error behind what is replayed.
    Broken,
}

/// The body of a request, for adapters: read ahead in search of the token, and handed on intact.
pub trait FormBody {
    /// The next piece. Not called again after anything but [`Piece::Data`].
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece>;

    /// Puts the bytes that were read in front of what wasn't. Called once, and only if a piece was
    /// asked for.
    fn replay(&mut self, read: Bytes);
}

/// Reads until the body ends or `limit` is exceeded; never more than one piece beyond.
pub(super) async fn read_ahead(body: &mut impl FormBody, limit: usize) -> (Bytes, Result<BodyExtent, Refusal>) {
    let mut read = ReadAhead::default();
    loop {
        match poll_fn(|cx| body.poll_piece(cx)).await {
            Piece::Data(piece) => {
                read.push(piece);
                if read.len() > limit {
                    return (read.into_bytes(), Ok(BodyExtent::Truncated));
                }
            }
            Piece::End => return (read.into_bytes(), Ok(BodyExtent::Complete)),
            Piece::Hidden => return (read.into_bytes(), Ok(BodyExtent::Truncated)),
            Piece::Broken => return (read.into_bytes(), Err(Refusal::BodyUnreadable)),
        }
    }
}

/// What was read: the piece itself as long as there is one, as most forms arrive, and else one
/// buffer.
///
/// A list of pieces would cost some hundred bytes for each, and a client can send a form in pieces
/// of one byte.
#[derive(Default)]
struct ReadAhead {
    single: Bytes,
    joined: BytesMut,
}

impl ReadAhead {
    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.len() == 0 {
            self.single = piece;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.single);
            self.single = Bytes::new();
        }
        self.joined.extend_from_slice(&piece);
    }

    fn len(&self) -> usize {
        self.single.len() + self.joined.len()
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.single } else { self.joined.freeze() }
    }
}
