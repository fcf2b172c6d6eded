//! `slippers healthcheck`

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::console;
use crate::failure::Failure;
use crate::greeting;

/// How long the shop may take to answer, in all.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let address = reachable(config.listen);
    if address.port() == 0 {
        return Err(Failure::misused(
            "SLIPPERS_LISTEN names port 0, which is any free port",
            "name the port that the shop listens on: --listen ADDRESS:PORT",
        ));
    }
    match ask(address, PATIENCE, config.tls.is_some()) {
        Ok(200) => {
            console::say(&format!("{address} is alive."));
            Ok(())
        }
        Ok(status) => Err(dead(address, &format!("it answers {status}"))),
        Err(error) => Err(dead(address, &error.to_string())),
    }
}

fn dead(address: SocketAddr, why: &str) -> Failure {
    Failure::failed(
        format!("no living shop at {address}: {why}"),
        "start it with `slippers serve`, or name its address with --listen or SLIPPERS_LISTEN",
    )
}

/// One can listen on all networks, but call only one address.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// A stream, with TLS or without.
trait ReadWrite: Read + Write {}

impl<S: Read + Write> ReadWrite for S {}

/// The status of `GET /health/live`.
pub(super) fn ask(address: SocketAddr, patience: Duration, is_tls: bool) -> io::Result<u16> {
    ask_for(address, &address.to_string(), "/health/live", patience, is_tls)
}

/// The status of `GET` of a path.
pub(super) fn ask_for(
    address: SocketAddr,
    host: &str,
    path: &str,
    patience: Duration,
    is_tls: bool,
) -> io::Result<u16> {
    let end = Instant::now() + patience;
    let left = || {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut)) } else { Ok(left) }
    };
    let socket = TcpStream::connect_timeout(&address, patience)?;
    socket.set_write_timeout(Some(left()?))?;
    socket.set_read_timeout(Some(left()?))?;
    let clock = socket.try_clone()?;
    let mut stream: Box<dyn ReadWrite> =
        if is_tls { Box::new(greeting::tls(socket)?) } else { Box::new(socket) };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    // "HTTP/1.1 200" is all that counts.
    let mut head = [0; 12];
    let mut filled = 0;
    while filled < head.len() {
        clock.set_read_timeout(Some(left()?))?;
        match stream.read(&mut head[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.strip_prefix("HTTP/1."));
    let status = status.and_then(|rest| rest.split_once(' ')).and_then(|(_, status)| status.parse().ok());
    status.ok_or_else(|| io::Error::other("it does not speak HTTP"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What the check says of a server that answers so.
    fn answer(text: &'static [u8]) -> io::Result<u16> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().expect("a caller");
                let mut request = [0; 16];
                stream.read_exact(&mut request).expect("a request");
                assert_eq!(&request, b"GET /health/live");
                stream.write_all(text).expect("an answer");
                // Closing with unread bytes would reset the connection.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            });
            ask(address, Duration::from_secs(5), false)
        })
    }

    #[test]
    fn the_status_decides() {
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\n\r\n").expect("a status"), 200);
        assert_eq!(answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").expect("a status"), 503);
        assert!(answer(b"SSH-2.0-OpenSSH_9.2p1").is_err());
        assert!(answer(b"").is_err());
    }

    #[test]
    fn silence_ends_with_the_patience() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let error = ask(listener.local_addr().expect("an address"), Duration::from_millis(50), false)
            .expect_err("silence");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn all_networks_are_called_at_home() {
        assert_eq!(reachable(SocketAddr::from(([0, 0, 0, 0], 80))).to_string(), "127.0.0.1:80");
        assert_eq!(reachable(SocketAddr::from(([10, 0, 0, 1], 80))).to_string(), "10.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().expect("an address")).to_string(), "[::1]:80");
    }
}
