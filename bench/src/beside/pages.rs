//! Pages that are not kept, of a shop on PostgreSQL.

use std::net::SocketAddr;
use std::process::Command;

use slippers_testbed::postgres::{Database, Postgres};

use super::{Rounds, row};
use crate::Outcome;
use crate::buyers::register;
use crate::client::Client;
use crate::shop::Shop;
use crate::wrk::Wrk;

/// Connections of who asks over HTTP.
const CONNECTIONS: usize = 16;
/// Connections to PostgreSQL, of the shop and of pgbench: as many as the shop takes by itself on two cores.
pub(super) const POOL: usize = 8;
/// Carts whose statements are counted: others of the shop's own come between, some a second.
const CARTS_ASKED: u32 = 200;
/// Pages that end before this are walked to, and not remembered.
pub(crate) const LAST_SKIP: u64 = 180;

pub(crate) fn measure(shop: &Shop, server: &Postgres, rounds: Rounds, products: u64) -> Outcome<()> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let detail = sql_of(shop, server, "/slippers/7")?.replace(":p1", ":id");
    let detail = format!("\\set id random(1, {products})\n{detail}");
    let pgbench = |sql: &str| pgbench(database, sql, POOL, rounds.seconds);
    let name = "cold product, PostgreSQL; pgbench, as many connections";
    row(name, rounds.count, 0.9, || any_product(shop.address, rounds, products), || pgbench(&detail))?;
    let page = sql_of(shop, server, "/slippers/?skip=177")?;
    let page = format!("\\set skip random(0, {LAST_SKIP})\n{}", page.replace(" 177\n", " :skip\n"));
    let name = "cold page of 20, PostgreSQL; pgbench, as many connections";
    row(name, rounds.count, 0.9, || any_page(shop.address, rounds), || pgbench(&page))?;
    carts("cart, PostgreSQL; a cold product", shop, rounds, products)
}

const fn wrk(rounds: Rounds, script: &str) -> Wrk<'_> {
    Wrk { threads: 2, connections: CONNECTIONS, seconds: rounds.seconds, script }
}

/// Lua for requests that look random, of each thread of the load others: who ask for the same at the same moment are
/// answered together.
fn random(target: &str, from: u64, to: u64) -> String {
    format!(
        "threads = 0\n\
         setup = function(thread) thread:set('number', threads) threads = threads + 1 end\n\
         init = function() math.randomseed(7919 * number + 17) end\n\
         request = function() return wrk.format('GET', '{target}' .. math.random({from}, {to})) end"
    )
}

/// Products one by one, requests a second.
pub(crate) fn any_product(at: SocketAddr, rounds: Rounds, products: u64) -> Outcome<f64> {
    wrk(rounds, &random("/slippers/", 1, products)).rate(at, "/slippers/1")
}

/// Pages near the beginning, requests a second.
pub(crate) fn any_page(at: SocketAddr, rounds: Rounds) -> Outcome<f64> {
    wrk(rounds, &random("/slippers/?skip=", 0, LAST_SKIP)).rate(at, "/slippers/")
}

/// The first page again and again, requests a second.
pub(crate) fn first_page(at: SocketAddr, rounds: Rounds) -> Outcome<f64> {
    wrk(rounds, "").rate(at, "/slippers/")
}

