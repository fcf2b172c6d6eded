//! What orders do to stock and counts.

use futures_util::future::try_join;
use slippers_core::catalog::MAX_STOCK;
use slippers_core::types::{OrderId, SlipperId, UserId};
use slippers_core::{Change, StoreError};

use super::combiner::COMMITTERS;
use crate::db::{Cells, Db};
use crate::params::params;

// Of products that are gone nothing is given back, and no shelf holds more than it can. Products in the order of their
// numbers, as everywhere.
const GIVE_BACK: &str = "
    WITH back AS MATERIALIZED (
        SELECT slipper_id, sum(quantity)::bigint AS quantity FROM order_items
        WHERE order_id = ANY($1) GROUP BY slipper_id
    ), held AS MATERIALIZED (
        SELECT id FROM slippers WHERE id = ANY(ARRAY(SELECT slipper_id FROM back))
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE slippers SET quantity = least($2, slippers.quantity + back.quantity)
    FROM held JOIN back ON back.slipper_id = held.id
    WHERE slippers.id = held.id
    RETURNING slippers.id, slippers.quantity, back.quantity";

/// Puts the lines of these orders back on the shelf.
pub(super) async fn give_back(db: &Db, orders: &[i64]) -> Result<(), StoreError> {
    let note = |row: &Cells<'_>| {
        // Where the shelf was too full for all of it, there was something on it before.
        let (slipper, after, back) = (SlipperId::new(row.int(0)?), row.int(1)?, row.int(2)?);
        db.note(Change::of_stock(slipper, after - back, after));
        Ok(())
    };
    db.all(GIVE_BACK, params![orders, MAX_STOCK], note).await?;
    Ok(())
}

pub(crate) async fn give_back_one(db: &Db, order: OrderId) -> Result<(), StoreError> {
    give_back(db, &[order.get()]).await
}

const COUNT_OF_USER: &str = "
    UPDATE users
    SET order_count = order_count + $2, outcome_order_count = outcome_order_count + $3
    WHERE id = $1";
const COUNT_OF_SHOP: &str = "
    UPDATE order_counters
    SET orders = orders + $2, outcome_orders = outcome_orders + $3
    WHERE shard = $1";
/// As in the schema.
const SHARDS: i64 = 16;

/// Moves the counts of a user's orders and of those with a payment outcome, the user's and the shop's. The last thing of a
/// verb: the shop's counts are rows of many.
pub(crate) async fn count(db: &Db, user: UserId, orders: i64, with_outcome: i64) -> Result<(), StoreError> {
    // The first shards belong to those who place orders.
    let own = i64::try_from(COMMITTERS).unwrap_or(SHARDS - 1);
    let shard = own + user.get().rem_euclid(SHARDS - own);
    let of_user = db.run(COUNT_OF_USER, params![user.get(), orders, with_outcome]);
    try_join(of_user, db.run(COUNT_OF_SHOP, params![shard, orders, with_outcome])).await?;
    Ok(())
}
