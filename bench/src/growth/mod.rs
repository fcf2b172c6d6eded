//! What a page costs in a large shop, beside the same in a small one: whole requests over HTTP with nothing kept, on both
//! stores, in rounds that alternate. A round begins with the shop and its database on one processor and who asks on another, and
//! with the next round they change places.
//!
//!   `slippers-bench growth SLIPPERS [LARGE] [ROUNDS] [ROW]`
//!
//! SLIPPERS is the program. It prints a table in Markdown, row by row as they are measured; with ROW those alone that have it in
//! their name ("SQLite: page after").
//! Each answer's status and what it holds are looked at. At 1,000 products there is no page at 10,000: deep pages of the large
//! shop stand beside those at 900 of the small one, and where a category or a search holds less, beside its last.

mod people;
mod shapes;

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use slippers_testbed::postgres::Postgres;

use self::people::{Given, fill};
use self::shapes::{Asker, Names, Shape, shapes};
use crate::Outcome;
use crate::client::Client;
use crate::cores::Cores;
use crate::shop::Shop;

const SMALL: u64 = 1_000;
/// For so many products of a large shop there is one user, who has one order; a small one has 1,000 of each too.
const PRODUCTS_A_USER: u64 = 10;
/// So that a large shop has a page as deep as they are measured.
const LEAST_OF_LARGE: u64 = 12_000;
/// How long a shape is asked for in one round, of one shop. Rounds are short, so that what else a machine does for a second falls
/// on both shops.
const ROUND: Duration = Duration::from_millis(100);

/// What a shape cost in one shop, all rounds together.
#[derive(Default)]
struct Cost {
    waits: Vec<u64>,
    /// How many were asked for, also those that are not measured: no number is asked for twice.
    asked: u64,
    /// Processor time of the shop and its database, in microseconds.
    cpu: u64,
}

impl Cost {
    /// Microseconds within which so many of a thousand were answered.
    fn within(&self, of_thousand: usize) -> u64 {
        let mut sorted = self.waits.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * of_thousand / 1000).copied().unwrap_or(0)
    }

    fn cpu_each(&self) -> u64 {
        self.cpu / u64::try_from(self.waits.len()).unwrap_or(1).max(1)
    }
}

pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [program, more @ ..] = arguments else {
        return Err("usage: slippers-bench growth SLIPPERS [LARGE] [ROUNDS] [ROW]".into());
    };
    let large = more.first().map_or(Ok(1_000_000), |text| text.parse())?;
    // As many on either processor.
    let rounds = more.get(1).map_or(Ok(24), |text| text.parse::<usize>())?.next_multiple_of(2);
    let wanted = more.get(2).map(String::as_str);
    let program = Path::new(program);
    println!(
        "Microseconds; {SMALL} and {large} products; 1000 and {} users, each with an order; no page is kept. Pages of the large shop are up to those at 10,000, of the small one up to 900, of its categories up to 300, of its search up to 60.",
        (large / PRODUCTS_A_USER).max(LEAST_OF_LARGE)
    );
    println!();
    println!(
        "| store | page | p50 small | p50 large | ratio | CPU small | CPU large | ratio | statements small | statements large |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let is_wanted = |store: &str, shape: &Shape| {
        wanted.is_none_or(|wanted| format!("{store}: {}", shape.name).contains(wanted))
    };
    let of = |store: &str| -> Vec<Shape> {
        shapes().into_iter().filter(|shape| is_wanted(store, shape)).collect()
    };
    let (on_file, on_server) = (of("SQLite"), of("PostgreSQL"));
    if !on_file.is_empty() {
        let shops = (Shop::on_a_file(program, SMALL, &[])?, Shop::on_a_file(program, large, &[])?);
        measure("SQLite", &on_file, shops, large, rounds)?;
    }
    if !on_server.is_empty() {
        // Shops are vacuumed when they have been stocked; a worker that comes later counts for whatever is measured then.
        let server = Postgres::builder().fsync(true).setting("shared_buffers", "512MB");
        let server = server.setting("autovacuum", "off").start()?;
        let shops = (Shop::on(program, &server, SMALL, &[])?, Shop::on(program, &server, large, &[])?);
        measure("PostgreSQL", &on_server, shops, large, rounds)?;
    }
    Ok(())
}