/// A cart of three lines, beside a product of the same shop.
pub(crate) fn carts(name: &str, shop: &Shop, rounds: Rounds, products: u64) -> Outcome<()> {
    let buyer = register(shop, 1)?.pop().ok_or("a buyer")?;
    let mut client = Client::open(shop.address)?;
    for product in 1..=3 {
        client.ask("POST", "/cart/items", &buyer, &format!(r#"{{"slipper_id":{product},"quantity":1}}"#))?;
    }
    let cart = client.ask("GET", "/cart", &buyer, "")?;
    if cart.matches("\"slipper_id\":").count() != 3 {
        return Err(format!("the cart holds something else: {cart}").into());
    }
    let token = buyer.lines().next().and_then(|line| line.split_once(": ")).ok_or("a header")?.1;
    let script = format!("wrk.headers['Authorization'] = '{token}'");
    let ours = || wrk(rounds, &script).rate(shop.address, "/cart");
    row(name, rounds.count, 0.7, ours, || any_product(shop.address, rounds, products))?;
    // The first connection was idle for longer than the shop keeps one.
    let mut client = Client::open(shop.address)?;
    let before = shop.statements()?;
    for _ in 0..CARTS_ASKED {
        client.ask("GET", "/cart", &buyer, "")?;
    }
    let each = (shop.statements()? - before) / f64::from(CARTS_ASKED);
    if each > 1.1 {
        return Err(format!("a cart takes {each:.2} statements").into());
    }
    Ok(())
}

/// Runs pgbench with a script; answers transactions a second.
pub(crate) fn pgbench(database: &Database, script: &str, clients: usize, seconds: u64) -> Outcome<f64> {
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
    // A client that gave up leaves the others to be counted: no limit to stand beside.
    rate.filter(|_| output.status.success() && has_no_failure(&said))
        .ok_or_else(|| format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

fn has_no_failure(said: &str) -> bool {
    said.lines().any(|line| line.starts_with("number of failed transactions: 0 "))
}

/// The statement that the shop sends for this, as the server logs it, for pgbench: its values are set before it, as `:p1` and
/// so on.
fn sql_of(shop: &Shop, server: &Postgres, target: &str) -> Outcome<String> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let log_all = |value: &str| database.query(&format!("ALTER SYSTEM SET log_statement = {value}"));
    log_all("'all'")?;
    database.query("SELECT pg_reload_conf()")?;
    let log = || std::fs::read_to_string(server.server().folder().join("log"));
    let mut client = Client::open(shop.address)?;
    let begun = std::time::Instant::now();
    let told = loop {
        let before = log()?.len();
        client.get(target)?;
        let log = log()?;
        // The setting reaches connections a moment later, and others' statements are logged too.
        if let Some(told) = log.get(before..).and_then(last_select) {
            break told;
        }
        if begun.elapsed().as_secs() > 10 {
            return Err(format!("{target}: the server did not log its statement").into());
        }
    };
    log_all("'none'")?;
    database.query("SELECT pg_reload_conf()")?;
    Ok(told)
}

/// The last statement in a log that reads products, and its values.
fn last_select(log: &str) -> Option<String> {
    let (_, statement) = log.rsplit_once("LOG:  execute ")?;
    let (_, statement) = statement.split_once(": ")?;
    let (statement, values) = statement.split_once("DETAIL:  ")?;
    let (_, values) = values.split_once("arameters: ")?;
    // What follows on a line of its own begins with a tab; the line of the values with the time.
    let sql: Vec<&str> = statement.lines().take_while(|line| !line.starts_with("20")).collect();
    let mut sql = sql.join(" ");
    if !sql.contains("FROM") || !sql.contains("slippers s") {
        return None;
    }
    let mut script = String::new();
    let values: Vec<&str> = values.lines().next()?.split(", $").collect();
    // The highest first: `$1` is the beginning of `$12`.
    for value in values.iter().rev() {
        let (number, value) = value.trim_start_matches('$').split_once(" = ")?;
        sql = sql.replace(&format!("${number}"), &format!(":p{number}"));
        script.push_str(&format!("\\set p{number} {}\n", value.trim_matches('\'')));
    }
    Some(format!("{script}{sql};\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_pgbench_are_seen() {
        let said = |failed: &str| {
            format!("latency average = 1 ms\nnumber of failed transactions: {failed}\ntps = 9 (x)\n")
        };
        assert!(has_no_failure(&said("0 (0.000%)")));
        assert!(!has_no_failure(&said("1 (0.010%)")) && !has_no_failure("tps = 9\n"));
    }

    #[test]
    fn a_statement_is_found_in_a_log() {
        let log = "2026-01-02 03:04:05 UTC [7] shop LOG:  execute s4: SELECT s.id\n\tFROM slippers s WHERE s.id = $1\n\
            2026-01-02 03:04:05 UTC [7] shop DETAIL:  parameters: $1 = '7'\n";
        let script = "\\set p1 7\nSELECT s.id \tFROM slippers s WHERE s.id = :p1;\n";
        assert_eq!(last_select(log).as_deref(), Some(script));
        assert_eq!(last_select("2026-01-02 LOG:  statement: SELECT pg_reload_conf()\n"), None);
    }
}
