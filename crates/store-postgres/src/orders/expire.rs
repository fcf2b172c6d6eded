//! What time does: it cancels orders that nobody paid and forgets idempotency keys.

use slippers_core::StoreError;
use slippers_core::orders::lifecycle::cancellation;
use slippers_core::types::{OrderId, Timestamp};

use super::stock;
use crate::db::Db;
use crate::params::params;

// One that somebody changes at this moment is left for the next time.
const FIND_EXPIRED: &str = "
    SELECT id FROM orders
    WHERE status = 'PENDING' AND created_at <= $1
    ORDER BY created_at, id LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED";
const CANCEL: &str = "
    UPDATE orders SET status = $2, updated_at = $3 WHERE id = ANY($1)";

/// Three statements, however many orders; one when there is none.
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
    db.run(CANCEL, params![&expired, end.status.as_str(), now.micros()]).await?;
    if end.gives_stock_back {
        stock::give_back(db, &expired).await?;
    }
    Ok(expired.into_iter().map(OrderId::new).collect())
}

const SWEEP: &str = "
    DELETE FROM idempotency_keys
    WHERE (user_id, key) IN (
        SELECT user_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";

pub(super) async fn sweep_idempotency(db: &Db, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    db.run(SWEEP, params![before.micros(), limit.max(0)]).await
}
