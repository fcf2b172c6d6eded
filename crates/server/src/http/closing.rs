//! The end of a listener that nobody goes on with. Closing it resets whoever is in its queue, and between the last look into
//! the queue and the close somebody can always come. So the newcomers are kept out first, and the queue is emptied then.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long whoever has begun to connect is waited for: a round trip halfway round the world.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(100);

/// Keeps newcomers out, takes whoever is in the queue or on the way into it, and closes the listener.
///
/// No other process may hold it: the socket itself becomes deaf, for all who have it.
pub(super) async fn close(listener: TcpListener, take: impl Fn(TcpStream, SocketAddr)) {
    match keep_newcomers_out(&listener) {
        Ok(()) => {
            let taken = async {
                while let Ok((stream, peer)) = listener.accept().await {
                    take(stream, peer);
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
fn keep_newcomers_out(listener: &TcpListener) -> std::io::Result<()> {
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
fn keep_newcomers_out(_: &TcpListener) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
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
    while let Ok((stream, peer)) = listener.accept() {
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            take(stream, peer);
        }
    }
}
