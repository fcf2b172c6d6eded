//! The hot path in phases, for callgrind, which writes down what was counted whenever [`mark_counted_phase`] is entered:
//! `script/count-instructions` runs it and holds the counts against `bench/count/instructions.txt`.
//!
//! Everything runs on one thread, the client too, so that nothing depends on who is first. What the client takes is in the
//! counts of requests, of the shop's as of the bare server's.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use slippers_core::Store;
use slippers_core::audit::By;
use slippers_core::catalog::{CatalogStore as _, Image, NewSlipper, Slipper, SlipperPage};
use slippers_core::orders::rules::{Goods, WantedLine, plan};
use slippers_core::types::{ImageId, Money, SlipperId, Timestamp};
use slippers_server::counting::{Limiter, render_page};
use slippers_server::outbound::HyperClient;
use slippers_server::settings::{
    AccessLog, CacheSettings, ConnectionSettings, CorsSettings, LoginSettings, OrderMessages, OrderSettings,
    PaymentSettings, RateSettings, SecretKey, SessionSettings, Settings,
};
use slippers_server::{Notifiers, Server, SystemClock, SystemEntropy};
use slippers_store_sqlite::SqliteStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error>;

/// Requests or calls of a phase.
const TIMES: usize = 100;
/// How often each phase comes. What runs beside it by the clock only adds to a count, so the smallest is the phase's own.
const AGAIN: usize = 7;
/// The same before a phase, so that it begins with everything in its place.
const FIRST: usize = 20;
const NOW: Timestamp = Timestamp::from_seconds(1_795_418_259);

/// Requests of the catalogue: a name, a path, and headers.
const REQUESTS: [(&str, &str, &str); 5] = [
    ("hit", "/slippers/", ""),
    // As the pages of the shop's own site ask, from a browser.
    ("hit-abroad", "/slippers/", "Origin: http://localhost:3000\r\n"),
    ("hit-gzip", "/slippers/", "Accept-Encoding: gzip\r\n"),
    ("hit-detail", "/slippers/1", ""),
    ("304", "/slippers/", "If-None-Match: *\r\n"),
];

/// Begins a phase and ends it. Callgrind knows it by its name.
#[inline(never)]
fn mark_counted_phase(number: usize) {
    black_box(number);
}

#[expect(clippy::print_stdout, reason = "the script reads it")]
fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut counted = Vec::new();
    runtime.block_on(async {
        let shop = open_shop(&folder).await?;
        for (name, path, headers) in REQUESTS {
            let request = format!("GET {path} HTTP/1.1\r\nHost: shop\r\n{headers}\r\n");
            let mut client = Client::connect(shop).await?;
            let answer = client.ask(&request).await?;
            let bare = serve_bare(&answer).await?;
            for (name, at) in [(name.to_owned(), shop), (format!("bare-{name}"), bare)] {
                let mut client = Client::connect(at).await?;
                client.ask_often(&request, FIRST).await?;
                for _ in 0..AGAIN {
                    mark_counted_phase(counted.len());
                    client.ask_often(&request, TIMES).await?;
                    mark_counted_phase(counted.len());
                    counted.push(name.clone());
                }
            }
        }
        Ok::<_, Failure>(())
    })?;
    for (name, mut act) in alone() {
        (0..FIRST).for_each(|_| act());
        for _ in 0..AGAIN {
            mark_counted_phase(counted.len());
            (0..TIMES).for_each(|_| act());
            mark_counted_phase(counted.len());
            counted.push(name.to_owned());
        }
    }
    counted.iter().for_each(|name| println!("{name} {TIMES}"));
    Ok(())
}

/// What is done once for each count.
type Act = Box<dyn FnMut()>;

/// Parts of the hot path that need no request.
fn alone() -> Vec<(&'static str, Act)> {
    let page = SlipperPage { items: (1..=20).map(slipper).collect(), total: 1000, total_is_exact: true };
    let mut shelf: BTreeMap<_, _> = (1..=100).map(|id| (SlipperId::new(id), goods())).collect();
    let wanted: Vec<WantedLine> = [7, 70, 42].map(line).into();
    let (limiter, mut now) = (Limiter::default(), 1_000_000_000);
    vec![
        ("render", Box::new(move || drop(black_box(render_page(page.clone()))))),
        ("plan", Box::new(move || drop(black_box(plan(black_box(&wanted), 500, &mut shelf))))),
        (
            "limiter",
            Box::new(move || {
                now += 1_000_000_000;
                black_box(limiter.check(black_box(0x0a00_0001), now));
            }),
        ),
    ]
}

