//! What clients wait at rates that are given, not at what the server can just do: open-loop load, kept and cold, and what the
//! process needs meanwhile.
//!
//!   `slippers-bench percentiles SLIPPERS [SECONDS] [PRODUCTS] [LARGE]`
//!
//! PRODUCTS are those of the shops that are asked at given rates; LARGE those of one whose memory is looked at.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use slippers_testbed::postgres::Postgres;

use crate::Outcome;
use crate::metrics::{free_address, sum_of};
use crate::open_loop::load;
use crate::shop::Shop;

/// Connections over which it is asked.
const CONNECTIONS: usize = 64;
const RATES: [u32; 3] = [500, 2_000, 8_000];
/// A cold page is nobody's every eighth of a millisecond.
const MOST_COLD_PAGES: u32 = 2_000;
const KEPT: &str = "67108864";
const MIB: u64 = 1024;

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [program, more @ ..] = arguments else {
        return Err("usage: slippers-bench percentiles SLIPPERS [SECONDS] [PRODUCTS] [LARGE]".into());
    };
    let number = |at: usize, otherwise: u64| more.get(at).map_or(Ok(otherwise), |text| text.parse());
    let (length, products) = (Duration::from_secs(number(0, 10)?), number(1, 1_000)?);
    let (program, large) = (Path::new(program), number(2, 100_000)?);
    println!("| page | wanted a second | answered | p50 us | p95 us | p99 us | p99.9 us | CPU us each |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut needs = Vec::new();
    for (cache, kind) in [(KEPT, "kept"), ("0", "cold")] {
        let metrics = free_address()?;
        let listen = metrics.to_string();
        let settings = [("CACHE_MAX_BYTES", cache), ("METRICS_LISTEN", listen.as_str())];
        let shop = Shop::on_a_file(program, products, &settings)?;
        let idle = shop.resident_kib()?;
        ask(&shop, &format!("{kind}, SQLite"), products, length)?;
        needs.push(format!(
            "{kind}, SQLite: first 200 after {} ms (limit 100); {} MiB idle (limit 40), {} MiB after the load; {}",
            shop.started.as_millis(),
            idle / MIB,
            shop.resident_kib()? / MIB,
            refused(metrics)?,
        ));
    }
    {
        let metrics = free_address()?;
        let listen = metrics.to_string();
        let server = Postgres::builder().fsync(true).start()?;
        let shop = Shop::on(program, &server, products, &[("METRICS_LISTEN", &listen)])?;
        ask(&shop, "cold, PostgreSQL", products, length)?;
        needs.push(format!(
            "cold, PostgreSQL: first 200 after {} ms; {}",
            shop.started.as_millis(),
            refused(metrics)?
        ));
    }
    needs.push(memory(program, large, length)?);
    println!();
    needs.iter().for_each(|line| println!("- {line}"));
    Ok(())
}

fn holds(body: &str) -> bool {
    body.contains("\"id\":") && body.ends_with('}')
}

fn ask(shop: &Shop, kind: &str, products: u64, length: Duration) -> Outcome<()> {
    // Who ask for the same at the same moment are answered together: each asks for another page.
    let page = |number: u64| format!("/slippers/?skip={}", number % 180);
    let product = |number: u64| format!("/slippers/{}", 1 + number % products);
    let pages: [(&str, &(dyn Fn(u64) -> String + Sync)); 2] = [("page of 20", &page), ("product", &product)];
    for (what, target) in pages {
        for rate in RATES {
            if kind.starts_with("cold") && what == "page of 20" && rate > MOST_COLD_PAGES {
                continue;
            }
            let before = shop.cpu()?;
            let waits = load(shop.address, &|number| target(number), &holds, rate, length, CONNECTIONS)?;
            let cpu = shop.cpu()?.micros_since(&before) / u64::try_from(waits.count())?.max(1);
            let [p50, p95, p99, p999] = [500, 950, 990, 999].map(|share| waits.within(share));
            println!(
                "| {what}, {kind} | {rate} | {} | {p50} | {p95} | {p99} | {p999} | {cpu} |",
                waits.count()
            );
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}

/// How often the pool was exhausted: whoever had to be refused a connection.
fn refused(metrics: SocketAddr) -> Outcome<String> {
    Ok(format!("pool exhausted {} times", sum_of("slippers_db_refused_total", metrics)?))
}

/// What the process has in memory with the default cache, while more pages and products of a large shop are asked for than are kept.
fn memory(program: &Path, products: u64, length: Duration) -> Outcome<String> {
    let shop = Shop::on_a_file(program, products, &[("CACHE_MAX_BYTES", KEPT)])?;
    let target = |number: u64| match number % 4 {
        0 => format!("/slippers/?skip={}", number * 5 % products),
        _ => format!("/slippers/{}", 1 + number * 7919 % products),
    };
    load(shop.address, &target, &holds, 4_000, length * 3, CONNECTIONS)?;
    Ok(format!(
        "{products} products, SQLite, default cache: {} MiB while others are asked for 4,000 times a second (limit 160)",
        shop.resident_kib()? / MIB
    ))
}
