//! What a gateway's word does: attempt, refunds, order, stock, ledger, log and outbox, in one transaction.

use rusqlite::params;
use slippers_core::StoreError;
use slippers_core::orders::PaymentOutcome;
use slippers_core::outbox::rules::of_step;
use slippers_core::payments::checks::delay_seconds;
use slippers_core::payments::ledger::Posting;
use slippers_core::payments::rules::{
    Answer, Decision, Facts, OrderStep, RefundStep, Step, next, next_unknown,
};
use slippers_core::payments::{Applied, Attempt, Evidence, PaymentEvent, RefundStatus};
use slippers_core::types::{Money, OrderId, PaymentId, Timestamp, UserId};

use super::rows::{self, NewRefund};
use crate::db::Db;
use crate::orders::stock;
use crate::outbox;

/// The most claims that the log holds of an attempt: anybody can make more.
const MAX_CLAIMS: i64 = 100;

pub(super) fn event(db: &Db<'_>, event: &PaymentEvent, now: Timestamp) -> Result<Applied, StoreError> {
    let Some(attempt) = rows::find(db, event.gateway, &event.subject)? else {
        let answer = next_unknown(event);
        if matches!(answer, Answer::Quarantined(_)) {
            log(db, None, event, answer, false, now)?;
        }
        return Ok(Applied { answer, attempt: None, is_changed: false });
    };
    let decision = decide(db, &attempt, event, now)?;
    let is_changed = decision.step.is_some();
    let answer = decision.answer;
    let attempt = match decision.step {
        Some(step) => take_step(db, &attempt, *step, now)?,
        None => attempt,
    };
    log(db, Some(attempt.id), event, answer, is_changed, now)?;
    Ok(Applied { answer, attempt: Some(attempt), is_changed })
}

fn decide(
    db: &Db<'_>,
    attempt: &Attempt,
    event: &PaymentEvent,
    now: Timestamp,
) -> Result<Decision, StoreError> {
    let refunds = rows::refunds_of(db, attempt.id)?;
    let order = rows::facts(db, attempt.order)?
        .ok_or_else(|| StoreError::Corrupt(format!("payment {} is of no order", attempt.id)))?;
    let others = rows::of_order(db, attempt.order)?;
    let is_settled = others.iter().any(|other| other.settles && other.id != attempt.id);
    Ok(next(Facts { attempt, refunds: &refunds, order: &order, is_settled }, event, now))
}

const IS_LOGGED: &str = "
    SELECT EXISTS (SELECT 1 FROM payment_events WHERE gateway = ?1 AND event_key = ?2)
           OR (?3 = 'claim' AND (SELECT count(*) FROM payment_events WHERE payment_id = ?4 AND evidence = 'claim') >= ?5)";
