//! A shop on SQLite beside loops over its file.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Statement};

use super::orders::{Buyers, CLIENTS, Demand};
use super::pages::{LAST_SKIP, any_page, any_product, carts};
use super::{Rounds, row};
use crate::Outcome;
use crate::bare::Bare;
use crate::cpu::Cpu;
use crate::shop::Shop;

const MICROS: f64 = 1e6;
const BUSY: Duration = Duration::from_secs(5);

/// Cold pages: of one core what remains after bare hyper with the same bytes, `1 / (1 / hyper + 1 / loop)`.
pub(crate) fn pages(shop: &Shop, rounds: Rounds, products: u64) -> Outcome<()> {
    let file = open(shop)?;
    let last = i64::try_from(products)?;
    let bare = Bare::of(shop, "/slippers/1")?;
    let mut find = file.prepare(include_str!("product.sqlite.sql"))?;
    row(
        "cold product, SQLite, of one core; bare hyper and a loop",
        rounds.count,
        0.7,
        || of_a_core(rounds, || any_product(shop.address, rounds, products), || shop.cpu()),
        || {
            let hyper = of_a_core(rounds, || any_product(bare.address, rounds, products), || bare.cpu())?;
            let mut number = 0;
            let turns = turns(rounds, || {
                number = (number + 7919) % last;
                read(&mut find, [number + 1], 1)
            })?;
            Ok(1.0 / (1.0 / hyper + 1.0 / turns))
        },
    )?;
    drop(bare);
    let bare = Bare::of(shop, "/slippers/")?;
    let mut list = file.prepare(include_str!("page.sqlite.sql"))?;
    row(
        "cold page of 20, SQLite, of one core; bare hyper and a loop",
        rounds.count,
        0.7,
        || of_a_core(rounds, || any_page(shop.address, rounds), || shop.cpu()),
        || {
            let hyper = of_a_core(rounds, || any_page(bare.address, rounds), || bare.cpu())?;
            let mut skip = 0;
            let turns = turns(rounds, || {
                skip = (skip + 79) % i64::try_from(LAST_SKIP)?;
                read(&mut list, [skip], 20)
            })?;
            Ok(1.0 / (1.0 / hyper + 1.0 / turns))
        },
    )?;
    carts("cart, SQLite; a cold product", shop, rounds, products)
}

/// Orders of three lines from 64 clients, beside one thread that commits 64 of them at a time with `synchronous=FULL`.
pub(crate) fn orders(shop: &Shop, rounds: Rounds) -> Outcome<()> {
    let buyers = Buyers::of(shop, rounds)?;
    let demand = Demand { clients: CLIENTS, products: 1_000, lines: 3 };
    let theirs = || grouped(shop, rounds);
    row("orders, 64 clients, SQLite; a loop of groups", rounds.count, 0.7, || buyers.order(demand), theirs)?;
    buyers.crowd("a crowd on one product, SQLite; on 1,000", rounds)
}

fn open(shop: &Shop) -> Outcome<Connection> {
    let file = Connection::open(shop.file())?;
    file.busy_timeout(BUSY)?;
    Ok(file)
}

/// What a server would do in a second of one core, by the processor time that it took for what it did.
fn of_a_core(
    rounds: Rounds,
    load: impl FnOnce() -> Outcome<f64>,
    cpu: impl Fn() -> Outcome<Cpu>,
) -> Outcome<f64> {
    let before = cpu()?;
    let requests = load()? * f64::from(u32::try_from(rounds.seconds)?);
    let took = f64::from(u32::try_from(cpu()?.micros_since(&before))?);
    Ok(requests * MICROS / took)
}

/// How often this can be done in a second.
fn turns(rounds: Rounds, mut turn: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    let (begun, length, mut count) = (Instant::now(), Duration::from_secs(rounds.seconds), 0_u32);
    while begun.elapsed() < length {
        turn()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// Reads every column of so many rows.
fn read(statement: &mut Statement<'_>, values: impl Params, rows: usize) -> Outcome<()> {
    let columns = statement.column_count();
    let (mut found, mut cursor) = (0, statement.query(values)?);
    while let Some(row) = cursor.next()? {
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => drop(black_box(bytes.to_vec())),
                other => drop(black_box(other)),
            }
        }
        found += 1;
    }
    if found == rows { Ok(()) } else { Err(format!("{found} rows instead of {rows}").into()) }
}

const INSERT_ORDER: &str = "
    INSERT INTO orders (user_id, status, total_minor, created_at, updated_at)
    SELECT 1, 'PENDING', sum(price_minor), 1, 1 FROM slippers
    WHERE id IN (?1, ?2, ?3) AND quantity >= 1 AND NOT is_paused HAVING count(*) = 3";
const INSERT_LINES: &str = "
    INSERT INTO order_items (order_id, slipper_id, quantity, unit_price_minor, total_minor, name, size, image)
    SELECT ?4, id, 1, price_minor, price_minor, name, size, image FROM slippers WHERE id IN (?1, ?2, ?3)";
const TAKE: &str = "UPDATE slippers SET quantity = quantity - 1 WHERE id IN (?1, ?2, ?3)";

/// Orders a second of one thread.
fn grouped(shop: &Shop, rounds: Rounds) -> Outcome<f64> {
    let file = open(shop)?;
    file.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4000",
    )?;
    let prepare = |sql| file.prepare(sql);
    let (mut begin, mut end) = (prepare("SAVEPOINT job")?, prepare("RELEASE job")?);
    let (mut order, mut lines, mut take) = (prepare(INSERT_ORDER)?, prepare(INSERT_LINES)?, prepare(TAKE)?);
    let mut number = 0_i64;
    let groups = turns(rounds, || {
        file.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..CLIENTS {
            number += 7919;
            let [one, two, three] = [0, 1, 2].map(|line| line * 333 + 1 + number % 333);
            begin.execute([])?;
            let made = order.execute([one, two, three])?;
            let written = lines.execute([one, two, three, file.last_insert_rowid()])?;
            if (made, written, take.execute([one, two, three])?) != (1, 3, 3) {
                return Err("an order was not placed".into());
            }
            end.execute([])?;
        }
        Ok(file.execute_batch("COMMIT")?)
    })?;
    Ok(groups * f64::from(u32::try_from(CLIENTS)?))
}
