//! What ten times as many searches as it can serve do to a shop on SQLite: who is served and how fast others are refused, and what
//! becomes of kept pages meanwhile.
//!
//!   `slippers-bench overload SLIPPERS`
//!
//! Its clients keep their connections and take some 30 us of the processors a request, which they share with the shop.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

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
    let peak = everybody(PEAK_HANDS, |answers| closed_loop(&shop, &searches, answers))?;
    let peak = u32::try_from(peak.served.len())?;
    let over = AtomicBool::new(false);
    let (flood, kept) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read_kept(&shop, &over));
        let (due, begun) = (AtomicU32::new(0), Instant::now());
        let beat = WINDOW / (peak * TIMES).max(1);
        let flood = everybody(HANDS, |answers| {
            let mut client = Client::open(shop.address)?;
            loop {
                let at = begun + beat * due.fetch_add(1, Ordering::Relaxed);
                // Also where the hands are behind: then it is said how far.
                if at.max(Instant::now()) >= begun + WINDOW {
                    return Ok(());
                }
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                answers.latest = answers.latest.max(at.elapsed());
                ask(&mut client, &searches, begun + WINDOW, answers)?;
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

/// So many threads that do this, and what they were answered.
fn everybody(hands: usize, work: impl Fn(&mut Answers) -> io::Result<()> + Sync) -> io::Result<Answers> {
    std::thread::scope(|scope| {
        let hand = || {
            let mut answers = Answers::default();
            work(&mut answers).map(|()| answers)
        };
        let all: Vec<_> = (0..hands).map(|_| scope.spawn(hand)).collect();
        let mut together = Answers::default();
        for hand in all {
            together.add(hand.join().map_err(|_| io::Error::other("a client's thread panicked"))??);
        }
        Ok(together)
    })
}

fn closed_loop(shop: &Shop, searches: &AtomicU32, answers: &mut Answers) -> io::Result<()> {
    let (mut client, end) = (Client::open(shop.address)?, Instant::now() + WINDOW);
    while Instant::now() < end {
        ask(&mut client, searches, end, answers)?;
    }
    Ok(())
}

/// Asks for a search that nobody has made before, so that no kept page answers it; notes what came before the end.
fn ask(client: &mut Client, searches: &AtomicU32, end: Instant, answers: &mut Answers) -> io::Result<()> {
    let number = searches.fetch_add(1, Ordering::Relaxed);
    let (skip, limit) = (number % 3_000, 1 + number / 3_000 % 100);
    let target = format!("/slippers/?search=a&sort=price_desc&skip={skip}&limit={limit}");
    let since = Instant::now();
    let (status, head, _) = client.exchange("GET", &target, "", "")?;
    let took = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    match status {
        200 | 503 if Instant::now() > end => {}
        200 => answers.served.push(took),
        503 => answers.refused.push(took),
        _ => return Err(io::Error::other(format!("{target}: {head}"))),
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