const LOG: &str = "
    INSERT INTO payment_events (payment_id, gateway, event_key, report, evidence, amount_minor, answer, note, at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

pub(super) fn log(
    db: &Db<'_>,
    payment: Option<PaymentId>,
    event: &PaymentEvent,
    answer: Answer,
    is_changed: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (gateway, key) = (event.gateway.as_str(), event.key.as_str());
    let (payment, evidence) = (payment.map(PaymentId::get), event.evidence.as_str());
    let known = (gateway, key, evidence, payment, MAX_CLAIMS);
    if !is_changed && db.one(IS_LOGGED, known, |row| row.flag(0))? {
        return Ok(());
    }
    let amount = event.amount.map(Money::minor);
    let values = params![
        payment,
        gateway,
        key,
        event.report.as_str(),
        evidence,
        amount,
        answer.as_str(),
        event.short_note(),
        now.micros()
    ];
    db.run(LOG, values)?;
    debug_assert!(event.evidence == Evidence::Proof || !is_changed, "a claim moves nothing");
    Ok(())
}

const DECIDE_REFUND: &str = "UPDATE refunds SET status = ?2, ended_at = ?3 WHERE id = ?1";

/// Writes all that a decision says and answers the attempt as it is then.
pub(super) fn take_step(
    db: &Db<'_>,
    before: &Attempt,
    step: Step,
    now: Timestamp,
) -> Result<Attempt, StoreError> {
    for refund in &step.refunds {
        match refund {
            RefundStep::Decide(id, status) => {
                db.run(DECIDE_REFUND, (id.get(), status.as_str(), now.micros()))?;
            }
            RefundStep::Elsewhere { amount } => {
                let status = RefundStatus::Succeeded;
                let new = NewRefund { amount: amount.minor(), status, restock: true, by: None };
                rows::insert_refund(db, step.attempt.id, &new, now)?;
            }
        }
    }
    rows::write(db, &step.attempt)?;
    for order in &step.order {
        move_order(db, &step.attempt, *order, now)?;
    }
    post(db, step.attempt.id, &step.postings, now)?;
    outbox::tell(db, &of_step(before, &step, now))?;
    rows::watch(db, step.attempt.id, now.plus_seconds(delay_seconds(0, 0)))?;
    Ok(step.attempt)
}

const POST: &str = "
    INSERT INTO ledger_postings (payment_id, debit, credit, amount_minor, at) VALUES (?1, ?2, ?3, ?4, ?5)";

pub(super) fn post(
    db: &Db<'_>,
    payment: PaymentId,
    postings: &[Posting],
    now: Timestamp,
) -> Result<(), StoreError> {
    for posting in postings {
        let (debit, credit) = (posting.debit.as_str(), posting.credit.as_str());
        db.run(POST, (payment.get(), debit, credit, posting.amount.minor(), now.micros()))?;
    }
    Ok(())
}

const OWNER: &str = "SELECT user_id, payment_outcome IS NOT NULL FROM orders WHERE id = ?1";
const MOVE_ORDER: &str = "UPDATE orders SET status = ?2, payment_outcome = ?2, updated_at = ?3 WHERE id = ?1";

fn move_order(db: &Db<'_>, attempt: &Attempt, step: OrderStep, now: Timestamp) -> Result<(), StoreError> {
    let order = attempt.order;
    let (owner, had_outcome) =
        db.one(OWNER, [order.get()], |row| Ok((UserId::new(row.int(0)?), row.flag(1)?)))?;
    let outcome = match step {
        OrderStep::Pay => PaymentOutcome::Paid,
        OrderStep::Refund { .. } => PaymentOutcome::Refunded,
    };
    // A status and an outcome of the same name.
    db.run(MOVE_ORDER, (order.get(), outcome.as_str(), now.micros()))?;
    if !had_outcome {
        stock::count(db, owner, 0, 1)?;
    }
    match step {
        OrderStep::Pay => empty_cart(db, order, now)?,
        OrderStep::Refund { restock: true } => stock::give_back_one(db, order)?,
        OrderStep::Refund { restock: false } => {}
    }
    Ok(())
}

// A cart that was changed since is another one.
const FIND_CART: &str = "
    SELECT c.id, c.version FROM orders o
    JOIN carts c ON c.user_id = o.user_id AND c.version = o.cart_version
    WHERE o.id = ?1 AND EXISTS (SELECT 1 FROM cart_items i WHERE i.cart_id = c.id)";
const EMPTY_CART: &str = "DELETE FROM cart_items WHERE cart_id = ?1";
const MOVE_VERSION: &str = "UPDATE carts SET version = version + 1, updated_at = ?2 WHERE id = ?1";
const REMEMBER: &str = "UPDATE orders SET cleared_version = ?2 WHERE id = ?1";

fn empty_cart(db: &Db<'_>, order: OrderId, now: Timestamp) -> Result<(), StoreError> {
    let found = db.first(FIND_CART, [order.get()], |row| Ok((row.int(0)?, row.int(1)?)))?;
    if let Some((cart, version)) = found {
        db.run(EMPTY_CART, [cart])?;
        db.run(MOVE_VERSION, (cart, now.micros()))?;
        db.run(REMEMBER, (order.get(), version + 1))?;
    }
    Ok(())
}
