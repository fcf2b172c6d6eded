//! A client of one connection.

use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The body of a 200 of so many bytes as it says; any other answer is an error.
    ///
    /// # Errors
    /// With what was answered instead.
    pub(crate) fn get(&mut self, target: &str) -> Result<String> {
        self.ask("GET", target, "", "")
    }

    /// The same for any request; `headers` are whole lines.
    ///
    /// # Errors
    /// With what was answered instead.
    pub(crate) fn ask(&mut self, method: &str, target: &str, headers: &str, body: &str) -> Result<String> {
        match self.exchange(method, target, headers, body)? {
            (200, _, body) => Ok(body),
            (_, head, body) => Err(Error::other(format!("{target}: {head}{body}"))),
        }
    }

    /// Status, head and body of whatever is answered.
    ///
    /// # Errors
    /// When it is no answer.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Result<(u16, String, String)> {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: shop\r\n{headers}{length}\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let start = head.len();
            if self.0.read_line(&mut head)? == 0 {
                return Err(Error::other(format!("{target}: the connection was ended")));
            }
            let line = &head[start..];
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(Error::other)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or_else(|| Error::other(format!("{target}: {head}")))?, head, body))
    }
}
