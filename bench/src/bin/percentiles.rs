//! What clients wait at rates that are given, not at what the server can just do: open-loop load on SQLite, kept and cold, and
//! what the process needs meanwhile.
//!
//!   `percentiles SLIPPERS [SECONDS] [PRODUCTS]`
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use slippers_bench::open_loop::load;
use slippers_bench::shop::Shop;

/// Connections over which it is asked.
const CONNECTIONS: usize = 64;
const RATES: [u32; 3] = [500, 2_000, 8_000];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, more @ ..] = &arguments[..] else {
        return Err("usage: percentiles SLIPPERS [SECONDS] [PRODUCTS]".into());
    };
    let number = |at: usize, otherwise: u64| more.get(at).map_or(Ok(otherwise), |text| text.parse());
    let (length, products) = (Duration::from_secs(number(0, 10)?), number(1, 1_000)?);
    println!("| page | wanted a second | answered | p50 us | p95 us | p99 us | p99.9 us | CPU us each |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut needs = Vec::new();
    for (cache, kind) in [("67108864", "kept"), ("0", "cold")] {
        let shop = Shop::on_a_file(Path::new(program), products, &[("CACHE_MAX_BYTES", cache)])?;
        let idle = shop.resident_kib()?;
        let page = |_: u64| "/slippers/".to_owned();
        let product = |number: u64| format!("/slippers/{}", 1 + number % products);
        let holds = |body: &str| body.contains("\"id\":") && body.ends_with('}');
        let pages: [(&str, &(dyn Fn(u64) -> String + Sync)); 2] =
            [("page of 20", &page), ("product", &product)];
        for (what, target) in pages {
            for rate in RATES {
                // A cold page is nobody's every eighth of a millisecond.
                if kind == "cold" && what == "page of 20" && rate > 2_000 {
                    continue;
                }
                let before = shop.cpu()?;
                let waits = load(shop.address, &|number| target(number), &holds, rate, length, CONNECTIONS)?;
                let cpu = (shop.cpu()? - before) / u64::try_from(waits.count())?.max(1);
                let [p50, p95, p99, p999] = [500, 950, 990, 999].map(|share| waits.within(share));
                println!(
                    "| {kind} {what} | {rate} | {} | {p50} | {p95} | {p99} | {p999} | {cpu} |",
                    waits.count()
                );
            }
        }
        needs.push(format!(
            "{kind}: first 200 after {} ms; {} MiB idle, {} MiB after the load",
            shop.started.as_millis(),
            idle / 1024,
            shop.resident_kib()? / 1024
        ));
    }
    println!();
    needs.iter().for_each(|line| println!("- {line}"));
    Ok(())
}
