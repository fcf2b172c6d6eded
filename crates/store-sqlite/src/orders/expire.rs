//! What time does: it cancels orders that nobody paid and forgets idempotency keys.

use slippers_core::StoreError;
use slippers_core::orders::lifecycle::cancellation;
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_order;
use slippers_core::types::{Money, OrderId, Timestamp};

use super::stock;
use crate::db::{Db, json_list};
use crate::outbox;

// An order waits with its end while a gateway may hold it: core's `holds_order` in SQL.
const FIND_EXPIRED: &str = "
    SELECT id, total_minor FROM orders
    WHERE status = 'PENDING' AND created_at <= ?1
        AND NOT EXISTS (
            SELECT 1 FROM payments p
            WHERE p.order_id = orders.id AND p.status IN ('CREATED', 'PENDING')
                AND (p.gateway = 'octo' OR p.their_id IS NOT NULL))
    ORDER BY created_at, id LIMIT ?2";
const CANCEL: &str = "
    UPDATE orders SET status = ?2, updated_at = ?3 WHERE id IN (SELECT value FROM json_each(?1))";

/// Four statements, however many orders; one when there is none.
pub(super) fn expire(
    db: &Db<'_>,
    placed_before: Timestamp,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<OrderId>, StoreError> {
    let expired =
        db.all(FIND_EXPIRED, (placed_before.micros(), limit.max(0)), |row| Ok((row.int(0)?, row.money(1)?)))?;
    if expired.is_empty() {
        return Ok(Vec::new());
    }
    let (expired, totals): (Vec<i64>, Vec<Money>) = expired.into_iter().unzip();
    let end = cancellation();
    db.run(CANCEL, (json_list(&expired)?, end.status.as_str(), now.micros()))?;
    if end.gives_stock_back {
        stock::give_back(db, &expired)?;
    }
    let expired: Vec<OrderId> = expired.into_iter().map(OrderId::new).collect();
    let tell = |(order, total)| of_order(EventKind::OrderExpired, order, total, now);
    let notices: Vec<_> = expired.iter().copied().zip(totals).map(tell).collect();
    outbox::tell(db, &notices)?;
    Ok(expired)
}

const SWEEP: &str = "
    DELETE FROM idempotency_keys
    WHERE (user_id, key) IN (
        SELECT user_id, key FROM idempotency_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";

pub(super) fn sweep_idempotency(db: &Db<'_>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let swept = db.run(SWEEP, (before.micros(), limit.max(0)))?;
    Ok(u64::try_from(swept).unwrap_or(u64::MAX))
}
