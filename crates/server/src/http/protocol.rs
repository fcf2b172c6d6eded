//! What a fresh connection speaks: TLS or not, HTTP/1.1 or HTTP/2. It is found out before the first request, so that none
//! pays for it.

use std::io;
use std::pin::Pin;

use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::http2;
use super::serve::{Connection, Draining};
use crate::settings::{ConnectionSettings, HTTP2, Tls};

/// How a client begins that knows beforehand that HTTP/2 is spoken here (RFC 9113 section 3.4), and no other. It sends all
/// 24 bytes of it at once.
const PREFACE: &[u8] = b"PRI ";

/// A connection whose client must take what it is sent within the write timeout.
type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

/// Serves one connection to its end.
pub(super) async fn run(
    connection: Connection,
    stream: TcpStream,
    settings: &ConnectionSettings,
    draining: &Draining,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "can't set TCP_NODELAY");
    }
    // Who says nothing is let go as one is who does not finish the head of a request. What is less usual is boxed: connections
    // of plain HTTP/1.1 need not be as large as it.
    let ended = match &settings.tls {
        Some(tls) => Box::pin(behind_tls(connection, stream, tls, settings, draining)).await,
        None => match in_time(begins_http2(&stream), settings, draining).await {
            Some(Ok(false)) => connection.speak_http1(stream, settings, draining).await,
            Some(Ok(true)) => {
                Box::pin(http2::serve(connection, limited(stream, settings), settings, draining)).await
            }
            Some(Err(error)) => return tracing::debug!(%error, "a connection ended before it spoke"),
            None => return,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn behind_tls(
    connection: Connection,
    stream: TcpStream,
    tls: &Tls,
    settings: &ConnectionSettings,
    draining: &Draining,
) -> hyper::Result<()> {
    let accept = TlsAcceptor::from(tls.config()).accept(limited(stream, settings));
    match in_time(accept, settings, draining).await {
        Some(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
            http2::serve(connection, stream, settings, draining).await
        }
        Some(Ok(stream)) => connection.speak_http1(stream, settings, draining).await,
        Some(Err(error)) => {
            tracing::debug!(%error, "no TLS was agreed on");
            Ok(())
        }
        None => Ok(()),
    }
}

fn limited(stream: TcpStream, settings: &ConnectionSettings) -> Stream {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(settings.write_timeout));
    Box::pin(stream)
}

/// Whether the client begins with HTTP/2's preface, which stays to be read.
async fn begins_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    let length = stream.peek(&mut first).await?;
    Ok(first.get(..length) == Some(PREFACE))
}

/// What a client does before its first request; `None` when it takes too long.
async fn in_time<T>(
    greeting: impl Future<Output = T>,
    settings: &ConnectionSettings,
    draining: &Draining,
) -> Option<T> {
    tokio::select! {
        biased;
        greeted = greeting => Some(greeted),
        () = tokio::time::sleep(settings.header_timeout) => None,
        () = draining.last_moment() => None,
    }
}
