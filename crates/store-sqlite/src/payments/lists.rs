//! Lists of payments, and those that are due.

use slippers_core::StoreError;
use slippers_core::payments::checks::{delay_seconds, next_comparison};
use slippers_core::payments::ledger::{Account, Balances, Posting};
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Attempt, DueAttempt, EventKey, EventRecord, Gateway, MAX_SURVEYED, PaymentEvent, PaymentQuery,
    PaymentSurvey, RefundStatus, Report, StatementQuery,
};
use slippers_core::types::{Money, PaymentEventId, PaymentId, Timestamp, UserId};

use super::rows::{self, meaning, read_attempt, select_payment};
use super::{apply, rows::by_id};
use crate::db::Db;

const STATEMENT: &str = concat!(
    select_payment!(),
    "WHERE p.gateway = ?1 AND p.their_time >= ?2 AND p.their_time <= ?3 ORDER BY p.their_time, p.id"
);

pub(super) fn statement(db: &Db<'_>, query: StatementQuery) -> Result<Vec<Attempt>, StoreError> {
    let values = (query.gateway.as_str(), query.from.micros(), query.to.micros());
    db.all(STATEMENT, values, read_attempt)
}

const LIST: &str = concat!(select_payment!(), "WHERE p.id < ?1 ORDER BY p.id DESC LIMIT ?2");
const LIST_OF: &str =
    concat!(select_payment!(), "WHERE p.order_id = ?3 AND p.id < ?1 ORDER BY p.id DESC LIMIT ?2");
const LIST_IN_REVIEW: &str =
    concat!(select_payment!(), "WHERE p.review IS NOT NULL AND p.id < ?1 ORDER BY p.id DESC LIMIT ?2");
const LIST_IN_REVIEW_OF: &str = concat!(
    select_payment!(),
    "WHERE p.order_id = ?3 AND p.review IS NOT NULL AND p.id < ?1 ORDER BY p.id DESC LIMIT ?2"
);

pub(super) fn payments(db: &Db<'_>, query: PaymentQuery) -> Result<Vec<Attempt>, StoreError> {
    let before = query.before.map_or(i64::MAX, PaymentId::get);
    let max = query.max.clamp(1, 1000);
    match (query.order, query.in_review) {
        (None, false) => db.all(LIST, (before, max), read_attempt),
        (None, true) => db.all(LIST_IN_REVIEW, (before, max), read_attempt),
        (Some(order), false) => db.all(LIST_OF, (before, max, order.get()), read_attempt),
        (Some(order), true) => db.all(LIST_IN_REVIEW_OF, (before, max, order.get()), read_attempt),
    }
}

const EVENTS: &str = "
    SELECT id, payment_id, gateway, report, evidence, amount_minor, answer, note, at FROM payment_events
    WHERE payment_id IS ?1 ORDER BY id LIMIT 1000";

pub(super) fn events(db: &Db<'_>, payment: Option<PaymentId>) -> Result<Vec<EventRecord>, StoreError> {
    db.all(EVENTS, [payment.map(PaymentId::get)], |row| {
        Ok(EventRecord {
            id: PaymentEventId::new(row.int(0)?),
            payment: row.get::<Option<i64>>(1)?.map(PaymentId::new),
            gateway: meaning(&row.text(2)?, Gateway::parse)?,
            report: row.text(3)?,
            evidence: row.text(4)?,
            amount: row.get::<Option<i64>>(5)?.map(Money::from_minor),
            answer: row.text(6)?,
            note: row.text(7)?,
            at: row.time(8)?,
        })
    })
}

const BALANCES: &str = "SELECT debit, credit, sum(amount_minor) FROM ledger_postings GROUP BY debit, credit";

pub(super) fn balances(db: &Db<'_>) -> Result<Balances, StoreError> {
    let postings = db.all(BALANCES, [], |row| {
        Ok(Posting {
            debit: meaning(&row.text(0)?, Account::parse)?,
            credit: meaning(&row.text(1)?, Account::parse)?,
            amount: row.money(2)?,
        })
    })?;
    Ok(Balances::of(&postings))
}

const CLOSE_REVIEW: &str =
    "UPDATE payments SET review = NULL, compare_at = NULL WHERE id = ?1 AND review IS NOT NULL";

