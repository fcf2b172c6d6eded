//! Moving an order along, and deleting it.

use slippers_core::StoreError;
use slippers_core::accounts::Actor;
use slippers_core::audit::{By, Entry};
use slippers_core::orders::lifecycle::{LifecycleError, ManualRecord, decide_change, decide_deletion};
use slippers_core::orders::{Order, OrderChange, OrderError, OrderStatus, PaymentOutcome};
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_order;
use slippers_core::types::{OrderId, Timestamp, UserId};

use super::{rows, stock};
use crate::audit;
use crate::db::Db;
use crate::images;
use crate::outbox;
use crate::payments;

const UPDATE: &str = "
    UPDATE orders SET status = ?2, notes = ?3, payment_outcome = ?4, updated_at = ?5 WHERE id = ?1";

pub(super) fn change(
    db: &Db<'_>,
    id: OrderId,
    actor: Actor,
    change: &OrderChange,
    now: Timestamp,
) -> Result<Order, OrderError> {
    let mut order = rows::find(db, id)?.ok_or(OrderError::NotFound)?;
    let transition = decide_change(actor, order.user, order.status, change)?;
    if transition.is_none() && change.notes.is_none() {
        return Ok(order);
    }
    if let Some(step) = transition
        && order.status == OrderStatus::Pending
        && payments::manual::is_held(db, id)?
    {
        return Err(LifecycleError::NoSuchStep { from: order.status, to: step.status }.into());
    }
    if actor.is_admin {
        audit::record(db, &Entry::order_updated(By::Admin(actor.user), id, change), now)?;
    }
    if let Some(transition) = transition {
        order.status = transition.status;
        if transition.gives_stock_back {
            stock::give_back_one(db, id)?;
        }
        if let Some(record) = transition.records {
            record_payment(db, &mut order, record, transition.gives_stock_back, actor.user, now)?;
        }
        if transition.status == OrderStatus::Cancelled {
            outbox::tell(db, &[of_order(EventKind::OrderCancelled, id, order.total, now)])?;
        }
    }
    if let Some(notes) = &change.notes {
        order.notes.clone_from(notes);
    }
    order.updated_at = now;
    let outcome = order.payment.map(PaymentOutcome::as_str);
    db.run(UPDATE, (id.get(), order.status.as_str(), &order.notes, outcome, now.micros()))?;
    Ok(order)
}

fn record_payment(
    db: &Db<'_>,
    order: &mut Order,
    record: ManualRecord,
    restock: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let outcome = match record {
        ManualRecord::Payment => PaymentOutcome::Paid,
        ManualRecord::Refund => PaymentOutcome::Refunded,
    };
    payments::manual::record(db, order, record, restock, by, now)?;
    if order.payment.is_none() {
        stock::count(db, order.user, 0, 1)?;
    }
    order.payment = Some(outcome);
    Ok(())
}

const FIND_FOR_DELETION: &str =
    "SELECT user_id, status, payment_outcome IS NOT NULL, total_minor FROM orders WHERE id = ?1";
// The foreign keys take its lines and its idempotency keys; attempts that brought no money went before.
const DELETE: &str = "DELETE FROM orders WHERE id = ?1";

pub(super) fn delete(db: &Db<'_>, id: OrderId, actor: Actor, now: Timestamp) -> Result<(), OrderError> {
    let found = db.first(FIND_FOR_DELETION, [id.get()], |row| {
        let name = row.text(1)?;
        let status = OrderStatus::parse(&name)
            .ok_or_else(|| StoreError::Corrupt(format!("{name:?} is no order status")))?;
        Ok((UserId::new(row.int(0)?), status, row.flag(2)?, row.money(3)?))
    })?;
    let (owner, status, has_outcome, total) = found.ok_or(OrderError::NotFound)?;
    let gives_back = decide_deletion(actor, owner, status)?;
    if payments::manual::keeps(db, id)? {
        return Err(LifecycleError::Kept { status }.into());
    }
    if gives_back {
        stock::give_back_one(db, id)?;
        outbox::tell(db, &[of_order(EventKind::OrderCancelled, id, total, now)])?;
    }
    images::let_go_of_order(db, id)?;
    payments::manual::forget_attempts(db, id)?;
    db.run(DELETE, [id.get()])?;
    stock::count(db, owner, -1, -i64::from(has_outcome))?;
    if actor.is_admin {
        audit::record(db, &Entry::order_deleted(By::Admin(actor.user), id), now)?;
    }
    Ok(())
}
