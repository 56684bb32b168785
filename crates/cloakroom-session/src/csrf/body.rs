//! Reading a request's body ahead, in search of the token.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use cloakroom_core::Refusal;

use super::form::BodyExtent;

/// The next piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an adapter must be able to say each")]
pub enum Piece {
    /// Bytes of the body. Empty pieces are skipped.
    Data(Bytes),
    /// The body is complete.
    End,
    /// The framework doesn't expose the rest before the handler reads it.
    Hidden,
    /// The connection failed. The handler **must** receive the same error after the replayed bytes.
    Broken,
    /// The body is longer than a limit outside the CSRF check allows. The handler **must** receive
    /// the same error.
    TooLarge,
}

/// The body of a request, for adapters.
///
/// It is read ahead in search of the token, and replayed intact.
pub trait FormBody {
    /// Polls the next piece. It is called again only after [`Piece::Data`].
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece>;

    /// Puts the bytes that were read back in front of the rest.
    ///
    /// It is called once, and only if a piece was polled.
    fn replay(&mut self, read: Bytes);
}

/// Reads until the body ends or `limit` is exceeded, by at most one piece.
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
            Piece::TooLarge => return (read.into_bytes(), Err(Refusal::BodyTooLarge)),
        }
    }
}

/// The bytes that were read: the piece itself if there is only one, as in most forms, else one
/// buffer.
///
/// A list of pieces would need some hundred bytes for each, and a client can send a form in pieces
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
