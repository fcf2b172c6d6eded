//! What time does: it cancels orders that nobody paid and forgets idempotency keys.

use std::collections::HashMap;

use slippers_core::StoreError;
use slippers_core::orders::lifecycle::cancellation;
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_order;
use slippers_core::types::{Money, OrderId, Timestamp};

use super::stock;
use crate::db::Db;
use crate::outbox;
use crate::params::params;

/// An order waits with its end while a gateway may hold it: core's `holds_order` in SQL. Not EXISTS, of which PostgreSQL
/// would make a hash of the whole table.
macro_rules! is_free {
    () => {
        "(SELECT TRUE FROM payments p \
          WHERE p.order_id = orders.id AND p.status IN ('CREATED', 'PENDING') \
            AND (p.gateway = 'octo' OR p.their_id IS NOT NULL) LIMIT 1) IS NULL "
    };
}

// One that somebody changes at this moment is left for the next time.
const FIND_EXPIRED: &str = concat!(
    "SELECT id FROM orders WHERE status = 'PENDING' AND created_at <= $1 AND ",
    is_free!(),
    "ORDER BY created_at, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
);
// Asked again now that they are locked: an attempt may have been opened since the first statement began.
const CANCEL: &str = concat!(
    "UPDATE orders SET status = $2, updated_at = $3 WHERE id = ANY($1) AND ",
    is_free!(),
    "RETURNING id, total_minor"
);

/// Four statements, however many orders; one when there is none.
pub(super) async fn expire(
    db: &Db,
    placed_before: Timestamp,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<OrderId>, StoreError> {
    let expired =
        db.all(FIND_EXPIRED, params![placed_before.micros(), limit.max(0)], |row| row.int(0)).await?;
    if expired.is_empty() {
        return Ok(Vec::new());
    }
    let end = cancellation();
    let values = params![&expired, end.status.as_str(), now.micros()];
    let totals: HashMap<i64, Money> =
        db.all(CANCEL, values, |row| Ok((row.int(0)?, row.money(1)?))).await?.into_iter().collect();
    let cancelled = expired.into_iter().filter_map(|id| Some((id, *totals.get(&id)?)));
    let (expired, totals): (Vec<i64>, Vec<Money>) = cancelled.unzip();
    if end.gives_stock_back {
        stock::give_back(db, &expired).await?;
    }
    let expired: Vec<OrderId> = expired.into_iter().map(OrderId::new).collect();
    let tell = |(order, total)| of_order(EventKind::OrderExpired, order, total, now);
    let notices: Vec<_> = expired.iter().copied().zip(totals).map(tell).collect();
    outbox::tell(db, &notices).await?;
    Ok(expired)
}

const SWEEP: &str = "
    DELETE FROM idempotency_keys
    WHERE (user_id, key) IN (
        SELECT user_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";

pub(super) async fn sweep_idempotency(db: &Db, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    db.run(SWEEP, params![before.micros(), limit.max(0)]).await
}
