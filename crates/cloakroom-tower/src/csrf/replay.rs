//! A request's body that was read in part and is handed on whole.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use cloakroom_session::{Extent, FormSearch, Refusal};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a request that passed the CSRF layer: the client's, whatever of it was read before.
    pub struct ReplayBody<B: Body> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B: Body> {
        Untouched { #[pin] body: B },
        Read { frames: VecDeque<Frame<Bytes>>, rest: Rest<B> },
    }
}

/// What follows the frames that were read.
enum Rest<B: Body> {
    Nothing,
    // Boxed, because a body that was polled can't be moved any more.
    More(Pin<Box<B>>),
    /// It broke off: whoever reads it must not take what came for all of it.
    Broken(Option<B::Error>),
}

impl<B: Body<Data = Bytes>> ReplayBody<B> {
    pub(crate) const fn untouched(body: B) -> Self {
        Self { kind: Kind::Untouched { body } }
    }

    /// Reads a form as far as the search for its token allows; returns what was found, and the body as it was.
    pub(crate) async fn search(body: B, mut search: FormSearch) -> (Result<(), Refusal>, Self) {
        let mut rest = Box::pin(body);
        let mut frames = VecDeque::new();
        let (extent, rest) = loop {
            match std::future::poll_fn(|cx| rest.as_mut().poll_frame(cx)).await {
                None => break (Extent::Whole, Rest::Nothing),
                Some(Err(error)) => {
                    return (Err(Refusal::BodyUnreadable), Self::read(frames, Rest::Broken(Some(error))));
                }
                Some(Ok(frame)) => {
                    let more = frame.data_ref().is_none_or(|data| search.push(data.clone()));
                    frames.push_back(frame);
                    if !more {
                        break (Extent::Prefix, Rest::More(rest));
                    }
                }
            }
        };
        (search.verdict(extent).await, Self::read(frames, rest))
    }

    const fn read(frames: VecDeque<Frame<Bytes>>, rest: Rest<B>) -> Self {
        Self { kind: Kind::Read { frames, rest } }
    }
}

impl<B: Body<Data = Bytes>> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Untouched { body } => body.poll_frame(cx),
            KindProj::Read { frames, rest } => match (frames.pop_front(), rest) {
                (Some(frame), _) => Poll::Ready(Some(Ok(frame))),
                (None, Rest::More(rest)) => rest.as_mut().poll_frame(cx),
                (None, Rest::Broken(error)) => Poll::Ready(error.take().map(Err)),
                (None, Rest::Nothing) => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Untouched { body } => body.is_end_stream(),
            Kind::Read { frames, rest } => {
                frames.is_empty()
                    && match rest {
                        Rest::Nothing | Rest::Broken(None) => true,
                        Rest::More(rest) => rest.is_end_stream(),
                        Rest::Broken(Some(_)) => false,
                    }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Untouched { body } => body.size_hint(),
            Kind::Read { frames, rest } => {
                let read = frames.iter().filter_map(Frame::data_ref).map(|data| data.remaining() as u64).sum::<u64>();
                let rest = match rest {
                    Rest::Nothing => SizeHint::with_exact(0),
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
        // Nothing of what it holds: forms carry passwords.
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}
