//! What is left of a request's body once its answer is made.
//!
//! Handlers that take no body, refusals, and bodies over the limit leave bytes that the client is still sending. hyper
//! would close on them, and most clients send to the end before they listen: they would see a reset instead of the
//! answer, or lose the next request on the connection. So what is left is read and thrown away first, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How much is thrown away: a picture of the largest size that may be sent, and then some.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(5);
/// A client that pauses for longer has stopped sending, or never means to.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Waits for what a handler leaves of a body.
#[derive(Debug)]
pub(super) struct Leftover {
    unread: oneshot::Receiver<Incoming>,
    /// The client asked whether to send at all (`Expect: 100-continue`); an answer without the go-ahead means no.
    is_withheld: bool,
}

/// Gives the body a way back here when it is dropped before its end; `None` when there is no body.
pub(super) fn watch(request: Request<Incoming>) -> (Request<Body>, Option<Leftover>) {
    if http_body::Body::is_end_stream(request.body()) {
        return (request.map(|_| Body::empty()), None);
    }
    let (back, unread) = oneshot::channel();
    let is_withheld = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| Body::new(Watched { body: Some(body), back: Some(back) }));
    (request, Some(Leftover { unread, is_withheld }))
}

impl Leftover {
    /// Throws away what is left. Answers whether the connection can carry another request.
    pub(super) async fn discard(mut self) -> bool {
        let Ok(mut body) = self.unread.try_recv() else { return true };
        if self.is_withheld {
            return false;
        }
        let until = Instant::now() + MAX_TIME;
        let mut left = MAX_BYTES;
        loop {
            match timeout_at(until.min(Instant::now() + MAX_PAUSE), body.frame()).await {
                Ok(None) => return true,
                Ok(Some(Ok(frame))) => match frame.data_ref().map_or(0, Bytes::len) {
                    size if size > left => return false,
                    size => left -= size,
                },
                Ok(Some(Err(_))) | Err(_) => return false,
            }
        }
    }
}

/// A body that goes back when it is dropped unread.
struct Watched {
    body: Option<Incoming>,
    back: Option<oneshot::Sender<Incoming>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), http_body::Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if http_body::Body::is_end_stream(self) {
            return;
        }
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            // Nobody waits any more when the connection is gone.
            let _ = back.send(body);
        }
    }
}
