//! Moving an order along, and deleting it.

use slippers_core::StoreError;
use slippers_core::accounts::Actor;
use slippers_core::audit::{By, Entry};
use slippers_core::orders::lifecycle::{ManualRecord, decide_change, decide_deletion};
use slippers_core::orders::{Order, OrderChange, OrderError, OrderStatus, PaymentOutcome};
use slippers_core::types::{OrderId, Timestamp, UserId};

use super::{rows, stock};
use crate::audit;
use crate::db::Db;
use crate::images;
use crate::params::params;

const LOCK: &str = "SELECT id FROM orders WHERE id = $1 FOR NO KEY UPDATE";

/// The order, which nobody else changes any more.
async fn lock_and_find(db: &Db, id: OrderId) -> Result<Option<Order>, StoreError> {
    db.run(LOCK, params![id.get()]).await?;
    rows::find(db, id).await
}

const UPDATE: &str = "
    UPDATE orders SET status = $2, notes = $3, payment_outcome = $4, updated_at = $5 WHERE id = $1";

pub(super) async fn change(
    db: &Db,
    id: OrderId,
    actor: Actor,
    change: &OrderChange,
    now: Timestamp,
) -> Result<Order, OrderError> {
    let mut order = lock_and_find(db, id).await?.ok_or(OrderError::NotFound)?;
    let transition = decide_change(actor, order.user, order.status, change)?;
    if transition.is_none() && change.notes.is_none() {
        return Ok(order);
    }
    if actor.is_admin {
        audit::record(db, &Entry::order_updated(By::Admin(actor.user), id, change), now).await?;
    }
    if let Some(transition) = transition {
        order.status = transition.status;
        if transition.gives_stock_back {
            stock::give_back_one(db, id).await?;
        }
        if let Some(record) = transition.records {
            record_payment(db, &mut order, record, actor.user, now).await?;
        }
    }
    if let Some(notes) = &change.notes {
        order.notes.clone_from(notes);
    }
    order.updated_at = now;
    let outcome = order.payment.map(PaymentOutcome::as_str);
    db.run(UPDATE, params![id.get(), order.status.as_str(), &order.notes, outcome, now.micros()]).await?;
    Ok(order)
}

const RECORD_PAYMENT: &str = "
    INSERT INTO payments (order_id, method, status, amount_minor, recorded_by, created_at)
    VALUES ($1, 'manual', $2, $3, $4, $5)";

async fn record_payment(
    db: &Db,
    order: &mut Order,
    record: ManualRecord,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let outcome = match record {
        ManualRecord::Payment => PaymentOutcome::Paid,
        ManualRecord::Refund => PaymentOutcome::Refunded,
    };
    let values = params![order.id.get(), outcome.as_str(), order.total.minor(), by.get(), now.micros()];
    db.run(RECORD_PAYMENT, values).await?;
    if order.payment.is_none() {
        stock::count(db, order.user, 0, 1).await?;
    }
    order.payment = Some(outcome);
    Ok(())
}

const FIND_FOR_DELETION: &str =
    "SELECT user_id, status, payment_outcome IS NOT NULL FROM orders WHERE id = $1 FOR UPDATE";
// The foreign keys take its lines and its idempotency keys; payments it can't have by rule.
const DELETE: &str = "DELETE FROM orders WHERE id = $1";

pub(super) async fn delete(db: &Db, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError> {
    let found = db.first(FIND_FOR_DELETION, params![id.get()], |row| {
        let name = row.text(1)?;
        let status = OrderStatus::parse(&name)
            .ok_or_else(|| StoreError::Corrupt(format!("{name:?} is no order status")))?;
        Ok((UserId::new(row.int(0)?), status, row.flag(2)?))
    });
    let (owner, status, has_outcome) = found.await?.ok_or(OrderError::NotFound)?;
    if decide_deletion(actor, owner, status)? {
        stock::give_back_one(db, id).await?;
    }
    images::let_go_of_order(db, id).await?;
    db.run(DELETE, params![id.get()]).await?;
    if actor.is_admin {
        audit::record(db, &Entry::order_deleted(By::Admin(actor.user), id), now).await?;
    }
    Ok(stock::count(db, owner, -1, -i64::from(has_outcome)).await?)
}