pub(super) fn close_review(
    db: &Db<'_>,
    payment: PaymentId,
    by: UserId,
    note: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if db.run(CLOSE_REVIEW, [payment.get()])? == 0 {
        return Ok(false);
    }
    let Some(attempt) = by_id(db, payment)? else { return Ok(false) };
    rows::watch(db, payment, now.plus_seconds(delay_seconds(0, 0)))?;
    let event = PaymentEvent {
        key: EventKey::new(&["closed", &payment.to_string(), &now.micros().to_string()]),
        note: format!("closed by user {by}: {note}"),
        ..PaymentEvent::own(attempt.gateway, payment, Report::Unclear)
    };
    apply::log(db, Some(payment), &event, Answer::Done, true, now)?;
    Ok(true)
}

const DUE: &str = concat!(
    select_payment!(),
    "WHERE p.next_check_at IS NOT NULL AND p.next_check_at <= ?1 ORDER BY p.next_check_at, p.id LIMIT ?2"
);
const CHECKS: &str = "UPDATE payments SET checks = checks + 1 WHERE id = ?1 RETURNING checks";
const MOVE_ON: &str = "UPDATE payments SET next_check_at = ?2 WHERE id = ?1";

pub(super) fn claim_due(
    db: &Db<'_>,
    limit: i64,
    jitter: u8,
    now: Timestamp,
) -> Result<Vec<DueAttempt>, StoreError> {
    let due = db.all(DUE, (now.micros(), limit.max(0)), read_attempt)?;
    let mut claimed = Vec::with_capacity(due.len());
    for attempt in due {
        let checks = db.one(CHECKS, [attempt.id.get()], |row| row.int(0))?;
        let next = now.plus_seconds(delay_seconds(checks, jitter));
        db.run(MOVE_ON, (attempt.id.get(), next.micros()))?;
        let refunds = rows::refunds_of(db, attempt.id)?;
        let refunds = refunds.into_iter().filter(|refund| refund.status == RefundStatus::Pending).collect();
        claimed.push(DueAttempt { attempt, refunds });
    }
    Ok(claimed)
}

const TO_COMPARE: &str = concat!(
    select_payment!(),
    "WHERE p.compare_at IS NOT NULL AND p.compare_at <= ?1 ORDER BY p.compare_at, p.id LIMIT ?2"
);
const COMPARE_NEXT: &str = "UPDATE payments SET compare_at = ?2 WHERE id = ?1";

pub(super) fn to_compare(db: &Db<'_>, limit: i64, now: Timestamp) -> Result<Vec<Attempt>, StoreError> {
    db.all(TO_COMPARE, (now.micros(), limit.max(0)), read_attempt)
}

pub(super) fn claim_comparisons(
    db: &Db<'_>,
    limit: i64,
    jitter: u8,
    now: Timestamp,
) -> Result<Vec<Attempt>, StoreError> {
    let due = to_compare(db, limit, now)?;
    for attempt in &due {
        let next = next_comparison(attempt, jitter, now).map(Timestamp::micros);
        db.run(COMPARE_NEXT, (attempt.id.get(), next))?;
    }
    Ok(due)
}

const SURVEY: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM payments WHERE next_check_at IS NOT NULL LIMIT ?2)),
           (SELECT count(*) FROM (SELECT 1 FROM payments WHERE review IS NOT NULL LIMIT ?2)),
           (SELECT min(expires_at) FROM payments
            WHERE next_check_at IS NOT NULL AND status IN ('CREATED', 'PENDING') AND expires_at <= ?1),
           (SELECT min(r.created_at) FROM payments p JOIN refunds r ON r.payment_id = p.id
            WHERE p.next_check_at IS NOT NULL AND r.status = 'PENDING')";

pub(super) fn survey(db: &Db<'_>, now: Timestamp) -> Result<PaymentSurvey, StoreError> {
    db.one(SURVEY, (now.micros(), MAX_SURVEYED), |row| {
        let (ended, begun) = (rows::maybe_time(row, 2)?, rows::maybe_time(row, 3)?);
        let late_since = ended.into_iter().chain(begun).min();
        Ok(PaymentSurvey { undecided: row.int(0)?, in_review: row.int(1)?, late_since })
    })
}