fn measure(
    store: &str,
    shapes: &[Shape],
    (small, large): (Shop, Shop),
    products: u64,
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    eprintln!("{store}: stocked in {:.1?} and {:.1?}", small.stocked, large.stocked);
    let begun = Instant::now();
    let few = fill(&small, SMALL)?;
    let many = fill(&large, (products / PRODUCTS_A_USER).max(LEAST_OF_LARGE))?;
    eprintln!("{store}: users and orders in {:.1?}", begun.elapsed());
    let mut cores = Cores::two()?;
    let visits = u64::try_from(rounds)? * 2 / 3;
    for shape in shapes {
        let mut costs = [Cost::default(), Cost::default()];
        let before = [small.statements()?, large.statements()?];
        let mut round = 0;
        // An even number, so that each is on either processor equally often.
        while round < rounds || round % 2 == 1 || costs[1].asked < shape.many_pages * visits {
            round += 1;
            if let Some(cores) = &mut cores {
                cores.swap();
            }
            let sides = [(0, &small, &few, shape.small_depth), (1, &large, &many, shape.large_depth)];
            for (cost, shop, given, depth) in sides {
                ask(shape, (shop, given), depth, &mut costs[cost], cores.as_ref())?;
            }
        }
        let [one, other] = &costs;
        // Of all that were asked for; the shop's own, some a second, are among them.
        let statements = |shop: &Shop, before: f64, cost: &Cost| -> Outcome<f64> {
            Ok((shop.statements()? - before) / f64::from(u32::try_from(cost.asked)?))
        };
        let ratio = |small: u64, large: u64| {
            let hundredths = large * 100 / small.max(1);
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        };
        println!(
            "| {store} | {} | {} | {} | {} | {} | {} | {} | {:.1} | {:.1} |",
            shape.name,
            one.within(500),
            other.within(500),
            ratio(one.within(500), other.within(500)),
            one.cpu_each(),
            other.cpu_each(),
            ratio(one.cpu_each(), other.cpu_each()),
            statements(&small, before[0], one)?,
            statements(&large, before[1], other)?,
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn ask(
    shape: &Shape,
    (shop, given): (&Shop, &Given),
    depth: u64,
    cost: &mut Cost,
    cores: Option<&Cores>,
) -> Result<(), Box<dyn Error>> {
    let head = match shape.asker {
        Asker::Anybody => "",
        Asker::Customer => &given.customer,
        Asker::Admin => &given.admin,
    };
    let names = Names { shared: &shop.names, unique: &given.unique };
    let mut client = Client::open(shop.address)?;
    let mut next = || {
        cost.asked += 1;
        (shape.target)(&names, depth, cost.asked - 1)
    };
    // Not measured: what connections and statements are made for, and going where one begins.
    if let Some(cores) = cores {
        cores.part(&shop.threads()?)?;
    }
    for _ in 0..20 {
        client.ask("GET", &next(), head, "")?;
    }
    if let Some(cores) = cores {
        cores.release(&shop.threads()?)?;
    }
    let before = shop.cpu()?;
    let begun = Instant::now();
    while begun.elapsed() < ROUND {
        let target = next();
        let since = Instant::now();
        let body = client.ask("GET", &target, head, "")?;
        cost.waits.push(u64::try_from(since.elapsed().as_micros())?);
        if body.contains(if shape.finds { "\"id\":" } else { "\"total\":0," }) {
            continue;
        }
        return Err(format!("{target} holds something else: {body}").into());
    }
    cost.cpu += shop.cpu()?.micros_since(&before);
    Ok(())
}
