//! Payments and refunds that an admin records by hand, and what orders have to ask of attempts.

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
use slippers_core::types::{OrderId, PaymentId, Timestamp, UserId};

use super::apply;
use super::rows::{self, NewRefund};
use crate::db::Db;
use crate::outbox;

const NEXT: &str = "SELECT coalesce(max(id), 0) + 1 FROM payments";

/// A manual attempt that has the order's total and settles it, written.
fn paid(db: &Db<'_>, order: &OrderFacts, by: UserId, now: Timestamp) -> Result<Attempt, StoreError> {
    // The reference is made of the number, which nobody else gets: there is one writer.
    let number = db.one(NEXT, [], |row| row.int(0))?;
    let reference = Name::parse(&format!("manual-{}-{number}", order.id));
    let reference = reference.map_err(|error| StoreError::Other(error.to_string()))?;
    let new = created(PaymentId::new(number), order, Gateway::Manual, reference, None, now);
    let mut attempt = Attempt { recorded_by: Some(by), ..new };
    attempt.id = rows::insert(db, &attempt)?;
    attempt.status = AttemptStatus::Paid;
    attempt.received = attempt.amount;
    attempt.settles = true;
    attempt.reserved_at = Some(now);
    attempt.paid_at = Some(now);
    Ok(attempt)
}

/// Records the payment of an order in cash, and moves the order.
pub(super) fn record_payment(
    db: &Db<'_>,
    order: OrderId,
    by: UserId,
    now: Timestamp,
) -> Result<Attempt, ManualRecordError> {
    let facts = rows::facts(db, order)?.ok_or(ManualRecordError::OrderNotFound)?;
    judge_payable(Some(&facts), None).map_err(ManualRecordError::Refused)?;
    if is_held(db, order)? {
        return Err(ManualRecordError::Refused(Refusal::Busy));
    }
    let attempt = paid(db, &facts, by, now)?;
    let postings = vec![Posting::received(&attempt)];
    let step = Step { attempt: attempt.clone(), refunds: Vec::new(), order: vec![OrderStep::Pay], postings };
    Ok(apply::take_step(db, &attempt, step, now)?)
}

/// Records what an admin's change of an order's status says; the order itself is moved by the change.
pub(crate) fn record(
    db: &Db<'_>,
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
            let attempt = paid(db, &facts, by, now)?;
            rows::write(db, &attempt)?;
            apply::post(db, attempt.id, &[Posting::received(&attempt)], now)?;
            outbox::tell(db, &[of_payment(EventKind::PaymentPaid, &attempt, attempt.received, now)])
        }
        ManualRecord::Refund => record_refund(db, order.id, restock, by, now),
    }
}

/// All that is left of the settling attempt went back by other ways.
fn record_refund(
    db: &Db<'_>,
    order: OrderId,
    restock: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let attempts = rows::of_order(db, order)?;
    let Some(settling) = attempts.into_iter().find(|attempt| attempt.settles) else { return Ok(()) };
    let refunds = rows::refunds_of(db, settling.id)?;
    let left = slippers_core::payments::refunds::left(&settling, &refunds);
    if left.minor() > 0 {
        let new = NewRefund { amount: left.minor(), status: RefundStatus::Succeeded, restock, by: Some(by) };
        rows::insert_refund(db, settling.id, &new, now)?;
        let postings = [Posting::refund_begun(&settling, left), Posting::refund_done(&settling, left)];
        apply::post(db, settling.id, &postings, now)?;
        outbox::tell(db, &[of_payment(EventKind::PaymentRefunded, &settling, left, now)])?;
    }
    let refunded = Attempt { status: AttemptStatus::Refunded, ended_at: Some(now), review: None, ..settling };
    rows::write(db, &refunded)
}

/// Whether a gateway may hold the order.
pub(crate) fn is_held(db: &Db<'_>, order: OrderId) -> Result<bool, StoreError> {
    Ok(rows::of_order(db, order)?.iter().any(holds_order))
}

/// Whether an order has to stay: a gateway may hold it, or money came for it.
pub(crate) fn keeps(db: &Db<'_>, order: OrderId) -> Result<bool, StoreError> {
    let attempts = rows::of_order(db, order)?;
    Ok(attempts.iter().any(|attempt| holds_order(attempt) || attempt.status.has_money()))
}

// Their log goes with them; what brought money has postings, whose foreign key would not let it go.
const FORGET: &str = "DELETE FROM payments WHERE order_id = ?1";

/// Forgets the attempts of an order that is deleted.
pub(crate) fn forget_attempts(db: &Db<'_>, order: OrderId) -> Result<(), StoreError> {
    db.run(FORGET, [order.get()])?;
    Ok(())
}
