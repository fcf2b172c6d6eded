//! What a gateway's word does: attempt, refunds, order, stock, ledger, log and outbox, in one transaction.

use futures_util::future::try_join3;
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

use super::locks::{lock_name, lock_to_pay};
use super::rows::{self, NewRefund};
use crate::db::Db;
use crate::orders::stock;
use crate::outbox;
use crate::params::params;

/// The most claims that the log holds of an attempt: anybody can make more.
const MAX_CLAIMS: i64 = 100;

pub(super) async fn event(db: &Db, event: &PaymentEvent, now: Timestamp) -> Result<Applied, StoreError> {
    let Some(found) = rows::find(db, event.gateway, &event.subject).await? else {
        return unknown(db, event, now).await;
    };
    lock_to_pay(db, found.order).await?;
    let Some((attempt, decision)) = decide(db, &found, event, now).await? else {
        return unknown(db, event, now).await;
    };
    let (answer, is_changed) = (decision.answer, decision.step.is_some());
    log(db, Some(attempt.id), event, answer, is_changed, now).await?;
    let attempt = match decision.step {
        Some(step) => take_step(db, &attempt, *step, now).await?,
        None => attempt,
    };
    Ok(Applied { answer, attempt: Some(attempt), is_changed })
}

/// Of an attempt that is not there.
async fn unknown(db: &Db, event: &PaymentEvent, now: Timestamp) -> Result<Applied, StoreError> {
    let answer = next_unknown(event);
    if matches!(answer, Answer::Quarantined(_)) {
        // No order makes those who tell the same wait for each other.
        lock_name(db, "event", &[event.gateway.as_str(), event.key.as_str()]).await?;
        log(db, None, event, answer, false, now).await?;
    }
    Ok(Applied { answer, attempt: None, is_changed: false })
}

/// The attempt as it is under the order's lock, and what becomes of it; `None` when it went with its order meanwhile.
async fn decide(
    db: &Db,
    found: &Attempt,
    event: &PaymentEvent,
    now: Timestamp,
) -> Result<Option<(Attempt, Decision)>, StoreError> {
    let (refunds, order, attempts) = try_join3(
        rows::refunds_of(db, found.id),
        rows::facts(db, found.order),
        rows::of_order(db, found.order),
    )
    .await?;
    let Some(order) = order else { return Ok(None) };
    let is_settled = attempts.iter().any(|other| other.settles && other.id != found.id);
    let Some(attempt) = attempts.into_iter().find(|attempt| attempt.id == found.id) else { return Ok(None) };
    let decision =
        next(Facts { attempt: &attempt, refunds: &refunds, order: &order, is_settled }, event, now);
    Ok(Some((attempt, decision)))
}

const IS_LOGGED: &str = "
    SELECT EXISTS (SELECT 1 FROM payment_events WHERE gateway = $1 AND event_key = $2)
           OR ($3 = 'claim' AND (SELECT count(*) FROM payment_events WHERE payment_id = $4 AND evidence = 'claim') >= $5)";
