//! A request body that was partly read and is passed on whole.

use std::any::Any;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::{fmt, io, iter};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use crate::csrf::{FormBody, Piece};

pin_project! {
    /// The body of a request that passed a CSRF check: the client's body, complete.
    ///
    /// For adapters whose requests have a body of the crate `http-body`. The check reads it with
    /// [`FormBody`], and the handler gets the whole body again.
    pub struct ReplayBody<B: Body> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B: Body> {
        Untouched { #[pin] body: B },
        Read { read: Bytes, rest: Rest<B> },
    }
}

/// The part of the body that follows the bytes already read.
enum Rest<B: Body> {
    Nothing,
    // Boxed, because a polled body must not move.
    More(Pin<Box<B>>),
    Trailers(Frame<Bytes>),
    /// The body broke off. Readers must get an error, so that they don't take it for complete.
    Broken(B::Error),
}

impl<B: Body<Data = Bytes>> ReplayBody<B> {
    /// Wraps the body of a request.
    pub const fn untouched(body: B) -> Self {
        Self { kind: Kind::Untouched { body } }
    }

    /// Starts reading ahead: the body moves into a box.
    fn begin(&mut self) {
        let begun = Kind::Read { read: Bytes::new(), rest: Rest::Nothing };
        let rest = match std::mem::replace(&mut self.kind, begun) {
            Kind::Untouched { body } => Rest::More(Box::pin(body)),
            Kind::Read { rest, .. } => rest,
        };
        self.kind = Kind::Read { read: Bytes::new(), rest };
    }
}

/// Returns `true` for the error of a layer that limits the body, such as tower-http's
/// `RequestBodyLimitLayer`. Each framework wraps it in its own error.
fn is_over_limit(error: &impl Any) -> bool {
    let error: &dyn Any = error;
    let boxed = error.downcast_ref::<Box<dyn Error + Send + Sync>>().map(|error| &**error as &(dyn Error + 'static));
    let plain = error.downcast_ref::<io::Error>().map(|error| error as &(dyn Error + 'static));
    #[cfg(feature = "axum")]
    let plain = plain.or_else(|| error.downcast_ref::<axum_core::Error>().map(|error| error as &(dyn Error + 'static)));
    error.is::<LengthLimitError>()
        || iter::successors(boxed.or(plain), cause).any(|error| error.is::<LengthLimitError>())
}

/// Returns the cause of an error.
fn cause<'e>(error: &&'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let error: &'e (dyn Error + 'static) = *error;
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        // Its source is the source of the error in it, which would be skipped.
        Some(inside) => Some(inside),
        None => error.source(),
    }
}

impl<B: Body<Data = Bytes> + 'static> FormBody for ReplayBody<B> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        if matches!(self.kind, Kind::Untouched { .. }) {
            self.begin();
        }
        let Kind::Read { rest, .. } = &mut self.kind else { return Poll::Ready(Piece::End) };
        let Rest::More(body) = rest else { return Poll::Ready(Piece::End) };
        let (piece, after) = match ready!(body.as_mut().poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => return Poll::Ready(Piece::Data(data)),
            Some(Ok(Err(trailers))) => (Piece::End, Rest::Trailers(trailers)),
            Some(Err(error)) => {
                let piece = if is_over_limit(&error) { Piece::TooLarge } else { Piece::Broken };
                (piece, Rest::Broken(error))
            }
            None => (Piece::End, Rest::Nothing),
        };
        *rest = after;
        Poll::Ready(piece)
    }

    fn replay(&mut self, bytes: Bytes) {
        if let Kind::Read { read, .. } = &mut self.kind {
            *read = bytes;
        }
    }
}

impl<B: Body<Data = Bytes>> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Untouched { body } => body.poll_frame(cx),
            KindProj::Read { read, rest } => {
                if !read.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(std::mem::take(read)))));
                }
                if let Rest::More(body) = rest {
                    return body.as_mut().poll_frame(cx);
                }
                Poll::Ready(match std::mem::replace(rest, Rest::Nothing) {
                    Rest::Trailers(trailers) => Some(Ok(trailers)),
                    Rest::Broken(error) => Some(Err(error)),
                    Rest::Nothing | Rest::More(_) => None,
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Untouched { body } => body.is_end_stream(),
            Kind::Read { read, rest } => {
                read.is_empty()
                    && match rest {
                        Rest::Nothing => true,
                        Rest::More(rest) => rest.is_end_stream(),
                        Rest::Trailers(_) | Rest::Broken(_) => false,
                    }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Untouched { body } => body.size_hint(),
            Kind::Read { read, rest } => {
                let read = read.len() as u64;
                let rest = match rest {
                    Rest::Nothing | Rest::Trailers(_) => SizeHint::with_exact(0),
                    Rest::More(rest) => rest.size_hint(),
                    Rest::Broken(_) => SizeHint::new(),
                };
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(read));
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(read));
                }
                hint
            }
        }
    }
}

impl<B: Body> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Omits the content: forms contain passwords.
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}
