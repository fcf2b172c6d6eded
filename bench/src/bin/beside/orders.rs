//! Orders from carts, every one of a cart that has changed since the last, and as many in the database as were answered.

use std::error::Error;
use std::time::Instant;

use slippers_bench::buyers::{for_each, register};
use slippers_bench::shop::Shop;

use crate::{Rounds, pgbench, row};

const CLIENTS: usize = 64;
/// Carts that are ready when the clock starts.
const CARTS: usize = 640;
const LINES: usize = 3;

pub(crate) fn measure(shop: &Shop, rounds: Rounds) -> Result<(), Box<dyn Error>> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let buyers = register(shop, CARTS)?;
    let script = |products: usize| {
        let set = |name: &str, from: usize| {
            // Three that are never the same.
            let (low, high) = (from * products / LINES + 1, (from + 1) * products / LINES);
            format!("\\set {name} random({low}, {high})\n")
        };
        format!("{}{}{}{}", set("one", 0), set("two", 1), set("three", 2), include_str!("order.sql"))
    };
    for (name, clients, connections, products, at_least) in [
        ("orders, 64 clients", CLIENTS, 16, 1_000, 1.5),
        ("orders, 1 client", 1, 1, 1_000, 0.4),
        ("orders, 64 clients on 10 products", CLIENTS, CLIENTS, 10, 6.0),
    ] {
        let sql = script(products);
        let ours = || order(shop, &buyers, clients, products);
        row(name, rounds.count, at_least, ours, || pgbench(database, &sql, connections, rounds.seconds))?;
    }
    Ok(())
}

/// Orders a second of so many clients.
fn order(shop: &Shop, buyers: &[String], clients: usize, products: usize) -> Result<f64, Box<dyn Error>> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let count = || -> Result<u64, Box<dyn Error>> {
        Ok(database.psql("SELECT count(*) FROM orders")?.trim().parse()?)
    };
    let carts = if clients == 1 { CARTS / 4 } else { CARTS };
    for_each(shop, 8, carts, |client, number| {
        for line in 0..LINES {
            let among = products / LINES;
            let product = line * among + 1 + (number * 7919) % among;
            let body = format!(r#"{{"slipper_id":{product},"quantity":1}}"#);
            client.ask("POST", "/cart/items", &buyers[number], &body)?;
        }
        Ok(())
    })?;
    let (before, begun) = (count()?, Instant::now());
    for_each(shop, clients, carts, |client, number| {
        client.ask("POST", "/orders/from-cart?clear_cart=true", &buyers[number], "{}").map(drop)
    })?;
    let took = begun.elapsed();
    let made = count()? - before;
    if made != u64::try_from(carts)? {
        return Err(format!("{carts} orders were answered and {made} are there").into());
    }
    Ok(f64::from(u32::try_from(made)?) / took.as_secs_f64())
}
