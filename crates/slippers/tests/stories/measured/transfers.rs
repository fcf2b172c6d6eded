//! A large shop that moves from its file into PostgreSQL: `script/measure-transfer`.

use std::time::Instant;

use serde_json::{Value, json};
use slippers_testbed::postgres::{Database, Postgres};
use tempfile::TempDir;

use crate::crowd::at_once;
use crate::program::run_in;
use crate::shop::{Caller, Shop};

const PRODUCTS: usize = 100_000;
const BUYERS: usize = 40;
const ORDERS_OF_EACH: usize = 500;

/// What must be the same on both sides, of two columns and more each.
const SUMS: [&str; 4] = [
    "SELECT count(*), sum(price_minor), sum(quantity), max(id) FROM slippers",
    "SELECT count(*), sum(total_minor), sum(user_id), max(id) FROM orders",
    "SELECT count(*), sum(total_minor), sum(quantity), max(id) FROM order_items",
    "SELECT count(*), sum(order_count), max(id) FROM users",
];

/// Puts two products into the cart and orders them; answers the order's number.
fn order(shop: &Shop, buyer: &Caller, number: usize) -> i64 {
    for slipper in [number * 37 % PRODUCTS + 1, number * 101 % PRODUCTS + 1] {
        shop.put_in_cart(buyer, i64::try_from(slipper).expect("small"), 1);
    }
    let placed = shop.call(buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null).expect(200);
    placed.json()["order_id"].as_str().expect("a text").parse().expect("a number")
}

/// A shop of its own file, and those who bought there.
fn large() -> (Shop, Caller, Vec<Caller>) {
    let shop = Shop::on_a_file(TempDir::new().expect("a folder"), &[("ORDER_MAX_OPEN", "0")], &[]);
    let (code, _, complained) = shop.run(&["seed", "--products", &PRODUCTS.to_string()], "");
    assert_eq!(code, 0, "{complained}");
    // Some of them are sold out.
    shop.rows().run("UPDATE slippers SET quantity = quantity + 1000");
    let admin = shop.admin();
    let buyers: Vec<Caller> = (0..BUYERS).map(|number| shop.customer(&format!("Buyer {number}"))).collect();
    at_once(BUYERS, |buyer| {
        for number in 0..ORDERS_OF_EACH {
            order(&shop, &buyers[buyer], buyer * ORDERS_OF_EACH + number);
        }
    });
    (shop, admin, buyers)
}

fn sums_of(target: &Database) -> Vec<String> {
    SUMS.map(|sql| target.query(sql).expect(sql).trim().to_owned()).to_vec()
}

#[test]
#[ignore = "a measurement: run script/measure-transfer"]
#[expect(clippy::print_stdout, reason = "what was measured is for people")]
fn measure_what_it_takes_to_move_a_large_shop() {
    let since = Instant::now();
    let (mut shop, admin, buyers) = large();
    println!("{PRODUCTS} products and {} orders were made in {:?}", BUYERS * ORDERS_OF_EACH, since.elapsed());
    assert_eq!(shop.terminate(), Some(0));
    let before: Vec<String> = SUMS.map(|sql| shop.rows().ask(sql)[0].join("|")).to_vec();
    // One that waits for its disk, as a real one does.
    let server = Postgres::builder().fsync(true).start().expect("PostgreSQL");
    let target = server.database().expect("an empty database");
    let from = format!("sqlite:{}", shop.data_dir().join("shop.db").display());
    let since = Instant::now();
    let arguments = ["transfer", "--from", &from, "--to", &target.url()];
    let (code, said, complained) = run_in(shop.data_dir(), &[], &arguments, "");
    assert_eq!(code, 0, "{complained}");
    println!("slippers transfer took {:?}:\n{said}", since.elapsed());
    assert_eq!(sums_of(&target), before, "asked of both sides by ourselves");
    let orders =
        |sums: &[String]| sums[1].split('|').next().expect("a count").parse::<usize>().expect("a number");
    assert_eq!(orders(&before), BUYERS * ORDERS_OF_EACH);

    let key = shop.data_dir().join("secret_key").display().to_string();
    let settings =
        [("DATABASE_URL", target.url()), ("SECRET_KEY_FILE", key), ("ORDER_MAX_OPEN", "0".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let moved = Shop::on_a_file(TempDir::new().expect("a folder"), &settings, &[]);
    let product = moved.product(&admin, "New", &json!(1), 1);
    assert_eq!(usize::try_from(product).ok(), Some(PRODUCTS + 1), "the next number");
    let last: i64 = before[1].rsplit('|').next().expect("a number").parse().expect("a number");
    let mut placed: Vec<i64> = at_once(BUYERS, |buyer| order(&moved, &buyers[buyer], buyer));
    placed.sort_unstable();
    placed.dedup();
    assert!(placed.len() == BUYERS && placed[0] > last, "new numbers behind {last}: {placed:?}");
    moved.customer("Somebody new");
    println!(
        "the shop runs on the result: product {product}, orders {} to {}",
        placed[0],
        placed[BUYERS - 1]
    );
}
