//! The limit beside the shop: a bare hyper server that sends one answer, with the same status, headers and bytes as the
//! shop sent it, to whatever is asked.
//!
//!   slippers-bench bare LISTEN SHOP PATH [HEADER: VALUE]...
//!
//! It asks the shop once, keeps what came, and serves it.

use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Outcome;

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [listen, shop, path, headers @ ..] = arguments else {
        return Err("usage: slippers-bench bare LISTEN SHOP PATH [HEADER: VALUE]...".into());
    };
    let answer = ask(shop, path, headers)?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    Ok(runtime.block_on(serve(listen, answer))?)
}

/// What the shop has sent.
#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

fn ask(shop: &str, path: &str, headers: &[String]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(shop)?;
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n");
    headers.iter().for_each(|header| request.push_str(&format!("{header}\r\n")));
    stream.write_all(format!("{request}\r\n").as_bytes())?;
    let mut whole = Vec::new();
    stream.read_to_end(&mut whole)?;
    parse(&whole).ok_or_else(|| io::Error::other("the shop's answer can't be read"))
}

fn parse(whole: &[u8]) -> Option<Answer> {
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&whole[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::try_from(name).ok()?;
        // hyper writes these by itself.
        if !["date", "connection", "content-length"].contains(&name.as_str()) {
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
    }
    Some(Answer { status, headers, body: Bytes::copy_from_slice(&whole[end + 4..]) })
}

async fn serve(listen: &str, answer: Answer) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let service = service_fn(|_| {
                let response = answer.response();
                async move { Ok::<_, Infallible>(response) }
            });
            // A client that leaves is no matter.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
