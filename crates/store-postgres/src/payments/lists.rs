//! Lists of payments, and those that are due.

use futures_util::future::try_join;
use slippers_core::StoreError;
use slippers_core::payments::checks::{delay_seconds, next_comparison};
use slippers_core::payments::ledger::{Account, Balances, Posting};
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Attempt, DueAttempt, EventKey, EventRecord, Gateway, MAX_SURVEYED, PaymentEvent, PaymentQuery,
    PaymentSurvey, Report, StatementQuery,
};
use slippers_core::types::{Money, PaymentEventId, PaymentId, Timestamp, UserId};

use super::apply;
use super::rows::{self, meaning, read_attempt, select_payment};
use crate::db::{Cells, Db};
use crate::orders::rows as orders;
use crate::params::params;

const STATEMENT: &str = concat!(
    select_payment!(),
    "WHERE p.gateway = $1 AND p.their_time >= $2 AND p.their_time <= $3 ORDER BY p.their_time, p.id"
);

pub(super) async fn statement(db: &Db, query: StatementQuery) -> Result<Vec<Attempt>, StoreError> {
    let values = params![query.gateway.as_str(), query.from.micros(), query.to.micros()];
    db.all(STATEMENT, values, read_attempt).await
}

const LIST: &str = concat!(select_payment!(), "WHERE p.id < $1 ORDER BY p.id DESC LIMIT $2");
const LIST_OF: &str =
    concat!(select_payment!(), "WHERE p.order_id = $3 AND p.id < $1 ORDER BY p.id DESC LIMIT $2");
const LIST_IN_REVIEW: &str =
    concat!(select_payment!(), "WHERE p.review IS NOT NULL AND p.id < $1 ORDER BY p.id DESC LIMIT $2");
const LIST_IN_REVIEW_OF: &str = concat!(
    select_payment!(),
    "WHERE p.order_id = $3 AND p.review IS NOT NULL AND p.id < $1 ORDER BY p.id DESC LIMIT $2"
);

pub(super) async fn payments(db: &Db, query: PaymentQuery) -> Result<Vec<Attempt>, StoreError> {
    let before = query.before.map_or(i64::MAX, PaymentId::get);
    let max = query.max.clamp(1, 1000);
    match query.order {
        None => {
            let list = if query.in_review { LIST_IN_REVIEW } else { LIST };
            db.all(list, params![before, max], read_attempt).await
        }
        Some(order) => {
            let list = if query.in_review { LIST_IN_REVIEW_OF } else { LIST_OF };
            db.all(list, params![before, max, order.get()], read_attempt).await
        }
    }
}

macro_rules! events {
    ($of:literal) => {
        concat!(
            "SELECT id, payment_id, gateway, report, evidence, amount_minor, answer, note, at \
             FROM payment_events WHERE payment_id ",
            $of,
            " ORDER BY id LIMIT 1000"
        )
    };
}

const EVENTS_OF: &str = events!("= $1");
const EVENTS_OF_NONE: &str = events!("IS NULL");

pub(super) async fn events(db: &Db, payment: Option<PaymentId>) -> Result<Vec<EventRecord>, StoreError> {
    match payment {
        Some(payment) => db.all(EVENTS_OF, params![payment.get()], read_event).await,
        None => db.all(EVENTS_OF_NONE, params![], read_event).await,
    }
}

fn read_event(row: &Cells<'_>) -> Result<EventRecord, StoreError> {
    Ok(EventRecord {
        id: PaymentEventId::new(row.int(0)?),
        payment: row.get::<Option<i64>>(1)?.map(PaymentId::new),
        gateway: meaning(row.get(2)?, Gateway::parse)?,
        report: row.text(3)?,
        evidence: row.text(4)?,
        amount: row.get::<Option<i64>>(5)?.map(Money::from_minor),
        answer: row.text(6)?,
        note: row.text(7)?,
        at: row.time(8)?,
    })
}

const BALANCES: &str =
    "SELECT debit, credit, sum(amount_minor)::bigint FROM ledger_postings GROUP BY debit, credit";

pub(super) async fn balances(db: &Db) -> Result<Balances, StoreError> {
    let read = |row: &Cells<'_>| {
        Ok(Posting {
            debit: meaning(row.get(0)?, Account::parse)?,
            credit: meaning(row.get(1)?, Account::parse)?,
            amount: row.money(2)?,
        })
    };
    Ok(Balances::of(&db.all(BALANCES, params![], read).await?))
}

const CLOSE_REVIEW: &str =
    "UPDATE payments SET review = NULL, compare_at = NULL WHERE id = $1 AND review IS NOT NULL";

