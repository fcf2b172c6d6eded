//! How orders are read: one row an order, its lines as one JSON array in it.

use futures_util::future::try_join;
use slippers_core::StoreError;
use slippers_core::accounts::DELETED_USER;
use slippers_core::orders::{
    MAX_LISTED, MAX_LISTED_LINES, Order, OrderLine, OrderList, OrderQuery, OrderStatus, PaymentOutcome,
};
use slippers_core::types::{Money, OrderId, OrderLineId, SlipperId, UserId};

use crate::db::{Cells, Db};
use crate::params::{param, params};

/// The beginning of every query that [`read_order`] reads.
macro_rules! select_order {
    () => {
        "SELECT o.id, o.user_id, CASE WHEN u.wiped_at IS NULL THEN u.name END, u.surname, o.status, o.total_minor, o.notes, \
                o.payment_outcome, o.created_at, o.updated_at, \
                (SELECT coalesce(json_agg(\
                     json_build_array(i.id, i.slipper_id, i.quantity, i.unit_price_minor, i.total_minor, i.notes, \
                                      i.name, i.size, i.image)), '[]') \
                 FROM order_items i WHERE i.order_id = o.id) "
    };
}

/// A line as PostgreSQL writes it: id, product, quantity, unit price, total, notes, name, size, picture.
type LineRow = (i64, i64, i64, i64, i64, Option<String>, String, String, String);

pub(super) fn read_order(row: &Cells<'_>) -> Result<Order, StoreError> {
    let status = row.text(4)?;
    let outcome = row.get::<Option<String>>(7)?;
    Ok(Order {
        id: OrderId::new(row.int(0)?),
        user: UserId::new(row.int(1)?),
        user_name: match row.get::<Option<String>>(2)? {
            Some(name) => format!("{name} {}", row.text(3)?),
            None => DELETED_USER.to_owned(),
        },
        status: OrderStatus::parse(&status).ok_or_else(|| no_such("order status", &status))?,
        total: row.money(5)?,
        notes: row.get(6)?,
        payment: outcome
            .map(|name| PaymentOutcome::parse(&name).ok_or_else(|| no_such("payment outcome", &name)))
            .transpose()?,
        created_at: row.time(8)?,
        updated_at: row.time(9)?,
        lines: read_lines(row)?,
    })
}

fn no_such(what: &str, name: &str) -> StoreError {
    StoreError::Corrupt(format!("{name:?} is no {what}"))
}

/// By number.
fn read_lines(row: &Cells<'_>) -> Result<Vec<OrderLine>, StoreError> {
    let stored: Vec<LineRow> = row.json(10)?;
    let mut lines: Vec<OrderLine> = stored.into_iter().map(read_line).collect();
    lines.sort_unstable_by_key(|line| line.id);
    Ok(lines)
}

fn read_line(stored: LineRow) -> OrderLine {
    let (id, slipper, quantity, unit_price, total, notes, name, size, image) = stored;
    OrderLine {
        id: OrderLineId::new(id),
        slipper: SlipperId::new(slipper),
        quantity,
        unit_price: Money::from_minor(unit_price),
        total: Money::from_minor(total),
        notes,
        name,
        size,
        image,
    }
}

const FIND: &str = concat!(select_order!(), "FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = $1");

pub(crate) async fn find(db: &Db, id: OrderId) -> Result<Option<Order>, StoreError> {
    db.first(FIND, params![id.get()], read_order).await
}

// In the order of their numbers, so that nobody waits for one who waits for them.
const LOCK: &str = "SELECT id FROM orders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

/// Locks these orders: what is read of them from now on nobody else changes any more.
pub(crate) async fn lock(db: &Db, orders: &[i64]) -> Result<(), StoreError> {
    db.run(LOCK, params![orders]).await?;
    Ok(())
}

/// The order, locked.
pub(crate) async fn lock_and_find(db: &Db, id: OrderId) -> Result<Option<Order>, StoreError> {
    lock(db, &[id.get()]).await?;
    find(db, id).await
}

/// Several at once.
pub(super) const FIND_ALL: &str =
    concat!(select_order!(), "FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id = ANY($1)");

/// A list: its orders' numbers first, with the lines of those before each ($3 of them are enough), then the rows. OFFSET 0
/// keeps each user a look-up of its own: how many orders a page has the planner can't know.
macro_rules! list {
    ($which:literal) => {
        concat!(
            select_order!(),
            "FROM (SELECT p.id, sum(p.lines) OVER (ORDER BY p.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS above \
                   FROM (SELECT q.id, (SELECT count(*) FROM order_items n WHERE n.order_id = q.id) AS lines \
                         FROM orders q WHERE q.id < $1",
            $which,
            " ORDER BY q.id DESC LIMIT $2) AS p) AS page \
             JOIN LATERAL (SELECT * FROM orders r WHERE r.id = page.id OFFSET 0) AS o ON TRUE \
             JOIN LATERAL (SELECT * FROM users v WHERE v.id = o.user_id OFFSET 0) AS u ON TRUE \
             WHERE page.above IS NULL OR page.above < $3 ORDER BY page.id DESC"
        )
    };
}

const LIST_ALL: &str = list!("");
const LIST_ALL_WITH_OUTCOME: &str = list!(" AND q.payment_outcome IS NOT NULL");
const LIST_OF: &str = list!(" AND q.user_id = $4");
const LIST_OF_WITH_OUTCOME: &str = list!(" AND q.user_id = $4 AND q.payment_outcome IS NOT NULL");

const TOTAL: &str = "SELECT sum(orders)::bigint FROM order_counters";
const TOTAL_WITH_OUTCOME: &str = "SELECT sum(outcome_orders)::bigint FROM order_counters";
const TOTAL_OF: &str = "SELECT order_count FROM users WHERE id = $1";
const TOTAL_OF_WITH_OUTCOME: &str = "SELECT outcome_order_count FROM users WHERE id = $1";

/// Two statements, however many orders there are.
pub(super) async fn list(db: &Db, query: OrderQuery) -> Result<OrderList, StoreError> {
    let before = query.before.map_or(i64::MAX, OrderId::get);
    let max = query.max.clamp(1, MAX_LISTED);
    let enough = i64::try_from(MAX_LISTED_LINES).unwrap_or(i64::MAX);
    let (list, total) = match (query.of.is_some(), query.with_outcome) {
        (false, false) => (LIST_ALL, TOTAL),
        (false, true) => (LIST_ALL_WITH_OUTCOME, TOTAL_WITH_OUTCOME),
        (true, false) => (LIST_OF, TOTAL_OF),
        (true, true) => (LIST_OF_WITH_OUTCOME, TOTAL_OF_WITH_OUTCOME),
    };
    let mut of_list = Vec::from(params![before, max, enough]);
    let mut of_total = Vec::new();
    if let Some(user) = query.of {
        of_list.push(param(user.get()));
        of_total.push(param(user.get()));
    }
    let orders = db.all(list, of_list, read_order);
    let (orders, total) = try_join(orders, db.first(total, of_total, |row| row.int(0))).await?;
    // Somebody who does not exist has no orders.
    Ok(OrderList { orders, total: total.unwrap_or(0) })
}
