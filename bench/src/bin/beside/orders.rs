//! Orders from carts, every one of a cart that has changed since the last, and as many in the database as were answered.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use slippers_bench::client::Client;
use slippers_bench::shop::Shop;

use crate::{Rounds, pgbench, row};

const CLIENTS: usize = 64;
/// Carts that are ready when the clock starts.
const CARTS: usize = 640;
const LINES: usize = 3;

pub(crate) fn measure(shop: &Shop, rounds: Rounds) -> Result<(), Box<dyn Error>> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let buyers = register(shop)?;
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

/// What buyers sign in with.
fn register(shop: &Shop) -> Result<Vec<String>, Box<dyn Error>> {
    let made = for_each(shop, 8, CARTS, |client, number| {
        let body = format!(
            r#"{{"name":"Buyer {number}","surname":"Bench","phone_number":"+99890{:07}","password":"slippers-{number}","confirm_password":"slippers-{number}"}}"#,
            2_000_000 + number
        );
        let answer = client.ask("POST", "/auth/register", "Content-Type: application/json\r\n", &body)?;
        let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.ok_or_else(|| std::io::Error::other(format!("no token: {answer}")))?;
        Ok(format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"))
    })?;
    Ok(made)
}

/// Does something for each number, so many at a time, each hand on a connection of its own.
fn for_each<T: Send>(
    shop: &Shop,
    hands: usize,
    count: usize,
    act: impl Fn(&mut Client, usize) -> std::io::Result<T> + Sync,
) -> std::io::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let hand = || -> std::io::Result<Vec<T>> {
        let (mut client, mut done) = (Client::open(shop.address)?, Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(done);
            }
            done.push(act(&mut client, number)?);
        }
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..hands).map(|_| scope.spawn(hand)).collect();
        let ends = hands.into_iter().map(|hand| {
            hand.join().unwrap_or_else(|_| Err(std::io::Error::other("a client's thread panicked")))
        });
        Ok(ends.collect::<std::io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    })
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
