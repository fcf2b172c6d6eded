//! What company costs a shop on PostgreSQL that would do without: Redis, a second process, a replica, all on the same machine.

use std::path::Path;
use std::time::Duration;

use slippers_testbed::postgres::Postgres;
use slippers_testbed::{Redis, wait};

use super::orders::{Buyers, CLIENTS, Demand};
use super::pages::{any_product, first_page};
use super::{Rounds, never_sold_out, row};
use crate::Outcome;
use crate::metrics::{free_address, sum_of};
use crate::shop::Shop;

const PRODUCTS: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(20);
const AT_LEAST: f64 = 0.95;
const KEPT: (&str, &str) = ("CACHE_MAX_BYTES", "67108864");

pub(crate) fn measure(program: &Path, server: &Postgres, rounds: Rounds) -> Outcome<()> {
    let alone = stocked(program, server, &[KEPT])?;
    let alone = (&alone, &Buyers::of(&alone, rounds)?);
    let redis = Redis::start(&[])?;
    {
        let shared = stocked(program, server, &[KEPT, ("REDIS_URL", &redis.url())])?;
        compare("with Redis; without", &shared, alone, rounds)?;
        if redis.ask("DBSIZE")? == ":0" {
            return Err("nothing was shared through Redis".into());
        }
    }
    {
        let two = stocked(program, server, &[KEPT])?;
        let _second = two.second(&[KEPT])?;
        compare("a second process; without", &two, alone, rounds)?;
    }
    // Nothing is kept where the replica is to be asked.
    let alone = stocked(program, server, &[])?;
    let copied = stocked(program, server, &[])?;
    let replica = server.replica(Duration::ZERO)?;
    let database = copied.database.as_ref().ok_or("a database")?;
    let (url, metrics) = (replica.url_of(database.name()), free_address()?);
    let settings = [("DATABASE_REPLICA_URLS", url.as_str()), ("METRICS_LISTEN", &metrics.to_string())];
    let with = copied.second(&settings)?;
    let in_use = || sum_of("slippers_replica_in_use", metrics).ok().filter(|in_use| *in_use > 0.0);
    wait::until(PATIENCE, in_use).ok_or("the replica is not used")?;
    let product = |at| any_product(at, rounds, PRODUCTS);
    let (ours, theirs) = (|| product(with.address), || product(alone.address));
    row("cold product, a replica; without", rounds.count, AT_LEAST, ours, theirs)?;
    in_use().map(drop).ok_or_else(|| "the replica is not used any more".into())
}

fn stocked(program: &Path, server: &Postgres, settings: &[(&str, &str)]) -> Outcome<Shop> {
    let shop = Shop::on(program, server, PRODUCTS, settings)?;
    never_sold_out(&shop)?;
    Ok(shop)
}

fn compare(how: &str, shop: &Shop, (alone, theirs): (&Shop, &Buyers<'_>), rounds: Rounds) -> Outcome<()> {
    let page = |shop: &Shop| first_page(shop.address, rounds);
    row(&format!("kept page, {how}"), rounds.count, AT_LEAST, || page(shop), || page(alone))?;
    let demand = Demand { clients: CLIENTS, products: 1_000, lines: 3 };
    let ours = Buyers::of(shop, rounds)?;
    row(&format!("orders, {how}"), rounds.count, AT_LEAST, || ours.order(demand), || theirs.order(demand))
}
