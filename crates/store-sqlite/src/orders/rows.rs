//! How orders are read: one row an order, its lines as one JSON array in it.

use slippers_core::StoreError;
use slippers_core::accounts::DELETED_USER;
use slippers_core::orders::{
    MAX_LISTED, MAX_LISTED_LINES, Order, OrderLine, OrderList, OrderQuery, OrderStatus, PaymentOutcome,
};
use slippers_core::types::{Money, OrderId, OrderLineId, SlipperId, UserId};

use crate::db::{Cells, Db};

/// The beginning of every query that [`read_order`] reads. The join is crossed so that orders come first: they are
/// what is sorted and limited.
macro_rules! select_order {
    () => {
        "SELECT o.id, o.user_id, iif(u.wiped_at IS NULL, u.name, NULL), u.surname, o.status, o.total_minor, o.notes, o.payment_outcome, \
                o.created_at, o.updated_at, \
                (SELECT json_group_array(\
                     json_array(i.id, i.slipper_id, i.quantity, i.unit_price_minor, i.total_minor, i.notes, \
                                i.name, i.size, i.image)) \
                 FROM order_items i WHERE i.order_id = o.id) \
         FROM orders o CROSS JOIN users u ON u.id = o.user_id "
    };
}

/// A line as SQLite writes it: id, product, quantity, unit price, total, notes, name, size, picture.
type LineRow = (i64, i64, i64, i64, i64, Option<String>, String, String, String);

fn read_order(row: &Cells<'_>) -> Result<Order, StoreError> {
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

/// By number; to order them in SQL would make SQLite build a B-tree for every order.
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

const FIND: &str = concat!(select_order!(), "WHERE o.id = ?1");

pub(crate) fn find(db: &Db<'_>, id: OrderId) -> Result<Option<Order>, StoreError> {
    db.first(FIND, [id.get()], read_order)
}

const LIST_ALL: &str = concat!(select_order!(), "WHERE o.id < ?1 ORDER BY o.id DESC LIMIT ?2");
const LIST_ALL_WITH_OUTCOME: &str =
    concat!(select_order!(), "WHERE o.payment_outcome IS NOT NULL AND o.id < ?1 ORDER BY o.id DESC LIMIT ?2");
const LIST_OF: &str =
    concat!(select_order!(), "WHERE o.user_id = ?3 AND o.id < ?1 ORDER BY o.id DESC LIMIT ?2");
const LIST_OF_WITH_OUTCOME: &str = concat!(
    select_order!(),
    "WHERE o.user_id = ?3 AND o.payment_outcome IS NOT NULL AND o.id < ?1 ORDER BY o.id DESC LIMIT ?2"
);

const TOTAL: &str = "SELECT sum(orders) FROM order_counters";
const TOTAL_WITH_OUTCOME: &str = "SELECT sum(outcome_orders) FROM order_counters";
const TOTAL_OF: &str = "SELECT order_count FROM users WHERE id = ?1";
const TOTAL_OF_WITH_OUTCOME: &str = "SELECT outcome_order_count FROM users WHERE id = ?1";

fn too_many_lines() -> impl FnMut(&Order) -> bool {
    let mut lines = 0;
    move |order| {
        lines += order.lines.len();
        lines >= MAX_LISTED_LINES
    }
}

/// Two statements, however many orders there are.
pub(super) fn list(db: &Db<'_>, query: OrderQuery) -> Result<OrderList, StoreError> {
    let before = query.before.map_or(i64::MAX, OrderId::get);
    let max = query.max.clamp(1, MAX_LISTED);
    let (orders, total) = match query.of {
        None => {
            let (list, total) = if query.with_outcome {
                (LIST_ALL_WITH_OUTCOME, TOTAL_WITH_OUTCOME)
            } else {
                (LIST_ALL, TOTAL)
            };
            let orders = db.up_to(list, (before, max), read_order, too_many_lines())?;
            (orders, db.one(total, [], |row| row.int(0))?)
        }
        Some(user) => {
            let (list, total) = if query.with_outcome {
                (LIST_OF_WITH_OUTCOME, TOTAL_OF_WITH_OUTCOME)
            } else {
                (LIST_OF, TOTAL_OF)
            };
            let orders = db.up_to(list, (before, max, user.get()), read_order, too_many_lines())?;
            // Somebody who does not exist has no orders.
            (orders, db.first(total, [user.get()], |row| row.int(0))?.unwrap_or(0))
        }
    };
    Ok(OrderList { orders, total })
}
