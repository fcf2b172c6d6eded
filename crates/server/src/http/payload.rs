//! The body of an answer: bytes that are there, or what a handler streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};

use super::patience::Busy;

/// What is sent. Bytes that are there need no box and no call through a table.
#[derive(Debug)]
pub(crate) enum Payload {
    /// All of it; `None` once it is sent, and for no body at all.
    Whole(Option<Bytes>),
    /// What comes from a handler.
    Streamed(Body),
    /// The same; its connection waits for no other request until it is sent.
    Sending {
        /// What comes.
        body: Body,
        /// Says so.
        _until: Busy,
    },
}

impl Payload {
    /// Holds the guard as long as there is something to send.
    pub(super) fn until_sent(self, busy: Busy) -> Self {
        match self {
            Self::Streamed(body) if !body.is_end_stream() => Self::Sending { body, _until: busy },
            other => other,
        }
    }
}

impl http_body::Body for Payload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(body) | Self::Sending { body, .. } => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streamed(body) | Self::Sending { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Streamed(body) | Self::Sending { body, .. } => body.size_hint(),
        }
    }
}
