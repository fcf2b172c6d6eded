//! What ten times as many searches as it can serve do to a shop on SQLite: who is served and how fast others are refused, and what
//! becomes of kept pages meanwhile.
//!
//!   `slippers-bench overload SLIPPERS`
//!
//! Its clients keep their connections and share the processors with the shop. All of them are on one thread: a thread each took
//! some 30 us a request, which the shop lacked.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::Outcome;
use crate::client::Client;
use crate::open_loop::Waits;
use crate::shop::Shop;

const PRODUCTS: u64 = 20_000;
const WINDOW: Duration = Duration::from_secs(30);
/// Who ask again when they are answered: as many as keep two cores busy.
const PEAK_HANDS: usize = 4;
/// More than these are never under way at once: 256 wait for a reader, and others are being refused.
const HANDS: usize = 400;
const TIMES: u32 = 10;
/// Between one look at a kept page and the next.
const REST: Duration = Duration::from_millis(20);
const LEAST_SERVED: f64 = 0.8;
const LONGEST_REFUSAL_MICROS: u64 = 10_000;

/// What was answered, in microseconds.
#[derive(Default)]
struct Answers {
    served: Vec<u64>,
    refused: Vec<u64>,
    /// How much later than it was due the latest request was sent.
    latest: Duration,
}

impl Answers {
    fn add(&mut self, other: Self) {
        self.served.extend(other.served);
        self.refused.extend(other.refused);
        self.latest = self.latest.max(other.latest);
    }
}

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [program] = arguments else { return Err("usage: slippers-bench overload SLIPPERS".into()) };
    let shop = Shop::on_a_file(Path::new(program), PRODUCTS, &[("CACHE_MAX_BYTES", "67108864")])?;
    let searches = AtomicU32::new(0);
    let peak = everybody(PEAK_HANDS, async |answers| closed_loop(&shop, &searches, answers).await)?;
    let peak = u32::try_from(peak.served.len())?;
    let over = AtomicBool::new(false);
    let (flood, kept) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_kept(&shop, &over));
        let (due, begun) = (AtomicU32::new(0), Instant::now());
        let beat = WINDOW / (peak * TIMES).max(1);
        let flood = everybody(HANDS, async |answers| {
            let mut client = open(shop.address).await?;
            loop {
                let at = begun + beat * due.fetch_add(1, Ordering::Relaxed);
                // Also where the hands are behind: then it is said how far.
                if at.max(Instant::now()) >= begun + WINDOW {
                    return Ok(());
                }
                tokio::time::sleep_until(at.into()).await;
                answers.latest = answers.latest.max(at.elapsed());
                ask(&mut client, &searches, begun + WINDOW, answers).await?;
            }
        });
        over.store(true, Ordering::SeqCst);
        let died = |_| io::Error::other("the reader's thread panicked");
        io::Result::Ok((flood?, reading.join().map_err(died)??))
    })?;
    tell(peak, flood, kept)
}

fn tell(peak: u32, flood: Answers, kept: Vec<u64>) -> Outcome<()> {
    let (served, refused, kept) = (Waits::of(flood.served), Waits::of(flood.refused), Waits::of(kept));
    let share = f64::from(u32::try_from(served.count())?) / f64::from(peak);
    println!(
        "searches of the shop on a file in {WINDOW:?}: {peak} at the peak; of {TIMES} times that {} served ({share:.2}, limit \
         {LEAST_SERVED}), {} refused, half of them within {} us, 99 of 100 within {} us (limit {LONGEST_REFUSAL_MICROS})",
        served.count(),
        refused.count(),
        refused.within(500),
        refused.within(990),
    );
    println!(
        "a kept page meanwhile: half within {} us, 99 of 100 within {} us, of {}; the latest search was sent {:?} after its time",
        kept.within(500),
        kept.within(990),
        kept.count(),
        flood.latest
    );
    if share < LEAST_SERVED || refused.count() == 0 || refused.within(990) > LONGEST_REFUSAL_MICROS {
        return Err("a limit is missed".into());
    }
    Ok(())
}

/// So many clients that do this, and what they were answered.
fn everybody(hands: usize, work: impl AsyncFn(&mut Answers) -> io::Result<()>) -> io::Result<Answers> {
    let hand = async || {
        let mut answers = Answers::default();
        work(&mut answers).await.map(|()| answers)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // The connections' own tasks go on beside them.
    let thread = LocalSet::new();
    let all = thread.run_until(try_join_all((0..hands).map(|_| hand())));
    let mut together = Answers::default();
    for answers in runtime.block_on(all)? {
        together.add(answers);
    }
    Ok(together)
}

async fn open(address: SocketAddr) -> io::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (client, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // What becomes of it is what its client is told.
    tokio::task::spawn_local(connection);
    Ok(client)
}

async fn closed_loop(shop: &Shop, searches: &AtomicU32, answers: &mut Answers) -> io::Result<()> {
    let (mut client, end) = (open(shop.address).await?, Instant::now() + WINDOW);
    while Instant::now() < end {
        ask(&mut client, searches, end, answers).await?;
    }
    Ok(())
}

/// Asks for a search that nobody has made before, so that no kept page answers it; notes what came before the end.
async fn ask(
    client: &mut SendRequest<Empty<Bytes>>,
    searches: &AtomicU32,
    end: Instant,
    answers: &mut Answers,
) -> io::Result<()> {
    let number = searches.fetch_add(1, Ordering::Relaxed);
    let (skip, limit) = (number % 3_000, 1 + number / 3_000 % 100);
    let target = format!("/slippers/?search=a&sort=price_desc&skip={skip}&limit={limit}");
    let request = Request::get(&target).header(HOST, "shop").body(Empty::new()).map_err(io::Error::other)?;
    let since = Instant::now();
    client.ready().await.map_err(io::Error::other)?;
    let answer = client.send_request(request).await.map_err(io::Error::other)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let took = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    match status {
        StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE if Instant::now() > end => {}
        StatusCode::OK => answers.served.push(took),
        StatusCode::SERVICE_UNAVAILABLE => answers.refused.push(took),
        _ => return Err(io::Error::other(format!("{target}: {status} {}", String::from_utf8_lossy(&body)))),
    }
    Ok(())
}

/// Looks at a kept page again and again, which is never refused.
fn read_kept(shop: &Shop, over: &AtomicBool) -> io::Result<Vec<u64>> {
    let (mut client, mut waits) = (Client::open(shop.address)?, Vec::new());
    while !over.load(Ordering::SeqCst) {
        let since = Instant::now();
        client.get("/slippers/")?;
        waits.push(u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX));
        std::thread::sleep(REST);
    }
    Ok(waits)
}
