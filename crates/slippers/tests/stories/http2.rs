//! HTTP/2, with TLS and without: the same shop, with clients that others have written, and with some that mean harm.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use tempfile::TempDir;
use ureq::http::Request;

use crate::shop::{PATIENCE, Shop, eventually};

/// A certificate for 127.0.0.1 and its key, in files.
struct Certificate {
    dir: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let this = Self { dir: TempDir::new().expect("a folder") };
        this.renew();
        this
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        write(&self.file("cert.pem"), &made.cert.pem());
        write(&self.file("key.pem"), &made.signing_key.serialize_pem());
    }

    fn shop(&self) -> Shop {
        let (certificate, key) = (self.file("cert.pem"), self.file("key.pem"));
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        Shop::open_with(&[
            ("TLS_CERT", &certificate),
            ("TLS_KEY", &key),
            ("SLIPPERS_LOG", "warn,slippers=info"),
        ])
    }

    /// Asks with curl, which trusts this certificate alone; answers (protocol and status, body).
    fn curl(&self, shop: &Shop, path: &str, arguments: &[&str]) -> (String, String) {
        let authority = self.file("cert.pem").display().to_string();
        curl(&format!("https://{}{path}", shop.address()), &[&["--cacert", &authority], arguments].concat())
    }
}

fn write(path: &Path, text: &str) {
    std::fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
}

/// Asks with curl; answers (protocol and status, body).
fn curl(url: &str, arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "30",
            "--write-out",
            "\n%{http_version} %{http_code}",
        ])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, told) = text.rsplit_once('\n').expect("what curl was asked to write");
    let complaint = String::from_utf8_lossy(&output.stderr);
    let told = if output.status.success() { told.to_owned() } else { format!("{told}: {complaint}") };
    (told, body.to_owned())
}

#[test]
fn tls_brings_http2_to_who_offers_it_and_the_pages_are_the_same() {
    let certificate = Certificate::new();
    let shop = certificate.shop();
    for path in ["/slippers/", "/slippers/", "/health", "/openapi.json"] {
        let (told, body) = certificate.curl(&shop, path, &["--http2"]);
        assert_eq!(told, "2 200", "{path}");
        let (told, same) = certificate.curl(&shop, path, &["--http1.1"]);
        assert_eq!(told, "1.1 200", "{path}");
        if path == "/slippers/" {
            assert_eq!(body, same);
        }
    }
    assert_eq!(certificate.curl(&shop, "/slippers/", &["--tlsv1.3"]).0, "2 200");
    assert_eq!(certificate.curl(&shop, "/slippers/", &["--tls-max", "1.2"]).0, "2 200");
    let old = certificate.curl(&shop, "/slippers/", &["--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"]).0;
    assert!(old.starts_with("0 000"), "{old}");
    // Who speaks plainly is not answered.
    let plain = curl(&format!("http://{}/", shop.address()), &[]).0;
    assert!(plain.starts_with("0 000"), "{plain}");
    assert_eq!(shop.run(&["healthcheck", "--listen", &shop.address().to_string()], "").0, 0);
}

#[test]
fn a_renewed_certificate_is_shown_after_a_hangup_and_a_bad_one_changes_nothing() {
    let certificate = Certificate::new();
    let shop = certificate.shop();
    let hang_up = || {
        let sent = Command::new("kill").args(["-HUP", &shop.process_id().to_string()]).output();
        assert!(sent.expect("kill runs").status.success());
    };
    let file = certificate.file("cert.pem");
    let kept = certificate.file("kept.pem");
    std::fs::rename(&file, &kept).expect("put by");
    write(&file, "nonsense");
    hang_up();
    eventually("it says why not", || shop.said().contains("holds no certificate").then_some(()));
    std::fs::rename(&kept, &file).expect("put back");
    assert_eq!(certificate.curl(&shop, "/slippers/", &[]).0, "2 200");
    certificate.renew();
    let strange = certificate.curl(&shop, "/slippers/", &[]).0;
    assert!(strange.starts_with("0 000"), "the old one is still shown: {strange}");
    hang_up();
    eventually("the new one is shown", || {
        (certificate.curl(&shop, "/slippers/", &[]).0 == "2 200").then_some(())
    });
}

