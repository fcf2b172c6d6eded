//! The accept loop. It is our own because `axum::serve` 0.8 sets no timer, so that a client that sends its header a byte a
//! minute holds a connection for ever. Here `Patient` times HTTP/1.1, and hyper's own timers HTTP/2.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::closing;
use super::hot::Short;
use super::leftover;
use super::limit::Decision;
use super::patience::{Patient, Progress};
use super::payload::Payload;
use super::protocol;
use super::stack::Stack;
use crate::settings::ConnectionSettings;

/// A request's head may have this many bytes; hyper answers 431 beyond.
///
/// It may have 100 headers: that is hyper's own limit, and saying so makes it build tables of that size for each request.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long a connection may take to begin its next request once the server stops: that one is told to be the last. Whoever
/// was just let in, or has just sent one, would else find the connection closed.
const LAST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// How a server leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Nobody else has this listener: what waits in its queue is still answered, and newcomers are kept out of it.
    Closing,
    /// Others have it too and go on with it: they take what waits.
    HandedOver,
}

/// Serves connections until `stop` resolves, then drains: what waits in the listener's queue is still taken and
/// answered, unless others do that; what runs is finished, idle connections are closed. Ends at the latest after the drain
/// timeout, which begins when nobody else is let in.
pub(crate) async fn serve(
    stack: Arc<Stack>,
    settings: ConnectionSettings,
    listener: TcpListener,
    stop: impl Future<Output = Leave>,
) {
    let places = Arc::new(Semaphore::new(settings.max_connections));
    let draining = Arc::new(Draining::default());
    let connections = TaskTracker::new();
    let spawn = |stream: TcpStream, peer: SocketAddr, place| {
        let connection = Connection {
            stack: stack.clone(),
            peer,
            requests: AtomicU64::new(0),
            max_requests: settings.max_requests_per_connection,
        };
        let (settings, draining) = (settings.clone(), draining.clone());
        connections.spawn(async move {
            let _place = place;
            let stack = connection.stack.clone();
            let _open = stack.shop.metrics.connection();
            protocol::run(connection, stream, &settings, &draining).await;
        });
    };

    let mut stop = std::pin::pin!(stop);
    let leave = loop {
        let next = async {
            // A place is taken before the connection: the ones beyond wait in the kernel's queue, not in our memory.
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            biased;
            leave = &mut stop => break leave,
            accepted = next => accepted,
        };
        match accepted {
            Ok((stream, peer)) => spawn(stream, peer, place),
            Err(error) => rest_after(&error).await,
        }
    };

    stack.shop.leaves.store(true, Ordering::Relaxed);
    draining.begin();
    match leave {
        Leave::Closing => closing::close(listener, |stream, peer| spawn(stream, peer, None)).await,
        // Whoever has the socket now takes what waits in its queue.
        Leave::HandedOver => drop(listener),
    }
    connections.close();
    if tokio::time::timeout(settings.drain_timeout, connections.wait()).await.is_err() {
        let left = connections.len();
        tracing::warn!(left, "{left} connections were still open after the drain timeout");
    }
}

/// A connection that went away while it waited is no reason to rest; running out of file descriptors is, or the loop
/// would spin.
pub(super) async fn rest_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "can't accept connections: {error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether the server is about to stop.
#[derive(Debug, Default)]
pub(super) struct Draining {
    has_begun: AtomicBool,
    token: CancellationToken,
}

impl Draining {
    fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.token.cancel();
    }

    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Resolves when the server is to stop.
    pub(super) async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Resolves when it is too late to begin a request.
    pub(super) async fn last_moment(&self) {
        self.begun().await;
        tokio::time::sleep(LAST_REQUEST_GRACE).await;
    }
}

/// A connection, whatever it speaks.
pub(super) struct Connection {
    stack: Arc<Stack>,
    peer: SocketAddr,
    requests: AtomicU64,
    max_requests: u64,
}

impl Connection {
    /// Serves HTTP/1.1 until either side ends it.
    pub(super) async fn speak_http1(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        settings: &ConnectionSettings,
        draining: &Draining,
    ) -> hyper::Result<()> {
        let progress = Progress::default();
        let stream = Patient::new(stream, progress.clone(), settings.header_timeout, settings.write_timeout);
        let service = Front { connection: self, draining, progress: &progress };
        let connection = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut leave = std::pin::pin!(draining.last_moment());
        // To look at the token takes locks that all connections share. Who has looked is woken when the time has come, as
        // long as it is the same task that waits, and it is.
        let mut has_looked = false;
        let ended = poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Some(ended));
            }
            if has_looked && !draining.has_begun() {
                return Poll::Pending;
            }
            has_looked = true;
            leave.as_mut().poll(context).map(|()| None)
        });
        match ended.await {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    }

    /// The short way, where the page is kept.
    pub(super) fn try_short(&self, request: &Request<Incoming>) -> Short {
        self.stack.try_short(request, self.peer.ip())
    }

    /// The long way, through the stack and the router, or to a refusal.
    /// Answers also whether something of the request is left unread.
    pub(super) async fn long_way(
        &self,
        request: Request<Incoming>,
        refused: Option<Decision>,
    ) -> (Response<Payload>, bool) {
        let (request, leftover) = leftover::watch(request);
        let response = match refused {
            Some(decision) => self.stack.refuse(request, decision).await,
            None => self.stack.handle(request, self.peer.ip()).await,
        };
        let is_spent = match leftover {
            Some(leftover) => !leftover.discard().await,
            None => false,
        };
        (response, is_spent)
    }

    /// Counts an answer; answers whether it is the last that the connection may carry.
    pub(super) fn count(&self) -> bool {
        self.stack.shop.request_limit.count();
        let served = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_requests > 0 && served >= self.max_requests
    }
}

/// What answers the requests of a connection that speaks HTTP/1.1.
struct Front<'c> {
    connection: &'c Connection,
    draining: &'c Draining,
    progress: &'c Progress,
}

impl<'c> Service<Request<Incoming>> for Front<'c> {
    type Response = Response<Payload>;
    type Error = Infallible;
    type Future = Reply<'c>;

    fn call(&self, request: Request<Incoming>) -> Reply<'c> {
        let Self { connection, draining, progress } = *self;
        let refused = match connection.try_short(&request) {
            Short::Answered(response) => {
                progress.moved();
                return Reply::Now(Some(self.count(response, false)));
            }
            Short::Refused(decision) => Some(decision),
            Short::Missed => None,
        };
        let front = Front { connection, draining, progress };
        let busy = progress.begin();
        Reply::Later(Box::pin(async move {
            let (response, is_spent) = connection.long_way(request, refused).await;
            front.count(response, is_spent).map(|payload| payload.until_sent(busy))
        }))
    }
}

impl Front<'_> {
    /// Counts an answer, and says so when it is the connection's last.
    fn count(&self, mut response: Response<Payload>, is_spent: bool) -> Response<Payload> {
        if self.connection.count() || is_spent || self.draining.has_begun() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An answer that is there, or one that is being made: the future of the long way is large, and the short way pays
/// nothing for it.
enum Reply<'c> {
    Now(Option<Response<Payload>>),
    Later(Pin<Box<dyn Future<Output = Response<Payload>> + Send + 'c>>),
}

impl Future for Reply<'_> {
    type Output = Result<Response<Payload>, Infallible>;

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
