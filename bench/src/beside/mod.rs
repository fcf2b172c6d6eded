//! The shop over HTTP beside what limits it, in rounds that alternate.
//!
//!   `slippers-bench beside SLIPPERS [SECONDS] [ROUNDS] [PRODUCTS] [ROW]`
//!
//! On PostgreSQL: cold pages beside pgbench with the SQL that the server's own log says the shop has sent, and orders beside one
//! statement an order (`order.sql`). On SQLite: cold pages beside bare hyper and a loop over SQL that reads the same, and orders beside a
//! loop that commits 64 of them at once. On both: carts beside products, and a crowd on one product beside the same crowd on a
//! thousand. At last, what company costs: Redis, a second process, a replica. With ROW only rows that have it in their names are
//! measured. It needs wrk, pgbench and redis-server.

mod company;
mod files;
mod orders;
mod pages;

use std::io::Write as _;
use std::path::Path;

use slippers_testbed::postgres::Postgres;

use crate::Outcome;
use crate::median;
use crate::shop::Shop;

/// How long and how often each side is measured.
#[derive(Clone, Copy)]
struct Rounds {
    seconds: u64,
    count: usize,
}

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [program, more @ ..] = arguments else {
        return Err("usage: slippers-bench beside SLIPPERS [SECONDS] [ROUNDS] [PRODUCTS] [ROW]".into());
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
    println!("{products} products, with company 1,000; of orders 1,000 are wanted unless it is said.");
    println!();
    println!("| what | the shop, a second | its limit, a second | ratio | at least |");
    println!("| --- | --- | --- | --- | --- |");
    {
        let shop = Shop::on(program, &server, products, &[("DATABASE_POOL_SIZE", &pages::POOL.to_string())])?;
        never_sold_out(&shop)?;
        shop.execute(&["VACUUM ANALYZE slippers"])?;
        pages::measure(&shop, &server, rounds, products)?;
        orders::beside_pgbench(&shop, rounds)?;
    }
    {
        let shop = Shop::on_a_file(program, products, &[])?;
        never_sold_out(&shop)?;
        files::pages(&shop, rounds, products)?;
        files::orders(&shop, rounds)?;
    }
    company::measure(program, &server, rounds)
}

fn never_sold_out(shop: &Shop) -> Outcome<()> {
    shop.execute(&["UPDATE slippers SET quantity = 1000000000, is_paused = false"])
}

/// One row: the medians of what both sides did in turn, in whatever they are told a second.
fn row(
    name: &str,
    rounds: usize,
    at_least: f64,
    mut ours: impl FnMut() -> Outcome<f64>,
    mut theirs: impl FnMut() -> Outcome<f64>,
) -> Outcome<()> {
    if std::env::args().nth(6).is_some_and(|wanted| !name.contains(&wanted)) {
        return Ok(());
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        a.push(ours()?);
        b.push(theirs()?);
    }
    let (a, b) = (median(a), median(b));
    println!("| {name} | {a:.0} | {b:.0} | {:.2} | {at_least} |", a / b);
    Ok(std::io::stdout().flush()?)
}
