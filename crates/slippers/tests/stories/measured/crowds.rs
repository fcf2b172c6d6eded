//! A crowd that wants one product, beside one that wants a thousand: `script/measure-crowd`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use slippers_testbed::postgres::{Database, Postgres};
use tempfile::TempDir;

use crate::crowd::at_once;
use crate::shop::{Caller, Shop};
use crate::wire::Line;

const CROWD: usize = 64;
const PRODUCTS: usize = 1000;
/// Windows of each kind; they alternate.
const ROUNDS: usize = 4;
const WINDOW: Duration = Duration::from_secs(6);
/// The least of the rate over a thousand products that one product must have.
const LIMIT: f64 = 0.7;

/// A shop whose database waits for its disk, and its crowd.
struct Fair {
    shop: Shop,
    buyers: Vec<Caller>,
    // In this order: a database is removed while its server runs.
    _server: Option<(Database, Postgres)>,
}

impl Fair {
    fn open(is_on_postgresql: bool) -> Self {
        let server = is_on_postgresql.then(|| {
            let server = Postgres::builder().fsync(true).start().expect("PostgreSQL");
            (server.database().expect("a database"), server)
        });
        let mut settings = vec![("ORDER_MAX_OPEN", "0".to_owned())];
        if let Some((database, _)) = &server {
            settings.push(("DATABASE_URL", database.url()));
            settings.push(("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else".to_owned()));
        }
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &settings, &[]);
        let (code, _, complained) = shop.run(&["seed", "--products", &PRODUCTS.to_string()], "");
        assert_eq!(code, 0, "{complained}");
        let plenty = "UPDATE slippers SET quantity = 10000000";
        match &server {
            Some((database, _)) => drop(database.query(plenty).expect("plenty")),
            None => shop.rows().run(plenty),
        }
        let buyers = (0..CROWD).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
        Self { shop, buyers, _server: server }
    }

    /// Orders a second of a crowd that puts one pair of one of so many products into the cart, orders it, and comes again.
    fn rate(&self, products: usize) -> f64 {
        let (placed, begun) = (AtomicUsize::new(0), Instant::now());
        at_once(CROWD, |buyer| {
            let mut line = Line::open(&self.shop);
            let bearer = &self.buyers[buyer].access;
            let mut post = |path: &str, body: &str| {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {bearer}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                line.say(head.as_bytes());
                let answer = line.hear().expect("an answer");
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            };
            for number in 0_usize.. {
                if begun.elapsed() >= WINDOW {
                    return;
                }
                let slipper = (buyer * 389 + number * 7) % products + 1;
                post("/cart/items", &json!({"slipper_id": slipper, "quantity": 1}).to_string());
                post("/orders/from-cart?clear_cart=true", "{}");
                placed.fetch_add(1, Ordering::SeqCst);
            }
        });
        f64::from(u32::try_from(placed.into_inner()).expect("few")) / begun.elapsed().as_secs_f64()
    }
}

#[test]
#[ignore = "a measurement: run script/measure-crowd"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_a_crowd_on_one_product_beside_one_on_a_thousand() {
    println!("orders a second of {CROWD} buyers; limit {LIMIT}");
    println!("{:<12} {:>22} {:>16} {:>7}", "store", "over 1,000 products", "on one product", "ratio");
    let mut lowest = f64::INFINITY;
    for (name, is_on_postgresql) in [("SQLite", false), ("PostgreSQL", true)] {
        let fair = Fair::open(is_on_postgresql);
        let (mut many, mut one) = (0.0, 0.0);
        for _ in 0..ROUNDS {
            let (over_many, on_one) = (fair.rate(PRODUCTS), fair.rate(1));
            println!("{name:<12} {over_many:>22.0} {on_one:>16.0} {:>7.2}", on_one / over_many);
            many += over_many;
            one += on_one;
        }
        println!("{:<12} {:>22.0} {:>16.0} {:>7.2}", "together", many, one, one / many);
        lowest = lowest.min(one / many);
    }
    assert!(lowest >= LIMIT, "a crowd on one product has {lowest:.2} of the rate over a thousand");
}
