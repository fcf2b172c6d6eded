//! The whole shop while its PostgreSQL is far away, shot at, cut off and frozen: nobody who was told of an order loses it,
//! nobody gets two for one cart, and all is well again by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slippers_testbed::postgres::{self, Cluster, Database, Postgres};
use slippers_testbed::proxy::{Cut, Faults, Lose, Proxy};
use tempfile::TempDir;

use crate::shop::{Caller, Shop, eventually};

const STOCK: i64 = 100_000;
const BUYERS: usize = 6;
/// How long an order may wait for a connection.
const POOL_TIMEOUT_S: u64 = 3;
/// The longest that a request takes whatever the database does: a connection, a write and its commit have limits, and a
/// read may be tried again. The rest of it is for a busy machine.
const DEADLINE: Duration = Duration::from_secs(28);

/// A shop whose database is behind a proxy, its product, and those who buy.
struct Ordeal {
    shop: Shop,
    proxy: Proxy,
    database: Database,
    slipper: i64,
    buyers: Vec<Caller>,
}

/// What came of a story's requests.
#[derive(Default)]
struct Tally {
    placed: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Ordeal {
    fn begin(cluster: &Cluster) -> Self {
        let database = cluster.database().expect("an empty database");
        let proxy = Proxy::to_postgres(cluster.port(), 4711).expect("a proxy");
        let settings = [
            ("DATABASE_URL", database.url_through(proxy.port())),
            ("DATABASE_POOL_SIZE", "6".to_owned()),
            ("DATABASE_POOL_TIMEOUT", POOL_TIMEOUT_S.to_string()),
            ("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else".to_owned()),
            ("ORDER_MAX_OPEN", "0".to_owned()),
            // What goes wrong is told to those who run the shop; here it is meant to.
            ("SLIPPERS_LOG", "off".to_owned()),
        ];
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &settings, &[]);
        let admin = shop.admin();
        let slipper = shop.product(&admin, "Cozy Home", &json!(25), STOCK);
        let buyers = (0..BUYERS).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
        Self { shop, proxy, database, slipper, buyers }
    }

    /// A request that must be answered in time, by something or by a refusal.
    fn ask(&self, tally: &Tally, buyer: &Caller, method: &str, path: &str, body: &Value) -> Option<Value> {
        let since = Instant::now();
        let answer = self.shop.call(buyer, method, path, body);
        assert!(since.elapsed() < DEADLINE, "{method} {path} took {:?}", since.elapsed());
        match answer.status {
            200 => return Some(answer.json()),
            // Also where a commit was sent and never answered: nobody knows what came of it.
            503 => tally.refused.fetch_add(1, Ordering::SeqCst),
            status => panic!("{method} {path}: {status} {}", answer.text()),
        };
        // As a client that was told when to come again, only sooner.
        pause(Duration::from_millis(20));
        None
    }

    /// Repeats a request until it is answered well.
    fn insist(&self, tally: &Tally, buyer: &Caller, method: &str, path: &str, body: &Value) -> Value {
        eventually(path, || self.ask(tally, buyer, method, path, body))
    }

    /// Fills a cart and orders it, again and again; answers the orders that it was told of.
    fn buy_on(&self, tally: &Tally, buyer: &Caller) -> Vec<String> {
        let line = json!({"slipper_id": self.slipper, "quantity": 3});
        let mut orders = Vec::new();
        while !tally.over.load(Ordering::SeqCst) {
            // Whether a pair was added that nobody was told of, the cart tells.
            while self.insist(tally, buyer, "GET", "/cart", &Value::Null)["items"] == json!([]) {
                self.ask(tally, buyer, "POST", "/cart/items", &line);
            }
            let order = self.insist(tally, buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null);
            orders.push(order["order_id"].as_str().expect("a number").to_owned());
            tally.placed.fetch_add(1, Ordering::SeqCst);
        }
        orders
    }

    /// Lets everybody buy while `trouble` lasts, and a little longer; then looks at what is in the books.
    fn endure(&self, trouble: impl FnOnce(&Tally)) {
        let tally = Tally::default();
        let told: Vec<Vec<String>> = std::thread::scope(|scope| {
            let buying = |buyer| {
                let tally = &tally;
                move || self.buy_on(tally, buyer)
            };
            let threads: Vec<_> = self.buyers.iter().map(|buyer| scope.spawn(buying(buyer))).collect();
            let over = Over(&tally.over);
            orders_go_on(&tally, 12);
            trouble(&tally);
            self.proxy.heal();
            orders_go_on(&tally, 12);
            drop(over);
            threads.into_iter().map(|thread| thread.join().expect("a buyer")).collect()
        });
        self.check(&told);
    }

