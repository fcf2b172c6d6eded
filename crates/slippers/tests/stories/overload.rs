//! Ten times as many as can be served: those who are served are as many as before, all others are told at once to come
//! again, and nobody asks PostgreSQL for more than it was promised.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slippers_testbed::postgres::{self, Database};
use slippers_testbed::proxy::{Faults, Proxy};
use tempfile::TempDir;

use crate::crowd::at_once;
use crate::faults::{Over, pause};
use crate::shop::{PATIENCE, Shop, eventually};
use crate::wire::{Line, request};

/// A shop with two connections to a database that is 10 ms away.
struct Far {
    shop: Shop,
    database: Database,
    _proxy: Proxy,
    slipper: i64,
    searches: AtomicUsize,
}

/// The connections that the shop may have.
const BUDGET: i64 = 2;

#[derive(Debug, Default)]
struct Tally {
    served: AtomicUsize,
    /// How long each took.
    refused: Mutex<Vec<Duration>>,
    other: Mutex<Vec<u16>>,
}

impl Far {
    fn open() -> Self {
        let cluster = postgres::shared().expect("PostgreSQL");
        let database = cluster.database().expect("an empty database");
        let proxy = Proxy::to_postgres(cluster.port(), 4711).expect("a proxy");
        let url = database.url_through(proxy.port());
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("DATABASE_POOL_SIZE", "2"),
            ("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else"),
            ("SLIPPERS_LOG", "off"),
        ];
        let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &settings, &[]);
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
        proxy.set(Faults { latency: Duration::from_millis(10), ..Faults::default() });
        Self { shop, database, _proxy: proxy, slipper, searches: AtomicUsize::new(0) }
    }

    /// Asks for a search that nobody has made before, so that no kept page answers it; notes what came before `end`.
    fn ask(&self, tally: &Tally, end: Instant) {
        let number = self.searches.fetch_add(1, Ordering::Relaxed);
        let mut line = Line::open(&self.shop);
        let since = Instant::now();
        line.say(&request("GET", &format!("/slippers/?search=word{number}"), &[], b""));
        let status = line.hear().expect("an answer").status;
        if Instant::now() < end || ![200, 503].contains(&status) {
            tally.note(status, since.elapsed());
        }
    }
}

impl Tally {
    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// Refusals that came, and how long the slowest of a hundred took.
    fn refused(&self) -> (usize, Duration) {
        let mut all = self.refused.lock().expect("no poison").clone();
        all.sort_unstable();
        let slow = all.get(all.len() * 99 / 100).copied().unwrap_or_default();
        (all.len(), slow)
    }

    fn note(&self, status: u16, took: Duration) {
        match status {
            200 => drop(self.served.fetch_add(1, Ordering::SeqCst)),
            503 => self.refused.lock().expect("no poison").push(took),
            status => self.other.lock().expect("no poison").push(status),
        }
    }
}

/// Asks for something that nobody has asked for before, and notes what came before the moment.
trait Ask: Fn(&Tally, Instant) + Sync {}

impl<F: Fn(&Tally, Instant) + Sync> Ask for F {}

/// As many as come of four who each ask again when they are answered.
fn peak(ask: impl Ask, window: Duration) -> usize {
    let (tally, end) = (Tally::default(), Instant::now() + window);
    at_once(4, |_| {
        while Instant::now() < end {
            ask(&tally, end);
        }
    });
    tally.served()
}

/// Those who wait, and those who are refused meanwhile: more than this are never under way at once.
const HANDS: usize = 96;

/// So many requests in a window, each at its time, whether the earlier ones are answered or not.
fn flood(ask: impl Ask, hands: usize, window: Duration, requests: usize) -> Tally {
    let (tally, next, begun) = (Tally::default(), AtomicUsize::new(0), Instant::now());
    let beat = window.as_secs_f64() / f64::from(u32::try_from(requests).expect("few"));
    at_once(hands, |_| {
        loop {
            let number = u32::try_from(next.fetch_add(1, Ordering::SeqCst)).expect("few");
            if usize::try_from(number).is_ok_and(|number| number >= requests) {
                return;
            }
            let due = begun + Duration::from_secs_f64(beat * f64::from(number));
            pause(due.saturating_duration_since(Instant::now()));
            ask(&tally, begun + window);
        }
    });
    tally
}

/// What a shop does with ten times as many as it can serve, and the most connections that the server saw meanwhile.
fn ten_times(far: &Far, window: Duration, peak: usize) -> (Tally, i64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let count = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'slippers'";
            let mut most = 0;
            while !over.load(Ordering::SeqCst) {
                most =
                    most.max(far.database.query(count).expect("a count").trim().parse().expect("a number"));
                pause(Duration::from_millis(20));
            }
            most
        });
        let _over = Over(&over);
        let tally = flood(|tally, end| far.ask(tally, end), HANDS, window, 10 * peak);
        over.store(true, Ordering::SeqCst);
        (tally, watching.join().expect("a watcher"))
    })
}

#[test]
fn ten_times_what_can_be_served_is_served_or_refused_within_the_budget() {
    const WINDOW: Duration = Duration::from_secs(3);
    let far = Far::open();
    let peak = peak(|tally, end| far.ask(tally, end), WINDOW);
    assert!(peak > 0, "nothing is served");
    let (tally, most) = ten_times(&far, WINDOW, peak);
    assert_eq!(*tally.other.lock().expect("no poison"), [] as [u16; 0], "there are answers and refusals");
    let (refused, _) = tally.refused();
    assert!(tally.served() > 0 && refused > 0, "{} were served, {refused} refused", tally.served());
    assert!((1..=BUDGET).contains(&most), "{most} connections of {BUDGET}");
    // Nobody is left over who stands in the way.
    eventually("it serves again", || {
        let tally = Tally::default();
        far.ask(&tally, Instant::now() + PATIENCE);
        (tally.served() == 1).then_some(())
    });
    let buyer = far.shop.customer("Dilnoza");
    far.shop.put_in_cart(&buyer, far.slipper, 1);
    far.shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200);
}

/// Of a machine that does nothing else; `script/measure-overload` runs it against a release build.
#[test]
#[ignore = "a measurement: run script/measure-overload"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_what_ten_times_the_capacity_does() {
    const WINDOW: Duration = Duration::from_secs(30);
    let far = Far::open();
    let peak = peak(|tally, end| far.ask(tally, end), WINDOW);
    let (tally, most) = ten_times(&far, WINDOW, peak);
    let (served, (refused, slow)) = (tally.served(), tally.refused());
    println!(
        "searches of the shop in {WINDOW:?}, a pool of two 10 ms away: {peak} at the peak; of ten times that {served} served, \
         {refused} refused, 99 of 100 of them within {slow:?}; at most {most} connections; other answers: {:?}",
        tally.other.lock().expect("no poison")
    );
    assert!(served * 10 >= peak * 8, "{served} were served, and {peak} at the peak");
    assert!(slow < Duration::from_millis(10), "a refusal took {slow:?}");
    assert!(tally.other.lock().expect("no poison").is_empty() && most <= BUDGET);
}
