//! What clients wait at rates that are given, not at what the server can just do: open-loop load, kept and cold, and what the
//! process needs meanwhile.
//!
//!   `slippers-bench percentiles SLIPPERS [SECONDS] [PRODUCTS] [LARGE]`
//!
//! PRODUCTS are those of the shops that are asked at given rates; LARGE those of one whose memory is looked at.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use slippers_testbed::postgres::Postgres;

use crate::Outcome;
use crate::client::Client;
use crate::open_loop::load;
use crate::shop::Shop;

/// Connections over which it is asked.
const CONNECTIONS: usize = 64;
const RATES: [u32; 3] = [500, 2_000, 8_000];
/// A cold page is nobody's every eighth of a millisecond.
const MOST_COLD_PAGES: u32 = 2_000;
const KEPT: &str = "67108864";
const MIB: u64 = 1024;
/// Different pages: they overlap.
const PAGES: u64 = 180;
const HITS: &str = "slippers_cache_hits_total";

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [program, more @ ..] = arguments else {
        return Err("usage: slippers-bench percentiles SLIPPERS [SECONDS] [PRODUCTS] [LARGE]".into());
    };
    let number = |at: usize, otherwise: u64| more.get(at).map_or(Ok(otherwise), |text| text.parse());
    let (length, products) = (Duration::from_secs(number(0, 10)?), number(1, 1_000)?);
    let (program, large) = (Path::new(program), number(2, 100_000)?);
    println!(
        "{products} products; \"cold\": no page is kept (CACHE_MAX_BYTES=0), and rows of products are as they are by default."
    );
    println!();
    println!(
        "| page | wanted a second | answered | p50 us | p95 us | p99 us | p99.9 us | CPU us each | statements each |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut needs = Vec::new();
    for (cache, kind) in [(KEPT, "kept"), ("0", "cold")] {
        let shop = Shop::on_a_file(program, products, &[("CACHE_MAX_BYTES", cache)])?;
        needs.push(measure(&shop, &format!("{kind}, SQLite"), products, length)?);
    }
    {
        let server = Postgres::builder().fsync(true).start()?;
        let shop = Shop::on(program, &server, products, &[])?;
        needs.push(measure(&shop, "cold, PostgreSQL", products, length)?);
    }
    needs.push(memory(program, large, length)?);
    println!();
    needs.iter().for_each(|line| println!("- {line}"));
    Ok(())
}

/// The rows of a shop; answers what it needs.
fn measure(shop: &Shop, kind: &str, products: u64, length: Duration) -> Outcome<String> {
    let idle = shop.resident_kib()?;
    ask(shop, kind, products, length)?;
    Ok(format!(
        "{kind}: first answer after {} ms (limit 100); {} MiB idle (limit 40), {} MiB after the load; pool exhausted {} times",
        shop.started.as_millis(),
        idle / MIB,
        shop.resident_kib()? / MIB,
        shop.told("slippers_db_refused_total")?,
    ))
}

fn holds(body: &str) -> bool {
    body.contains("\"id\":") && body.ends_with('}')
}

fn ask(shop: &Shop, kind: &str, products: u64, length: Duration) -> Outcome<()> {
    // Who ask for the same at the same moment are answered together: each asks for another page.
    warm(shop, PAGES, page)?;
    for rate in RATES.into_iter().filter(|rate| kind.starts_with("kept") || *rate <= MOST_COLD_PAGES) {
        ask_at(shop, ("page of 20", kind), &page, rate, length)?;
    }
    let product = |number: u64| format!("/slippers/{}", 1 + number % products);
    warm(shop, products, product)?;
    RATES.into_iter().try_for_each(|rate| ask_at(shop, ("product", kind), &product, rate, length))
}

fn page(number: u64) -> String {
    format!("/slippers/?skip={}", number % PAGES)
}

/// Asks for each once, so that what is kept is there.
fn warm(shop: &Shop, different: u64, target: impl Fn(u64) -> String) -> Outcome<()> {
    let mut client = Client::open(shop.address)?;
    for target in (0..different).map(target) {
        let (status, head, body) = client.exchange("GET", &target, "", "")?;
        // Who asks for no encoding is sent none.
        if status != 200 || !holds(&body) || head.to_ascii_lowercase().contains("content-encoding") {
            return Err(format!("{target}: {head}{body}").into());
        }
    }
    Ok(())
}

/// One row.
fn ask_at(
    shop: &Shop,
    (what, kind): (&str, &str),
    target: &(impl Fn(u64) -> String + Sync),
    rate: u32,
    length: Duration,
) -> Outcome<()> {
    let (hits, statements) = (shop.told(HITS)?, shop.statements()?);
    let before = shop.cpu()?;
    let waits = load(shop.address, target, &holds, rate, length, CONNECTIONS)?;
    let asked = u32::try_from(waits.count())?.max(1);
    let cpu = shop.cpu()?.micros_since(&before) / u64::from(asked);
    let hits = shop.told(HITS)? - hits;
    let wanted = if kind.starts_with("kept") { f64::from(asked) } else { 0.0 };
    if (hits - wanted).abs() > 0.5 {
        return Err(format!("{what}, {kind}: {hits} of {asked} answers were kept pages").into());
    }
    // The shop's own, some a second, are among them.
    let statements = (shop.statements()? - statements) / f64::from(asked);
    let [p50, p95, p99, p999] = [500, 950, 990, 999].map(|share| waits.within(share));
    println!(
        "| {what}, {kind} | {rate} | {asked} | {p50} | {p95} | {p99} | {p999} | {cpu} | {statements:.2} |"
    );
    Ok(std::io::stdout().flush()?)
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
        "{products} products, SQLite, default cache: {} MiB at most while others are asked for 4,000 times a second (limit 160)",
        shop.peak_kib()? / MIB
    ))
}
