//! Orders from carts, every one of a cart that has changed since the last, and as many in the database as were answered.

use std::time::Duration;

use super::pages::pgbench;
use super::{Rounds, row};
use crate::Outcome;
use crate::buyers::{for_each, register, timed};
use crate::shop::Shop;

pub(crate) const CLIENTS: usize = 64;
/// Carts that are ready when the clock starts. Their buyers' passwords are hashed before, which takes longer than all the orders.
const CARTS: usize = 256;
/// The same for who has no time, where a figure is of one second.
const FEW_CARTS: usize = 96;
/// How often they are filled and ordered for one figure; a buyer has few orders that are not paid.
const FILLS: usize = 5;

/// Who orders what: `products` of them, so many lines in each cart.
#[derive(Clone, Copy)]
pub(crate) struct Demand {
    pub(crate) clients: usize,
    pub(crate) products: usize,
    pub(crate) lines: usize,
}

/// A shop's buyers.
pub(crate) struct Buyers<'s> {
    shop: &'s Shop,
    heads: Vec<String>,
}

pub(crate) fn beside_pgbench(shop: &Shop, rounds: Rounds) -> Outcome<()> {
    let database = shop.database.as_ref().ok_or("a database")?;
    let buyers = Buyers::of(shop, rounds)?;
    for (name, clients, connections, products, at_least) in [
        ("orders, 64 clients, PostgreSQL; pgbench, 16 connections", CLIENTS, 16, 1_000, 1.5),
        ("orders, 1 client, PostgreSQL; pgbench, 1", 1, 1, 1_000, 0.4),
        ("orders, 64 clients on 10 products, PostgreSQL; pgbench, 64", CLIENTS, CLIENTS, 10, 6.0),
    ] {
        let demand = Demand { clients, products, lines: 3 };
        let set = |(line, name): (usize, &str)| {
            // Three that are never the same.
            let (low, high) = (line * products / 3 + 1, (line + 1) * products / 3);
            format!("\\set {name} random({low}, {high})\n")
        };
        let sets: String = ["one", "two", "three"].into_iter().enumerate().map(set).collect();
        let sql = format!("{sets}{}", include_str!("order.sql"));
        let theirs = || {
            let before = buyers.count()?;
            let rate = pgbench(database, &sql, connections, rounds.seconds)?;
            let made = f64::from(u32::try_from(buyers.count()? - before)?);
            // What is answered is there: the clock that pgbench divides by is not quite the one it runs for.
            let told = rate * f64::from(u32::try_from(rounds.seconds)?);
            if made < 0.9 * told {
                Err(format!("pgbench tells {told:.0} orders, {made} are there").into())
            } else {
                Ok(rate)
            }
        };
        row(name, rounds.count, at_least, || buyers.order(demand), theirs)?;
    }
    buyers.crowd("a crowd on one product, PostgreSQL; on 1,000", rounds)
}

impl<'s> Buyers<'s> {
    pub(crate) fn of(shop: &'s Shop, rounds: Rounds) -> Outcome<Self> {
        let carts = if rounds.seconds > 1 { CARTS } else { FEW_CARTS };
        Ok(Self { shop, heads: register(shop, carts)? })
    }

    /// Everybody wants the same, beside the same who want different things.
    pub(crate) fn crowd(&self, name: &str, rounds: Rounds) -> Outcome<()> {
        let spread = Demand { clients: CLIENTS, products: 1_000, lines: 1 };
        let ours = || self.order(Demand { products: 1, ..spread });
        row(name, rounds.count, 0.7, ours, || self.order(spread))
    }

    /// Orders a second.
    pub(crate) fn order(&self, demand: Demand) -> Outcome<f64> {
        let carts = if demand.clients == 1 { self.heads.len() / 4 } else { self.heads.len() };
        let (before, mut took) = (self.count()?, Duration::ZERO);
        for fill in 0..FILLS {
            for_each(self.shop, 8, carts, |client, number| {
                for line in 0..demand.lines {
                    let among = demand.products / demand.lines;
                    let product = line * among + 1 + (number + fill) * 7919 % among;
                    let body = format!(r#"{{"slipper_id":{product},"quantity":1}}"#);
                    client.ask("POST", "/cart/items", &self.heads[number], &body)?;
                }
                Ok(())
            })?;
            let order = |client: &mut crate::client::Client, number: usize| {
                client.ask("POST", "/orders/from-cart?clear_cart=true", &self.heads[number], "{}").map(drop)
            };
            took += timed(self.shop, demand.clients, carts, order)?.1;
        }
        let (made, wanted) = (self.count()? - before, u64::try_from(carts * FILLS)?);
        if made != wanted {
            return Err(format!("{wanted} orders were answered and {made} are there").into());
        }
        Ok(f64::from(u32::try_from(made)?) / took.as_secs_f64())
    }

    fn count(&self) -> Outcome<u64> {
        self.shop.number("SELECT count(*) FROM orders")
    }
}