#[test]
fn without_tls_a_proxy_may_begin_with_http2() {
    let shop = Shop::open();
    let url = format!("http://{}", shop.address());
    let prior = |path: &str, arguments: &[&str]| {
        curl(&format!("{url}{path}"), &[&["--http2-prior-knowledge"], arguments].concat())
    };
    let (told, page) = prior("/slippers/", &[]);
    assert_eq!(told, "2 200");
    assert_eq!(page, shop.get("/slippers/").text());
    assert_eq!(prior("/slippers/", &[]), ("2 200".to_owned(), page), "the kept page");
    assert_eq!(prior("/nowhere", &[]).0, "2 404");
    assert_eq!(prior("/slippers/", &["--head"]).0, "2 200");
    let login = ["--json", r#"{"name": "Nobody", "password": "whatever"}"#];
    let (told, body) = prior("/auth/login", &login);
    assert_eq!(told, "2 401");
    assert!(body.contains("Incorrect name or password"), "{body}");
    // A body that nobody reads, and the answer arrives all the same.
    let large = shop.data_dir().join("large");
    write(&large, &"x".repeat(3 << 20));
    let data = format!("@{}", large.display());
    let json = ["--header", "content-type: application/json", "--data-binary", &data];
    assert_eq!(prior("/auth/login", &json).0, "2 413");
    let (told, body) = prior("/cart", &["--header", &format!("x-long: {}", "x".repeat(20_000))]);
    assert_eq!((told.as_str(), body.as_str()), ("2 431", ""));
    // HTTP/1.1 goes on, also for who would rather have the other.
    assert_eq!(curl(&format!("{url}/slippers/"), &["--http2"]).0, "1.1 200");
}

/// A client that others have written, on a runtime of its own.
fn with_client<T>(shop: &Shop, story: impl AsyncFnOnce(SendRequest<Bytes>, &Shop) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(shop.address()).await.expect("it listens");
        let (client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        let connection = tokio::spawn(connection);
        let told = tokio::time::timeout(PATIENCE, story(client, shop)).await.expect("in time");
        let ended = tokio::time::timeout(PATIENCE, connection).await.expect("the connection ends");
        ended.expect("no panic").expect("it ends in order");
        told
    })
}

fn request(method: &str, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(format!("http://shop{path}"));
    request.header("content-type", "application/json").body(()).expect("a request")
}

#[test]
fn the_end_is_told_by_goaway_and_what_runs_is_finished() {
    let mut shop = Shop::open();
    with_client(&shop, async |client, shop| {
        let mut client = client.ready().await.expect("ready");
        let (answer, mut body) = client.send_request(request("POST", "/auth/login"), false).expect("sent");
        body.send_data(Bytes::from_static(br#"{"name":"Nobody","#), false).expect("sent");
        // Answered on the same connection: so the other is being read.
        let (other, _) = client.send_request(request("GET", "/health"), true).expect("sent");
        assert_eq!(other.await.expect("an answer").status(), 200);
        shop.signal("TERM");
        eventually("nobody listens any more", || TcpStream::connect(shop.address()).is_err().then_some(()));
        // GOAWAY came: no further stream is begun.
        while client.clone().ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
        body.send_data(Bytes::from_static(br#""password":"whatever"}"#), true).expect("it is still read");
        assert_eq!(answer.await.expect("an answer").status(), 401);
    });
    assert_eq!(shop.wait(), Some(0));
}

/// HTTP/2 as bytes.
struct Frames(TcpStream);

impl Frames {
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    const CONTINUATION: u8 = 9;
    const END_STREAM: u8 = 1;
    const END_HEADERS: u8 = 4;
    /// `GET`, `http`, `/` by their numbers in HPACK's table, and an authority.
    const GET: &[u8] = b"\x82\x86\x84\x41\x04shop";

    fn open(shop: &Shop) -> Self {
        let mut stream = TcpStream::connect(shop.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("sent");
        let mut this = Self(stream);
        this.say(Self::SETTINGS, 0, 0, &[]);
        this
    }

    fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        // One that has hung up has said why before.
        let _ = self.0.write_all(&frame);
    }

    /// The reason of the GOAWAY that ends the connection, if it is one.
    fn end(mut self) -> Option<u32> {
        let mut reason = None;
        let mut head = [0; 9];
        while self.0.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).expect("a length")];
            if self.0.read_exact(&mut payload).is_err() {
                break;
            }
            if head[3] == Self::GOAWAY {
                reason = payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().expect("four")));
            }
        }
        reason
    }
}

