//! The end of a listener that nobody goes on with. Closing it resets whoever is in its queue, and between the last look into
//! the queue and the close somebody can always come. So the newcomers are kept out first, and the queue is emptied then.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::serve::rest_after;

/// How long whoever has begun to connect is waited for: a round trip halfway round the world.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(300);

/// Keeps newcomers out, takes whoever is in the queue or on the way into it, and closes the listener.
///
/// No other process may hold it: the socket itself becomes deaf, for all who have it.
pub(super) async fn close(listener: TcpListener, take: impl Fn(TcpStream, SocketAddr)) {
    match keep_newcomers_out(&listener) {
        Ok(()) => {
            let taken = async {
                loop {
                    match listener.accept().await {
                        Ok((stream, peer)) => take(stream, peer),
                        Err(error) => rest_after(&error).await,
                    }
                }
            };
            // It ends by the time: there is nothing that tells of the last one.
            let _ = tokio::time::timeout(HANDSHAKE_GRACE, taken).await;
        }
        Err(error) => tracing::debug!(%error, "who connects while the listener closes is reset: {error}"),
    }
    take_the_rest(listener, take);
}

/// Lets the kernel drop segments that ask for a connection. Their senders ask again a second later (RFC 6298, 2.1), and are
/// refused by a closed port then, or answered by whoever listens on it.
#[cfg(target_os = "linux")]
fn keep_newcomers_out(listener: &TcpListener) -> io::Result<()> {
    use socket2::{SockFilter, SockRef};

    // A program for the kernel's packet filter (linux/filter.h) over the TCP header. Of its flags, byte 13, a first segment
    // has SYN and no ACK.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
fn keep_newcomers_out(_: &TcpListener) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Takes what still waits in the queue. The system itself is asked: the runtime knows only of connections that it has been
/// told of, and hands out only so many in one go.
fn take_the_rest(listener: TcpListener, take: impl Fn(TcpStream, SocketAddr)) {
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the queue of the listener is given up: {error}");
            return;
        }
    };
    loop {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        match listener.accept() {
            Ok((stream, peer)) => {
                if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                    take(stream, peer);
                }
            }
            // Of one that has gone; there may be others behind it.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) => {}
            Err(_) => return,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use socket2::SockRef;
    use tokio::time::timeout;

    use super::*;

    /// A retry of the kernel comes after a second.
    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn newcomers_are_kept_out_and_who_was_there_is_let_in() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let first = TcpStream::connect(address).await.expect("it listens");
        keep_newcomers_out(&listener).expect("a filter");
        let mut second = Box::pin(TcpStream::connect(address));
        assert!(timeout(SHORT, &mut second).await.is_err(), "nobody answers it");
        let (_, peer) = timeout(LONG, listener.accept()).await.expect("it waits").expect("a connection");
        assert_eq!(peer, first.local_addr().expect("an address"));
        // It asked before and asks again: nothing of it was lost.
        SockRef::from(&listener).detach_filter().expect("there is one");
        timeout(LONG, second).await.expect("it gets in").expect("a connection");
    }

    #[tokio::test]
    async fn whoever_waits_in_the_queue_is_taken_and_then_nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let clients = [TcpStream::connect(address).await, TcpStream::connect(address).await];
        let taken = std::cell::Cell::new(0);
        close(listener, |_, _| taken.set(taken.get() + 1)).await;
        assert_eq!((taken.get(), clients.iter().filter(|client| client.is_ok()).count()), (2, 2));
        assert!(TcpStream::connect(address).await.is_err());
    }
}
