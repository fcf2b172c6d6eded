//! Cold pages and orders over HTTP beside pgbench with the same SQL on the same server, in rounds that alternate.
//!
//!   `beside SLIPPERS [SECONDS] [ROUNDS] [PRODUCTS]`
//!
//! The SQL of a page is not written down here: the server's own log says what the shop has sent. Orders stand beside one
//! statement an order (`order.sql`). It needs wrk, psql and pgbench.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for people, which may block")]

mod orders;
mod pages;

use std::error::Error;
use std::path::Path;
use std::process::Command;

use slippers_bench::median;
use slippers_bench::shop::Shop;
use slippers_testbed::postgres::{Database, Postgres};

/// How long and how often each side is measured.
#[derive(Clone, Copy)]
struct Rounds {
    seconds: u64,
    count: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, more @ ..] = &arguments[..] else {
        return Err("usage: beside SLIPPERS [SECONDS] [ROUNDS] [PRODUCTS]".into());
    };
    let number = |at: usize, otherwise: u64| more.get(at).map_or(Ok(otherwise), |text| text.parse());
    let rounds = Rounds { seconds: number(0, 4)?, count: usize::try_from(number(1, 3)?)? };
    let products = number(2, 100_000)?;
    let program = Path::new(program);
    let server = Postgres::builder()
        .fsync(true)
        .setting("shared_buffers", "512MB")
        .setting("max_wal_size", "4GB")
        .start()?;
    let shop = Shop::on(program, &server, products, &[])?;
    let database = shop.database.as_ref().ok_or("a database")?;
    // Nothing is sold out while it is measured.
    database.psql("UPDATE slippers SET quantity = 1000000000, is_paused = false; VACUUM ANALYZE slippers")?;
    println!("| what | the shop, a second | pgbench, a second | ratio | at least |");
    println!("| --- | --- | --- | --- | --- |");
    pages::measure(&shop, &server, rounds, products)?;
    orders::measure(&shop, rounds)?;
    Ok(())
}

/// Runs pgbench with a script; answers transactions a second.
fn pgbench(database: &Database, script: &str, clients: usize, seconds: u64) -> Result<f64, Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut file.as_file(), script.as_bytes())?;
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-c", &clients.to_string(), "-j", &clients.min(2).to_string()])
        .args(["-T", &seconds.to_string(), "-f"])
        .arg(file.path())
        .arg(database.url())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// One row: the medians of what both sides did in turn.
fn row(
    name: &str,
    rounds: usize,
    at_least: f64,
    mut ours: impl FnMut() -> Result<f64, Box<dyn Error>>,
    mut theirs: impl FnMut() -> Result<f64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        a.push(ours()?);
        b.push(theirs()?);
    }
    let (a, b) = (median(a), median(b));
    println!("| {name} | {a:.0} | {b:.0} | {:.2} | {at_least} |", a / b);
    Ok(())
}
