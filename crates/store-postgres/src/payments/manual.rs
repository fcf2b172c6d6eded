//! Payments and refunds that an admin records by hand, and what orders have to ask of attempts. Whoever asks has locked
//! the order.

use slippers_core::StoreError;
use slippers_core::orders::Order;
use slippers_core::orders::lifecycle::ManualRecord;
use slippers_core::outbox::EventKind;
use slippers_core::outbox::rules::of_payment;
use slippers_core::payments::admission::{created, holds_order, judge_payable};
use slippers_core::payments::ledger::Posting;
use slippers_core::payments::rules::{OrderStep, Refusal, Step};
use slippers_core::payments::{
    Attempt, AttemptStatus, Gateway, ManualRecordError, Name, OrderFacts, RefundStatus,
};
use slippers_core::types::{OrderId, Timestamp, UserId};

use super::apply;
use super::locks::lock_to_pay;
use super::rows::{self, NewRefund};
use crate::db::Db;
use crate::outbox;
use crate::params::params;

/// A manual attempt that has the order's total and settles it, written.
async fn paid(db: &Db, order: &OrderFacts, by: UserId, now: Timestamp) -> Result<Attempt, StoreError> {
    let number = rows::take_number(db).await?;
    let reference = Name::parse(&format!("manual-{}-{number}", order.id));
    let reference = reference.map_err(|error| StoreError::Other(error.to_string()))?;
    let new = created(number, order, Gateway::Manual, reference, None, now);
    let mut attempt = Attempt { recorded_by: Some(by), ..new };
    rows::insert(db, &attempt).await?;
    attempt.status = AttemptStatus::Paid;
    attempt.received = attempt.amount;
    attempt.settles = true;
    attempt.reserved_at = Some(now);
    attempt.paid_at = Some(now);
    Ok(attempt)
}

/// Records the payment of an order in cash, and moves the order.
pub(super) async fn record_payment(
    db: &Db,
    order: OrderId,
    by: UserId,
    now: Timestamp,
) -> Result<Attempt, ManualRecordError> {
    lock_to_pay(db, order).await?;
    let facts = rows::facts(db, order).await?.ok_or(ManualRecordError::OrderNotFound)?;
    judge_payable(Some(&facts), None).map_err(ManualRecordError::Refused)?;
    if is_held(db, order).await? {
        return Err(ManualRecordError::Refused(Refusal::Busy));
    }
    let attempt = paid(db, &facts, by, now).await?;
    let postings = vec![Posting::received(&attempt)];
    let step = Step { attempt: attempt.clone(), refunds: Vec::new(), order: vec![OrderStep::Pay], postings };
    Ok(apply::take_step(db, &attempt, step, now).await?)
}

/// Records what an admin's change of an order's status says; the order itself is moved by the change.
pub(crate) async fn record(
    db: &Db,
    order: &Order,
    record: ManualRecord,
    restock: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    match record {
        ManualRecord::Payment => {
            let facts =
                OrderFacts { id: order.id, user: order.user, status: order.status, total: order.total };
            let attempt = paid(db, &facts, by, now).await?;
            rows::write(db, &attempt).await?;
            apply::post(db, attempt.id, &[Posting::received(&attempt)], now).await?;
            outbox::tell(db, &[of_payment(EventKind::PaymentPaid, &attempt, attempt.received, now)]).await
        }
        ManualRecord::Refund => record_refund(db, order.id, restock, by, now).await,
    }
}

/// All that is left of the settling attempt went back by other ways.
async fn record_refund(
    db: &Db,
    order: OrderId,
    restock: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let attempts = rows::of_order(db, order).await?;
    let Some(settling) = attempts.into_iter().find(|attempt| attempt.settles) else { return Ok(()) };
    let refunds = rows::refunds_of(db, settling.id).await?;
    let left = slippers_core::payments::refunds::left(&settling, &refunds);
    if left.minor() > 0 {
        let new = NewRefund { amount: left.minor(), status: RefundStatus::Succeeded, restock, by: Some(by) };
        rows::insert_refund(db, settling.id, &new, now).await?;
        let postings = [Posting::refund_begun(&settling, left), Posting::refund_done(&settling, left)];
        apply::post(db, settling.id, &postings, now).await?;
        outbox::tell(db, &[of_payment(EventKind::PaymentRefunded, &settling, left, now)]).await?;
    }
    let refunded = Attempt { status: AttemptStatus::Refunded, ended_at: Some(now), review: None, ..settling };
    rows::write(db, &refunded).await
}

/// Whether a gateway may hold the order.
pub(crate) async fn is_held(db: &Db, order: OrderId) -> Result<bool, StoreError> {
    Ok(rows::of_order(db, order).await?.iter().any(holds_order))
}

/// Whether an order has to stay: a gateway may hold it, or money came for it.
pub(crate) async fn keeps(db: &Db, order: OrderId) -> Result<bool, StoreError> {
    let attempts = rows::of_order(db, order).await?;
    Ok(attempts.iter().any(|attempt| holds_order(attempt) || attempt.status.has_money()))
}

// Their log goes with them; what brought money has postings, whose foreign key would not let it go.
const FORGET: &str = "DELETE FROM payments WHERE order_id = $1";

/// Forgets the attempts of an order that is deleted.
pub(crate) async fn forget_attempts(db: &Db, order: OrderId) -> Result<(), StoreError> {
    db.run(FORGET, params![order.get()]).await?;
    Ok(())
}