const LOG: &str = "
    INSERT INTO payment_events (payment_id, gateway, event_key, report, evidence, amount_minor, answer, note, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

pub(super) async fn log(
    db: &Db,
    payment: Option<PaymentId>,
    event: &PaymentEvent,
    answer: Answer,
    is_changed: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    debug_assert!(event.evidence == Evidence::Proof || !is_changed, "a claim moves nothing");
    let (gateway, key) = (event.gateway.as_str(), without_nul(event.key.as_str()));
    let (payment, evidence) = (payment.map(PaymentId::get), event.evidence.as_str());
    let known = params![gateway, &key, evidence, payment, MAX_CLAIMS];
    if !is_changed && db.one(IS_LOGGED, known, |row| row.flag(0)).await? {
        return Ok(());
    }
    let values = params![
        payment,
        gateway,
        &key,
        event.report.as_str(),
        evidence,
        event.amount.map(Money::minor),
        answer.as_str(),
        without_nul(event.short_note()),
        now.micros(),
    ];
    db.run(LOG, values).await?;
    Ok(())
}

/// The one character that PostgreSQL keeps in no text. What a gateway said is worth logging all the same.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

const DECIDE_REFUND: &str = "UPDATE refunds SET status = $2, ended_at = $3 WHERE id = $1";

/// Writes all that a decision says and answers the attempt as it is then. The last thing of a verb: the shop's counts,
/// which come last here, are rows of many.
pub(super) async fn take_step(
    db: &Db,
    before: &Attempt,
    step: Step,
    now: Timestamp,
) -> Result<Attempt, StoreError> {
    for refund in &step.refunds {
        match refund {
            RefundStep::Decide(id, status) => {
                db.run(DECIDE_REFUND, params![id.get(), status.as_str(), now.micros()]).await?;
            }
            RefundStep::Elsewhere { amount } => {
                let status = RefundStatus::Succeeded;
                let new = NewRefund { amount: amount.minor(), status, restock: true, by: None };
                rows::insert_refund(db, step.attempt.id, &new, now).await?;
            }
        }
    }
    rows::write(db, &step.attempt).await?;
    let mut first_outcome_of = None;
    for order in &step.order {
        let owner = move_order(db, &step.attempt, *order, now).await?;
        first_outcome_of = first_outcome_of.or(owner);
    }
    post(db, step.attempt.id, &step.postings, now).await?;
    outbox::tell(db, &of_step(before, &step, now)).await?;
    rows::watch(db, step.attempt.id, now.plus_seconds(delay_seconds(0, 0))).await?;
    if let Some(owner) = first_outcome_of {
        stock::count(db, owner, 0, 1).await?;
    }
    Ok(step.attempt)
}

const POST: &str = "
    INSERT INTO ledger_postings (payment_id, debit, credit, amount_minor, at)
    SELECT $1, debit, credit, amount_minor, $2
    FROM unnest($3, $4, $5) WITH ORDINALITY AS new (debit, credit, amount_minor, place)
    ORDER BY place";

pub(super) async fn post(
    db: &Db,
    payment: PaymentId,
    postings: &[Posting],
    now: Timestamp,
) -> Result<(), StoreError> {
    if postings.is_empty() {
        return Ok(());
    }
    let values = params![
        payment.get(),
        now.micros(),
        postings.iter().map(|posting| posting.debit.as_str()).collect::<Vec<_>>(),
        postings.iter().map(|posting| posting.credit.as_str()).collect::<Vec<_>>(),
        postings.iter().map(|posting| posting.amount.minor()).collect::<Vec<_>>(),
    ];
    db.run(POST, values).await?;
    Ok(())
}

const OWNER: &str = "SELECT user_id, payment_outcome IS NOT NULL FROM orders WHERE id = $1";
const MOVE_ORDER: &str = "UPDATE orders SET status = $2, payment_outcome = $2, updated_at = $3 WHERE id = $1";

/// Answers whose order has its first outcome by this, and is to be counted.
async fn move_order(
    db: &Db,
    attempt: &Attempt,
    step: OrderStep,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let order = attempt.order;
    let read = db.one(OWNER, params![order.get()], |row| Ok((UserId::new(row.int(0)?), row.flag(1)?)));
    let (owner, had_outcome) = read.await?;
    let outcome = match step {
        OrderStep::Pay => PaymentOutcome::Paid,
        OrderStep::Refund { .. } => PaymentOutcome::Refunded,
    };
    // A status and an outcome of the same name.
    db.run(MOVE_ORDER, params![order.get(), outcome.as_str(), now.micros()]).await?;
    match step {
        OrderStep::Pay => empty_cart(db, order, now).await?,
        OrderStep::Refund { restock: true } => stock::give_back_one(db, order).await?,
        OrderStep::Refund { restock: false } => {}
    }
    Ok((!had_outcome).then_some(owner))
}

// A cart that was changed since is another one; one that was not is locked since before the order was.
const FIND_CART: &str = "
    SELECT c.id, c.version FROM orders o
    JOIN carts c ON c.user_id = o.user_id AND c.version = o.cart_version
    WHERE o.id = $1 AND EXISTS (SELECT 1 FROM cart_items i WHERE i.cart_id = c.id)";
const EMPTY_CART: &str = "DELETE FROM cart_items WHERE cart_id = $1";
const MOVE_VERSION: &str = "UPDATE carts SET version = version + 1, updated_at = $2 WHERE id = $1";
const REMEMBER: &str = "UPDATE orders SET cleared_version = $2 WHERE id = $1";

async fn empty_cart(db: &Db, order: OrderId, now: Timestamp) -> Result<(), StoreError> {
    let read = db.first(FIND_CART, params![order.get()], |row| Ok((row.int(0)?, row.int(1)?)));
    if let Some((cart, version)) = read.await? {
        try_join3(
            db.run(EMPTY_CART, params![cart]),
            db.run(MOVE_VERSION, params![cart, now.micros()]),
            db.run(REMEMBER, params![order.get(), version + 1]),
        )
        .await?;
    }
    Ok(())
}
