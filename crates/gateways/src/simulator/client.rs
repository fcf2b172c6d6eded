//! As much of an HTTP client as a simulator needs: one request, one answer, the connection is closed.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(20);
/// The most bytes of an answer.
const MAX_ANSWER: u64 = 1 << 20;

/// An answer of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The value of the header `Location`, when there is one.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Sends a request to `http://host:port/path`.
///
/// # Errors
/// The connection failed or was cut, or the answer is none, or took more than 20 seconds.
pub async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let sent = exchange(method, url, headers, body);
    tokio::time::timeout(LIMIT, sent).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn exchange(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| bad("a simulator speaks http:// only"))?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes).await?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> io::Result<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| bad("no answer"))?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let body = &bytes[end + 4..];
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| bad("no status"))?;
    let header = |wanted: &str| {
        head.lines().skip(1).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    let body = if header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        unchunk(body)?
    } else {
        let length = header("content-length").and_then(|text| text.parse::<usize>().ok());
        if length.is_some_and(|length| length != body.len()) {
            return Err(bad("the answer was cut"));
        }
        body.to_vec()
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { status, location: header("location"), body })
}

fn unchunk(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let cut = || bad("the answer was cut");
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").ok_or_else(cut)?;
        let size = std::str::from_utf8(&rest[..line]).ok();
        let size = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok()).ok_or_else(cut)?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Ok(whole);
        }
        whole.extend(rest.get(..size).ok_or_else(cut)?);
        rest = rest.get(size + 2..).ok_or_else(cut)?;
    }
}