pub(super) async fn close_review(
    db: &Db,
    payment: PaymentId,
    by: UserId,
    note: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(attempt) = rows::by_id(db, payment).await? else { return Ok(false) };
    orders::lock(db, &[attempt.order.get()]).await?;
    if db.run(CLOSE_REVIEW, params![payment.get()]).await? == 0 {
        return Ok(false);
    }
    rows::watch(db, payment, now.plus_seconds(delay_seconds(0, 0))).await?;
    let event = PaymentEvent {
        key: EventKey::new(&["closed", &payment.to_string(), &now.micros().to_string()]),
        note: format!("closed by user {by}: {note}"),
        ..PaymentEvent::own(attempt.gateway, payment, Report::Unclear)
    };
    apply::log(db, Some(payment), &event, Answer::Done, true, now).await?;
    Ok(true)
}

// What somebody else claims or changes at this moment is left to them, and to the next time.
const DUE: &str = concat!(
    select_payment!(", p.checks"),
    "WHERE p.next_check_at IS NOT NULL AND p.next_check_at <= $1 ORDER BY p.next_check_at, p.id LIMIT $2 \
     FOR NO KEY UPDATE SKIP LOCKED"
);
const MOVE_ON: &str = "
    UPDATE payments SET checks = checks + 1, next_check_at = moved.at
    FROM unnest($1, $2) AS moved (id, at) WHERE payments.id = moved.id";

pub(super) async fn claim_due(
    db: &Db,
    limit: i64,
    jitter: u8,
    now: Timestamp,
) -> Result<Vec<DueAttempt>, StoreError> {
    let read = |row: &Cells<'_>| Ok((read_attempt(row)?, row.int(21)?));
    let due = db.all(DUE, params![now.micros(), limit.max(0)], read).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, times): (Vec<i64>, Vec<i64>) = due
        .iter()
        .map(|(attempt, checks)| {
            (attempt.id.get(), now.plus_seconds(delay_seconds(checks + 1, jitter)).micros())
        })
        .unzip();
    let refunds = rows::pending_refunds_of(db, &ids);
    let (_, refunds) = try_join(db.run(MOVE_ON, params![&ids, times]), refunds).await?;
    let claimed = due.into_iter().map(|(attempt, _)| {
        let refunds = refunds.iter().filter(|refund| refund.payment == attempt.id).cloned().collect();
        DueAttempt { attempt, refunds }
    });
    Ok(claimed.collect())
}

const TO_COMPARE: &str = concat!(
    select_payment!(),
    "WHERE p.compare_at IS NOT NULL AND p.compare_at <= $1 ORDER BY p.compare_at, p.id LIMIT $2 \
     FOR NO KEY UPDATE SKIP LOCKED"
);
const COMPARE_NEXT: &str = "
    UPDATE payments SET compare_at = moved.at
    FROM unnest($1, $2) AS moved (id, at) WHERE payments.id = moved.id";

pub(super) async fn claim_comparisons(
    db: &Db,
    limit: i64,
    jitter: u8,
    now: Timestamp,
) -> Result<Vec<Attempt>, StoreError> {
    let due = db.all(TO_COMPARE, params![now.micros(), limit.max(0)], read_attempt).await?;
    if due.is_empty() {
        return Ok(due);
    }
    let next = |attempt: &Attempt| next_comparison(attempt, jitter, now).map(Timestamp::micros);
    let (ids, times): (Vec<i64>, Vec<Option<i64>>) =
        due.iter().map(|attempt| (attempt.id.get(), next(attempt))).unzip();
    db.run(COMPARE_NEXT, params![ids, times]).await?;
    Ok(due)
}

// Joined payment by payment: of the refunds only those of the few that are asked about are looked at.
const SURVEY: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM payments WHERE next_check_at IS NOT NULL LIMIT $2) AS undecided),
           (SELECT count(*) FROM (SELECT 1 FROM payments WHERE review IS NOT NULL LIMIT $2) AS in_review),
           (SELECT min(expires_at) FROM payments
            WHERE next_check_at IS NOT NULL AND status IN ('CREATED', 'PENDING') AND expires_at <= $1),
           (SELECT min(begun.at) FROM payments p
            CROSS JOIN LATERAL (SELECT min(r.created_at) AS at FROM refunds r
                                WHERE r.payment_id = p.id AND r.status = 'PENDING') AS begun
            WHERE p.next_check_at IS NOT NULL)";

pub(super) async fn survey(db: &Db, now: Timestamp) -> Result<PaymentSurvey, StoreError> {
    let read = |row: &Cells<'_>| {
        let (ended, begun) = (row.time_or_none(2)?, row.time_or_none(3)?);
        let late_since = ended.into_iter().chain(begun).min();
        Ok(PaymentSurvey { undecided: row.int(0)?, in_review: row.int(1)?, late_since })
    };
    db.one(SURVEY, params![now.micros(), MAX_SURVEYED], read).await
}

const IS_ANY_TO_COMPARE: &str = "SELECT id FROM payments WHERE compare_at IS NOT NULL AND compare_at <= $1 ORDER BY compare_at, id LIMIT 1";

pub(super) async fn is_any_to_compare(db: &Db, now: Timestamp) -> Result<bool, StoreError> {
    let found = db.first(IS_ANY_TO_COMPARE, params![now.micros()], |row| row.int(0)).await?;
    Ok(found.is_some())
}
