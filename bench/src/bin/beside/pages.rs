//! Pages that are not kept.

use std::error::Error;

use slippers_bench::client::Client;
use slippers_bench::shop::Shop;
use slippers_bench::wrk::Wrk;
use slippers_testbed::postgres::Postgres;

use crate::{Rounds, pgbench, row};

/// As many as the shop's own pool has.
const CONNECTIONS: usize = 16;

pub(crate) fn measure(
    shop: &Shop,
    server: &Postgres,
    rounds: Rounds,
    products: u64,
) -> Result<(), Box<dyn Error>> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let detail = sql_of(shop, server, "/slippers/7")?.replace(":p1", ":id");
    let detail = format!("\\set id random(1, {products})\n{detail}");
    let ids = format!(
        "request = function() return wrk.format('GET', '/slippers/' .. math.random(1, {products})) end"
    );
    let wrk = Wrk { threads: 2, connections: CONNECTIONS, seconds: rounds.seconds, script: "" };
    let ours = || Wrk { script: &ids, ..wrk }.rate(shop.address, "/slippers/1");
    row("cold product", rounds.count, 0.9, ours, || pgbench(database, &detail, CONNECTIONS, rounds.seconds))?;
    let page = sql_of(shop, server, "/slippers/")?;
    let ours = || wrk.rate(shop.address, "/slippers/");
    row("cold page of 20", rounds.count, 0.9, ours, || pgbench(database, &page, CONNECTIONS, rounds.seconds))
}

/// The statement that the shop sends for this, as the server logs it, for pgbench: its values are set before it, as `:p1` and
/// so on.
fn sql_of(shop: &Shop, server: &Postgres, target: &str) -> Result<String, Box<dyn Error>> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let log_all = |value: &str| database.psql(&format!("ALTER SYSTEM SET log_statement = {value}"));
    log_all("'all'")?;
    database.psql("SELECT pg_reload_conf()")?;
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
    database.psql("SELECT pg_reload_conf()")?;
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
    fn a_statement_is_found_in_a_log() {
        let log = "2026-01-02 03:04:05 UTC [7] shop LOG:  execute s4: SELECT s.id\n\tFROM slippers s WHERE s.id = $1\n\
            2026-01-02 03:04:05 UTC [7] shop DETAIL:  parameters: $1 = '7'\n";
        let script = "\\set p1 7\nSELECT s.id \tFROM slippers s WHERE s.id = :p1;\n";
        assert_eq!(last_select(log).as_deref(), Some(script));
        assert_eq!(last_select("2026-01-02 LOG:  statement: SELECT pg_reload_conf()\n"), None);
    }
}
