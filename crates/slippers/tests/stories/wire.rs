//! HTTP as bytes: for what a proper client library would not send.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use crate::shop::{Answer, Caller, PATIENCE, Shop};

/// A request whose connection ends with its answer. A body, if any, is announced by its length.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// Sends a request with a target that is not touched on its way and answers what came back.
#[track_caller]
pub(crate) fn send(shop: &Shop, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut line = Line::open(shop);
    // What is large is read by a thread that takes only what others leave.
    line.stream.get_ref().set_read_timeout(Some(PATIENCE * 4)).expect("a timeout");
    line.say(&request(method, target, headers, body));
    let answer = if method == "HEAD" { line.hear_head() } else { line.hear() };
    answer.unwrap_or_else(|| panic!("{method} {target}: closed without an answer"))
}

/// Sends a body as JSON, byte for byte.
#[track_caller]
pub(crate) fn send_json(
    shop: &Shop,
    caller: Option<&Caller>,
    method: &str,
    path: &str,
    body: impl AsRef<[u8]>,
) -> Answer {
    let bearer = caller.map(|caller| format!("Bearer {}", caller.access));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    send(shop, method, path, &headers, body.as_ref())
}

/// A connection of one's own.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.get_ref().as_fd()
    }
}

impl Line {
    pub(crate) fn open(shop: &Shop) -> Self {
        let stream = TcpStream::connect(shop.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes; that the other side has hung up meanwhile is no failure, what it said before is still to be heard.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub(crate) fn hang_up_half(&mut self) {
        let _ = self.stream.get_mut().shutdown(Shutdown::Write);
    }

    /// The next answer, after any interim one; `None` when the connection ended without.
    pub(crate) fn hear(&mut self) -> Option<Answer> {
        let mut answer = self.hear_head()?;
        let length = answer.header("content-length").map_or(0, |v| v.parse().expect("a length"));
        assert_eq!(answer.header("transfer-encoding"), None, "no answer of ours is chunked");
        if answer.status != 304 {
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body).expect("the whole body");
        }
        Some(answer)
    }

    /// The next answer, up to its body.
    pub(crate) fn hear_head(&mut self) -> Option<Answer> {
        let status: u16 = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status == 100 { self.hear_head() } else { Some(Answer { status, headers, body: Vec::new() }) }
    }

    /// Whether the other side has ended the connection and said nothing before.
    pub(crate) fn is_closed_in_silence(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end as well; a timeout is not.
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset && rest.is_empty(),
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        self.stream.read_until(b'\n', &mut bytes).ok()?;
        if bytes.is_empty() {
            return None;
        }
        Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }
}