const ENHANCE_YOUR_CALM: u32 = 11;

#[test]
fn floods_end_their_own_connection_and_nothing_else() {
    let shop = Shop::open();
    // Begun and reset at once, as fast as they can be written (CVE-2023-44487).
    let mut frames = Frames::open(&shop);
    for stream in (1..20_000).step_by(2) {
        frames.say(Frames::HEADERS, Frames::END_STREAM | Frames::END_HEADERS, stream, Frames::GET);
        frames.say(Frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }
    assert_eq!(frames.end(), Some(ENHANCE_YOUR_CALM));
    // Headers without an end (RUSTSEC-2024-0332).
    let mut frames = Frames::open(&shop);
    frames.say(Frames::HEADERS, Frames::END_STREAM, 1, Frames::GET);
    let field = [&b"\x00\x06x-more\x7f\x80\x1f"[..], &[b'x'; 127 + 31 + 128 * 31 - 31]].concat();
    for _ in 0..1_000 {
        frames.say(Frames::CONTINUATION, 0, 1, &field);
    }
    assert!(frames.end().is_some_and(|reason| reason != 0));
    // More streams than may be open, before the client was told how many: those beyond are refused, the others answered.
    with_client(&shop, async |client, _| {
        let mut client = client.ready().await.expect("ready");
        let mut answers = Vec::new();
        for _ in 0..300 {
            answers.push(client.send_request(request("GET", "/health/live"), true).expect("sent").0);
        }
        let mut refused = 0;
        for answer in answers {
            match answer.await {
                Ok(answer) => assert_eq!(answer.status(), 200),
                Err(error) => {
                    assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
                    refused += 1;
                }
            }
        }
        assert!((1..=200).contains(&refused), "{refused} of 300");
    });
    shop.get("/health").expect(200);
}

#[test]
fn who_says_nothing_more_is_told_to_go() {
    let certificate = Certificate::new();
    let (shop, safe) = (Shop::open(), certificate.shop());
    let begun = Instant::now();
    let mut half_a_greeting = TcpStream::connect(safe.address()).expect("it listens");
    half_a_greeting.write_all(b"\x16\x03\x01").expect("sent");
    half_a_greeting.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let silent = Frames::open(&shop);
    let mut half_a_head = Frames::open(&shop);
    half_a_head.say(Frames::HEADERS, Frames::END_STREAM, 1, Frames::GET);
    // Nothing is read, and no room made for the answer.
    let mut stalled = Frames::open(&shop);
    stalled.say(Frames::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    stalled.say(Frames::HEADERS, Frames::END_STREAM | Frames::END_HEADERS, 1, Frames::GET);
    assert_eq!(half_a_greeting.read(&mut [0; 64]).unwrap_or(0), 0);
    for frames in [silent, half_a_head, stalled] {
        frames.end();
    }
    assert!(begun.elapsed() > Duration::from_secs(5), "not at once");
    shop.get("/health").expect(200);
}
