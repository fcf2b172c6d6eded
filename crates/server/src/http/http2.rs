//! HTTP/2 on one connection. hyper and h2 hold the protocol's own limits; what they leave open is held here: a connection
//! on which nothing moves is told to go, as one of HTTP/1.1 is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::hot::Short;
use super::payload::Payload;
use super::serve::{Connection, Draining};
use crate::settings::ConnectionSettings;

/// Requests that one connection may have open: RFC 9113 section 6.5.2 recommends no fewer, and nobody's page needs more.
const MAX_STREAMS: u32 = 100;
/// What the headers of a request may take, names and values with 32 bytes each (RFC 9113 section 6.5.2). h2 answers 431
/// beyond. A connection can have a hundred such in memory, so it is less than what HTTP/1.1 may have.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;
/// Streams that were begun and reset before they were looked at: more end the connection (CVE-2023-44487).
const MAX_RESET_UNSEEN: usize = 20;
/// Streams that we had to reset: more end the connection (RUSTSEC-2024-0003). Those beyond [`MAX_STREAMS`] are among them, and a
/// client can have sent some hundred before it is told.
const MAX_RESET_BY_US: usize = 1024;
/// What may wait to be sent on one stream.
const MAX_SEND_BYTES: usize = 128 * 1024;

/// Serves requests until the client goes, nothing has moved for long, or the server stops.
pub(super) async fn serve(
    connection: Connection,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    settings: &ConnectionSettings,
    draining: &Draining,
) -> hyper::Result<()> {
    let shared = Arc::new(Shared { connection, moves: Moves::default(), spent: CancellationToken::new() });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_BYTES)
        .max_pending_accept_reset_streams(MAX_RESET_UNSEEN)
        .max_local_error_reset_streams(MAX_RESET_BY_US)
        .max_send_buf_size(MAX_SEND_BYTES)
        .keep_alive_interval(settings.header_timeout)
        .keep_alive_timeout(settings.header_timeout)
        .serve_connection(TokioIo::new(stream), Front(shared.clone()));
    let mut served = std::pin::pin!(served);
    let leave = async {
        tokio::select! {
            () = draining.begun() => {}
            () = shared.spent.cancelled() => {}
            () = shared.moves.until_still(settings.header_timeout) => {}
        }
    };
    tokio::select! {
        biased;
        ended = served.as_mut() => return ended,
        () = leave => {}
    }
    // GOAWAY: no further stream is taken, those that run are finished.
    served.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        ended = served.as_mut() => ended,
        // Who does not take an answer in that time never will.
        () = shared.moves.until_still(settings.write_timeout) => Ok(()),
    }
}

/// What all streams of a connection have in common.
struct Shared {
    connection: Connection,
    moves: Moves,
    /// The connection has carried all the requests that it may.
    spent: CancellationToken,
}

/// Whether anything moves on a connection: a request at work, one that began, a piece of an answer that was taken.
#[derive(Debug, Default)]
struct Moves {
    at_work: AtomicUsize,
    count: AtomicU64,
}

impl Moves {
    fn count(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for that long, and up to twice as long.
    async fn until_still(&self, time: Duration) {
        let mut seen = self.count.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(time).await;
            let now = self.count.load(Ordering::Relaxed);
            if now == seen && self.at_work.load(Ordering::Relaxed) == 0 {
                return;
            }
            seen = now;
        }
    }
}

struct Front(Arc<Shared>);

impl Service<Request<Incoming>> for Front {
    type Response = Response<Moving>;
    type Error = Infallible;
    type Future = Reply;

    fn call(&self, request: Request<Incoming>) -> Reply {
        let shared = self.0.clone();
        shared.moves.count();
        let refused = match shared.connection.try_short(&request) {
            Short::Answered(response) => {
                let response = shared.count(response);
                return Reply::Now(Some(response.map(|body| Moving { body, shared })));
            }
            Short::Refused(decision) => Some(decision),
            Short::Missed => None,
        };
        Reply::Later(Box::pin(async move {
            let at_work = AtWork::begin(&shared);
            let (response, _is_spent) = shared.connection.long_way(request, refused).await;
            let response = shared.count(response);
            drop(at_work);
            response.map(|body| Moving { body, shared })
        }))
    }
}

impl Shared {
    /// Counts an answer; after the last one the connection is left.
    fn count(&self, response: Response<Payload>) -> Response<Payload> {
        if self.connection.count() {
            self.spent.cancel();
        }
        response
    }
}

/// A request at work, however it ends.
struct AtWork<'s>(&'s Moves);

impl<'s> AtWork<'s> {
    fn begin(shared: &'s Shared) -> Self {
        shared.moves.at_work.fetch_add(1, Ordering::Relaxed);
        Self(&shared.moves)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
        self.0.count();
    }
}

/// An answer that is there, or one that is being made.
enum Reply {
    Now(Option<Response<Moving>>),
    Later(Pin<Box<dyn Future<Output = Response<Moving>> + Send>>),
}

impl Future for Reply {
    type Output = Result<Response<Moving>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            // hyper asks once.
            Self::Now(response) => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
            Self::Later(future) => future.as_mut().poll(context).map(Ok),
        }
    }
}

/// A body whose pieces count as moves: they are asked for as the client makes room for them.
struct Moving {
    body: Payload,
    shared: Arc<Shared>,
}

impl http_body::Body for Moving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.shared.moves.count();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