fn slipper(id: i64) -> Slipper {
    let image = |order_index| Image {
        id: ImageId::new(id * 10 + order_index),
        path: format!("/static/images/{id}-{order_index}.webp"),
        is_primary: order_index == 0,
        alt_text: None,
        order_index,
        created_at: NOW,
        variants: Vec::new(),
    };
    Slipper {
        id: SlipperId::new(id),
        name: format!("Тапочки {id}"),
        size: "39".to_owned(),
        price: Money::from_minor(2_599),
        quantity: 30,
        is_paused: false,
        image: format!("/static/images/{id}-0.webp"),
        category: None,
        images: (0..3).map(image).collect(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn goods() -> Goods {
    Goods {
        name: "Comfort".to_owned(),
        size: "39".to_owned(),
        image: String::new(),
        price: Money::from_minor(2_599),
        stock: 1_000_000_000,
        is_paused: false,
    }
}

fn line(id: i64) -> WantedLine {
    WantedLine { slipper: SlipperId::new(id), quantity: 2, notes: None }
}

/// A shop with a page of products, that serves on this thread.
async fn open_shop(folder: &tempfile::TempDir) -> Result<SocketAddr, Failure> {
    let store = SqliteStore::open(&folder.path().join("shop.db"))?;
    for number in 0..20 {
        let new = NewSlipper {
            name: format!("Comfort {number}"),
            size: "39".to_owned(),
            price: Money::from_minor(2_599),
            quantity: 30,
            category: None,
        };
        store.create_slipper(new, By::CommandLine, NOW).await?;
    }
    let notifiers = Notifiers {
        people: None,
        staff: None,
        retry_for: Duration::ZERO,
        orders: OrderMessages::default(),
        webhooks: None,
    };
    let store: Arc<dyn Store> = Arc::new(store);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let client = Arc::new(HyperClient::without_tls()?);
    let server = Server::new(store, settings(folder)?, clock, entropy, notifiers, client)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(server.run(listener, Box::pin(std::future::pending())));
    Ok(address)
}

/// Those of a shop that nothing was told, but for a key, and for a limit that nobody reaches.
fn settings(folder: &tempfile::TempDir) -> Result<Settings, Failure> {
    Ok(Settings {
        connections: ConnectionSettings::default(),
        cors: CorsSettings { origins: vec!["http://localhost:3000".to_owned()], origin_pattern: None },
        rate: RateSettings {
            requests: 1_000_000,
            window: Duration::from_secs(60),
            excluded_paths: vec!["/docs".to_owned(), "/openapi.json".to_owned()],
            trusted_callers: Vec::new(),
            trusted_requests: 1_000_000,
        },
        logins: LoginSettings { attempts: 5, window: Duration::from_secs(60), trusted_callers: Vec::new() },
        sessions: SessionSettings {
            secret: SecretKey::new("0123456789abcdef0123456789abcdef")?,
            access_minutes: 15,
            refresh_days: 1,
            cap_seconds: None,
            refresh_leeway_seconds: 10,
        },
        orders: OrderSettings { max_quantity_per_line: 500, pending_ttl_minutes: 60, max_open: 10 },
        payments: PaymentSettings::default(),
        // Pages are kept until the end, however slowly all this goes.
        cache: CacheSettings { ttl: Duration::from_secs(86_400), ..CacheSettings::default() },
        static_dir: folder.path().join("static"),
        slow_request: Duration::from_secs(3_600),
        access_log: AccessLog::Off,
        trusted_proxies: Vec::new(),
        redis: None,
        traces: None,
    })
}

/// An answer as it came: its head and its body.
struct Answer(String, Vec<u8>);

/// A client that keeps its connection.
struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(64 * 1024) })
    }

    async fn ask(&mut self, request: &str) -> Result<Answer, Failure> {
        self.exchange(request).await?;
        let head = self.answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no head")?;
        let body = self.answer.split_off(head + 4);
        let head = String::from_utf8(std::mem::take(&mut self.answer))?;
        match head.get(9..12) {
            Some("200" | "304") => Ok(Answer(head, body)),
            _ => Err(head.into()),
        }
    }

    /// The same so many times; the answers are not looked at.
    async fn ask_often(&mut self, request: &str, times: usize) -> Result<(), Failure> {
        for _ in 0..times {
            self.exchange(request).await?;
        }
        Ok(())
    }

    async fn exchange(&mut self, request: &str) -> io::Result<()> {
        self.answer.clear();
        self.stream.write_all(request.as_bytes()).await?;
        // Servers of this thread send an answer in one piece, and it is smaller than what a socket holds.
        if self.stream.read_buf(&mut self.answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// A bare hyper server that sends the same, to whatever is asked.
async fn serve_bare(Answer(head, body): &Answer) -> Result<SocketAddr, Failure> {
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next().and_then(|line| line.get(9..12)).ok_or("no status")?.parse()?;
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // hyper writes these by itself.
        if !["date", "connection", "content-length"].contains(&name) {
            headers.append(HeaderName::try_from(name)?, HeaderValue::from_str(value.trim())?);
        }
    }
    let body = Bytes::copy_from_slice(body);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (headers, body) = (headers.clone(), body.clone());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let service = service_fn(|_| {
                    let mut response = Response::new(Full::new(body.clone()));
                    *response.headers_mut() = headers.clone();
                    if let Ok(status) = status.try_into() {
                        *response.status_mut() = status;
                    }
                    async move { Ok::<_, Infallible>(response) }
                });
                // A client that leaves is no matter.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}
