//! What orders do to stock and counts.

use slippers_core::catalog::MAX_STOCK;
use slippers_core::types::{OrderId, SlipperId, UserId};
use slippers_core::{Change, StoreError};

use crate::db::{Cells, Db, json_list};

// Of products that are gone nothing is given back, and no shelf holds more than it can.
const GIVE_BACK: &str = "
    UPDATE slippers SET quantity = min(?2, slippers.quantity + back.quantity)
    FROM (
        SELECT slipper_id, sum(quantity) AS quantity FROM order_items
        WHERE order_id IN (SELECT value FROM json_each(?1))
        GROUP BY slipper_id
    ) AS back
    WHERE slippers.id = back.slipper_id
    RETURNING id, quantity, (
        SELECT sum(i.quantity) FROM order_items i
        WHERE i.order_id IN (SELECT value FROM json_each(?1)) AND i.slipper_id = slippers.id)";

/// Puts the lines of these orders back on the shelf.
pub(super) fn give_back(db: &Db<'_>, orders: &[i64]) -> Result<(), StoreError> {
    let note = |row: &Cells<'_>| {
        // Where the shelf was too full for all of it, there was something on it before.
        let (slipper, after, back) = (SlipperId::new(row.int(0)?), row.int(1)?, row.int(2)?);
        db.note(Change::of_stock(slipper, after - back, after));
        Ok(())
    };
    db.all(GIVE_BACK, (json_list(&orders)?, MAX_STOCK), note)?;
    Ok(())
}

pub(crate) fn give_back_one(db: &Db<'_>, order: OrderId) -> Result<(), StoreError> {
    give_back(db, &[order.get()])
}

const COUNT_OF_USER: &str = "
    UPDATE users
    SET order_count = order_count + ?2, outcome_order_count = outcome_order_count + ?3
    WHERE id = ?1";
const COUNT_OF_SHOP: &str = "
    UPDATE order_counters
    SET orders = orders + ?2, outcome_orders = outcome_orders + ?3
    WHERE shard = ?1";
/// A power of two, as in the schema.
const SHARDS: i64 = 16;

/// Moves the counts of a user's orders and of those with a payment outcome, the user's and the shop's.
pub(crate) fn count(db: &Db<'_>, user: UserId, orders: i64, with_outcome: i64) -> Result<(), StoreError> {
    db.run(COUNT_OF_USER, (user.get(), orders, with_outcome))?;
    db.run(COUNT_OF_SHOP, (user.get().rem_euclid(SHARDS), orders, with_outcome))?;
    Ok(())
}
