//! What verbs of payments lock before they read what they decide by.

use slippers_core::StoreError;
use slippers_core::types::OrderId;

use crate::db::Db;
use crate::orders::rows as orders;
use crate::params::params;

// Two names of one hash wait for each other, which costs time only.
const LOCK_NAME: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

/// Whoever locks the same name waits until this transaction is over. For what may be not there yet: it has no row.
pub(super) async fn lock_name(db: &Db, kind: &str, parts: &[&str]) -> Result<(), StoreError> {
    db.run(LOCK_NAME, params![format!("{kind}:{}", parts.join(":"))]).await?;
    Ok(())
}

// Carts before orders, as those who place orders do. A cart that was changed since is another one, and stays so: versions
// only grow.
const LOCK_CART: &str = "
    SELECT c.id FROM orders o
    JOIN carts c ON c.user_id = o.user_id AND c.version = o.cart_version
    WHERE o.id = $1
    FOR NO KEY UPDATE OF c";

/// Locks an order which may be paid by this, with the cart that it was made of.
pub(super) async fn lock_to_pay(db: &Db, order: OrderId) -> Result<(), StoreError> {
    db.run(LOCK_CART, params![order.get()]).await?;
    orders::lock(db, &[order.get()]).await
}