    fn number(&self, sql: &str) -> i64 {
        self.database.query(sql).expect(sql).trim().parse().expect("a number")
    }

    fn check(&self, told: &[Vec<String>]) {
        let mut all: Vec<&String> = told.iter().flatten().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each cart became an order of its own");
        for id in all {
            let kept = format!("SELECT count(*) FROM orders WHERE id = {id} AND status = 'PENDING'");
            assert_eq!(self.number(&kept), 1, "order {id} was acknowledged and is lost");
        }
        // Everybody insisted until he was told.
        let orders = self.number("SELECT count(*) FROM orders");
        assert_eq!(
            usize::try_from(orders).ok(),
            Some(count),
            "an order that nobody was told of is a second one"
        );
        let sold =
            "SELECT coalesce(sum(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id";
        let left = self.number(&format!("SELECT quantity FROM slippers WHERE id = {}", self.slipper));
        assert_eq!(left + self.number(sold), STOCK, "no pair appears or vanishes");
        self.shop.get("/health").expect(200);
    }
}

/// Ends the buying, also when its story fails.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn orders_go_on(tally: &Tally, more: usize) {
    let enough = tally.placed.load(Ordering::SeqCst) + more;
    eventually("orders are placed", || {
        pause(Duration::from_millis(10));
        (tally.placed.load(Ordering::SeqCst) >= enough).then_some(())
    });
}

/// No synchronisation, but a length of time: of a fault, or between two tries.
pub(crate) fn pause(length: Duration) {
    let (_nobody_sends, heard) = mpsc::channel::<()>();
    let _ = heard.recv_timeout(length);
}

fn shared() -> &'static Cluster {
    postgres::shared().expect("PostgreSQL")
}

#[test]
fn far_away_it_is_slower_and_right() {
    let ordeal = Ordeal::begin(shared());
    let far =
        Faults { latency: Duration::from_millis(20), jitter: Duration::from_millis(20), ..Faults::default() };
    ordeal.proxy.set(far);
    ordeal.endure(|tally| {
        orders_go_on(tally, 20);
        assert_eq!(tally.refused.load(Ordering::SeqCst), 0, "there was time for everybody");
    });
}

#[test]
fn commits_that_are_cut_off_lose_nothing_and_double_nothing() {
    let ordeal = Ordeal::begin(shared());
    ordeal.endure(|_| {
        for lose in [Lose::Answer, Lose::Request] {
            ordeal
                .proxy
                .set(Faults { cut: Some(Cut { lose, one_in: 3, at_most: 1000 }), ..Faults::default() });
            eventually("commits are cut off", || {
                pause(Duration::from_millis(10));
                let cut = match lose {
                    Lose::Answer => ordeal.proxy.lost_answers(),
                    Lose::Request => ordeal.proxy.lost_requests(),
                };
                (cut >= 20).then_some(())
            });
        }
    });
}

#[test]
fn a_storm_that_ends_connections_ends_no_order() {
    let ordeal = Ordeal::begin(shared());
    ordeal.endure(|_| {
        let strike = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'slippers'";
        let mut ended = 0;
        eventually("many are struck", || {
            pause(Duration::from_millis(50));
            ended += ordeal.number(strike);
            (ended >= 60).then_some(())
        });
    });
}

#[test]
fn ten_frozen_seconds_leave_nobody_without_an_answer() {
    let server = Postgres::start().expect("PostgreSQL");
    let ordeal = Ordeal::begin(&server);
    ordeal.endure(|tally| {
        server.server().freeze().expect("frozen");
        let since = Instant::now();
        std::thread::scope(|scope| {
            // Orders may all be in one statement, and wait for the thaw. Of those who look at their carts not all have a connection.
            for buyer in ordeal.buyers.iter().chain(&ordeal.buyers) {
                let ordeal = &ordeal;
                scope.spawn(move || ordeal.ask(tally, buyer, "GET", "/cart", &Value::Null));
            }
            while since.elapsed() < Duration::from_secs(10) {
                pause(Duration::from_millis(100));
                ordeal.shop.get("/health/live").expect(200);
            }
            assert!(tally.refused.load(Ordering::SeqCst) > 0, "nobody is left to wait for the thaw");
            server.server().thaw().expect("thawed");
        });
    });
}
