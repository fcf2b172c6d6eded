//! Events and their deliveries.

use async_trait::async_trait;
use rusqlite::params;
use slippers_core::StoreError;
use slippers_core::audit::{By, Entry};
use slippers_core::outbox::rules::{
    CLAIM_SECONDS, DEAD_SECONDS, DELIVERED_SECONDS, GIVE_UP_SECONDS, next_try,
};
use slippers_core::outbox::{
    DeadLetter, DeadLetterQuery, Delivery, EventKind, MAX_DEAD_LETTERS_LISTED, Notice, OutboxStore,
    OutboxSurvey, Outcome, PaymentPart, Subscription, Target,
};
use slippers_core::payments::{Currency, Gateway, MAX_SURVEYED, ReviewReason};
use slippers_core::types::{DeliveryId, EventId, OrderId, PaymentId, Timestamp, UserId};

use crate::audit;
use crate::db::{Cells, Db, json_list, time};
use crate::payments::meaning;
use crate::store::SqliteStore;

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn spread_events(
        &self,
        subscriptions: Vec<Subscription>,
        limit: i64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // Nearly always there is nothing, and a look does not hold the writer up.
        if self.readers.read(|db| db.first(TO_SPREAD, [1], |row| row.int(0)))?.is_none() {
            return Ok(0);
        }
        self.writer.run(move |db| spread(db, &subscriptions, limit, now)).await
    }

    async fn claim_deliveries(
        &self,
        target: Target,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        if self.readers.read(|db| find_due(db, &target, 1, now))?.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.run(move |db| claim(db, &target, limit, now)).await
    }

    async fn end_attempt(
        &self,
        delivery: DeliveryId,
        attempt: i64,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.run(move |db| end(db, delivery, attempt, &outcome, now)).await
    }

    async fn list_dead_letters(&self, query: DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
        self.readers.read(|db| list_dead(db, query))
    }

    async fn survey_outbox(&self) -> Result<OutboxSurvey, StoreError> {
        self.readers.read(survey)
    }

    async fn replay_dead_letter(
        &self,
        delivery: DeliveryId,
        by: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.run(move |db| replay(db, delivery, by, now)).await
    }

    async fn sweep_outbox(
        &self,
        targets: Vec<Target>,
        now: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        self.writer.run(move |db| sweep(db, &targets, now, limit.max(0))).await
    }
}

const TELL: &str = "
    INSERT INTO outbox (kind, order_id, payment_id, gateway, review, amount_minor, currency, at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?1) ORDER BY key";

/// Writes events in the transaction in which they happen.
pub(crate) fn tell(db: &Db<'_>, notices: &[Notice]) -> Result<(), StoreError> {
    if notices.is_empty() {
        return Ok(());
    }
    let values: Vec<_> = notices
        .iter()
        .map(|notice| {
            let payment = notice.payment.map(|payment| payment.id.get());
            let gateway = notice.payment.map(|payment| payment.gateway.as_str());
            let review = notice.payment.and_then(|payment| payment.review).map(ReviewReason::as_str);
            let amount = (notice.amount.minor(), notice.currency.as_str(), notice.at.micros());
            let what = (notice.kind.as_str(), notice.order.get());
            (what.0, what.1, payment, gateway, review, amount.0, amount.1, amount.2)
        })
        .collect();
    db.run(TELL, [json_list(&values)?])?;
    Ok(())
}

const TO_SPREAD: &str = "SELECT id FROM outbox WHERE is_spread = 0 ORDER BY id LIMIT ?1";
const SPREAD: &str = "
    INSERT INTO outbox_deliveries (event_id, target, status, next_at, give_up_at)
    SELECT e.id, s.value ->> 1, 'waiting', ?3, ?4
    FROM json_each(?1) i JOIN outbox e ON e.id = i.value JOIN json_each(?2) s ON s.value ->> 0 = e.kind
    ORDER BY e.id, s.key";
const MARK_SPREAD: &str = "UPDATE outbox SET is_spread = 1 WHERE id IN (SELECT value FROM json_each(?1))";
const FORGET_UNWANTED: &str = "
    DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?1))
        AND NOT EXISTS (SELECT 1 FROM outbox_deliveries d WHERE d.event_id = outbox.id)";

fn spread(
    db: &Db<'_>,
    subscriptions: &[Subscription],
    limit: i64,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let events = db.all(TO_SPREAD, [limit.max(0)], |row| row.int(0))?;
    if events.is_empty() {
        return Ok(0);
    }
    let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
    let events = json_list(&events)?;
    let wanted: Vec<_> = subscriptions.iter().map(|s| (s.kind.as_str(), s.target.as_str())).collect();
    let until = now.plus_seconds(GIVE_UP_SECONDS).micros();
    db.run(SPREAD, (&events, json_list(&wanted)?, now.micros(), until))?;
    db.run(MARK_SPREAD, [&events])?;
    db.run(FORGET_UNWANTED, [&events])?;
    Ok(count)
}

const FIND_DUE: &str = "
    SELECT id FROM outbox_deliveries WHERE target = ?1 AND next_at <= ?2 ORDER BY next_at, id LIMIT ?3";
const CLAIM: &str = "
    UPDATE outbox_deliveries SET attempts = attempts + 1, next_at = ?2
    WHERE id IN (SELECT value FROM json_each(?1))";

/// A delivery with its event; `read_notice` reads it from the third column on.
macro_rules! select_delivery {
    ($more:literal) => {
        concat!(
            "SELECT d.id, e.id, d.attempts, e.kind, e.order_id, e.payment_id, e.gateway, e.review, \
             e.amount_minor, e.currency, e.at",
            $more,
            " FROM outbox_deliveries d JOIN outbox e ON e.id = d.event_id "
        )
    };
}

const READ_CLAIMED: &str =
    concat!(select_delivery!(""), "JOIN json_each(?1) i ON i.value = d.id ORDER BY i.key");

fn find_due(db: &Db<'_>, target: &Target, limit: i64, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    db.all(FIND_DUE, (target.as_str(), now.micros(), limit.max(0)), |row| row.int(0))
}

fn claim(db: &Db<'_>, target: &Target, limit: i64, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
    let due = find_due(db, target, limit, now)?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let due = json_list(&due)?;
    db.run(CLAIM, (&due, now.plus_seconds(CLAIM_SECONDS).micros()))?;
    db.all(READ_CLAIMED, [&due], |row| {
        Ok(Delivery {
            id: DeliveryId::new(row.int(0)?),
            event: EventId::new(row.int(1)?),
            attempt: row.int(2)?,
            notice: read_notice(row)?,
        })
    })
}

fn read_notice(row: &Cells<'_>) -> Result<Notice, StoreError> {
    let payment = match row.get::<Option<i64>>(5)? {
        None => None,
        Some(id) => Some(PaymentPart {
            id: PaymentId::new(id),
            gateway: meaning(&row.text(6)?, Gateway::parse)?,
            review: match row.get::<Option<String>>(7)? {
                None => None,
                Some(name) => Some(meaning(&name, ReviewReason::parse)?),
            },
        }),
    };
    Ok(Notice {
        kind: meaning(&row.text(3)?, EventKind::parse)?,
        order: OrderId::new(row.int(4)?),
        payment,
        amount: row.money(8)?,
        currency: meaning(&row.text(9)?, Currency::parse)?,
        at: row.time(10)?,
    })
}

const DELIVERED: &str = "
    UPDATE outbox_deliveries SET status = 'delivered', next_at = NULL, error = NULL, ended_at = ?2
    WHERE id = ?1 AND status <> 'delivered'";
const GIVE_UP_TIME: &str =
    "SELECT give_up_at FROM outbox_deliveries WHERE id = ?1 AND attempts = ?2 AND status = 'waiting'";
const AGAIN: &str = "UPDATE outbox_deliveries SET next_at = ?2, error = ?3 WHERE id = ?1";
const DEAD: &str = "
    UPDATE outbox_deliveries SET status = 'dead', next_at = NULL, error = ?2, ended_at = ?3 WHERE id = ?1";

fn end(
    db: &Db<'_>,
    delivery: DeliveryId,
    attempt: i64,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let id = delivery.get();
    let (error, jitter) = match outcome {
        Outcome::Delivered => return Ok(db.run(DELIVERED, (id, now.micros()))? > 0),
        Outcome::Failed { error, jitter } => (error, Some(*jitter)),
        Outcome::Refused { error } => (error, None),
    };
    let Some(until) = db.first(GIVE_UP_TIME, (id, attempt), |row| row.time(0))? else { return Ok(false) };
    match jitter.and_then(|jitter| next_try(attempt, jitter, until, now)) {
        Some(next) => db.run(AGAIN, (id, next.micros(), error))?,
        None => db.run(DEAD, (id, error, now.micros()))?,
    };
    Ok(true)
}

const LIST_DEAD: &str = concat!(
    select_delivery!(", d.target, d.error, d.ended_at"),
    "WHERE d.status = 'dead' AND d.id < ?1 ORDER BY d.id DESC LIMIT ?2"
);

fn list_dead(db: &Db<'_>, query: DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
    let before = query.before.map_or(i64::MAX, DeliveryId::get);
    db.all(LIST_DEAD, (before, query.max.clamp(1, MAX_DEAD_LETTERS_LISTED)), |row| {
        Ok(DeadLetter {
            id: DeliveryId::new(row.int(0)?),
            event: EventId::new(row.int(1)?),
            attempts: row.int(2)?,
            notice: read_notice(row)?,
            target: Target::new(row.text(11)?),
            error: row.get::<Option<String>>(12)?.unwrap_or_default(),
            dead_at: row.time(13)?,
        })
    })
}

const SURVEY: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox_deliveries WHERE status = 'dead' LIMIT ?1)),
           (SELECT min(give_up_at) FROM outbox_deliveries WHERE next_at IS NOT NULL),
           (SELECT at FROM outbox WHERE is_spread = 0 ORDER BY id LIMIT 1)";

fn survey(db: &Db<'_>) -> Result<OutboxSurvey, StoreError> {
    db.one(SURVEY, [MAX_SURVEYED], |row| {
        let maybe_time = |at| row.get::<Option<i64>>(at)?.map(time).transpose();
        let given = maybe_time(1)?.map(|end| end.plus_seconds(-GIVE_UP_SECONDS));
        Ok(OutboxSurvey { dead: row.int(0)?, waiting_since: given.into_iter().chain(maybe_time(2)?).min() })
    })
}

const REPLAY: &str = "
    UPDATE outbox_deliveries
    SET status = 'waiting', attempts = 0, next_at = ?2, give_up_at = ?3, ended_at = NULL
    WHERE id = ?1 AND status = 'dead' RETURNING target";

fn replay(db: &Db<'_>, delivery: DeliveryId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let until = now.plus_seconds(GIVE_UP_SECONDS).micros();
    let replayed = db.first(REPLAY, (delivery.get(), now.micros(), until), |row| row.text(0))?;
    let Some(target) = replayed else { return Ok(false) };
    let entry = Entry::delivery_replayed(By::Admin(by), delivery, &Target::new(target));
    audit::record(db, &entry, now)?;
    Ok(true)
}

const ABANDON: &str = "
    UPDATE outbox_deliveries SET status = 'dead', next_at = NULL, error = ?3, ended_at = ?1
    WHERE id IN (
        SELECT id FROM outbox_deliveries
        WHERE next_at IS NOT NULL AND give_up_at <= ?1 AND target NOT IN (SELECT value FROM json_each(?2))
        ORDER BY give_up_at, id LIMIT ?4)";
const ABANDONED: &str = "its receiver is no longer in the settings";
const FORGET: &str = "
    DELETE FROM outbox_deliveries
    WHERE id IN (
        SELECT id FROM outbox_deliveries WHERE status = ?1 AND ended_at <= ?2 ORDER BY ended_at, id LIMIT ?3)
    RETURNING event_id";

fn sweep(db: &Db<'_>, targets: &[Target], now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let known: Vec<_> = targets.iter().map(Target::as_str).collect();
    let mut count = db.run(ABANDON, params![now.micros(), json_list(&known)?, ABANDONED, limit])?;
    let mut events = Vec::new();
    for (status, seconds) in [("delivered", DELIVERED_SECONDS), ("dead", DEAD_SECONDS)] {
        let before = now.plus_seconds(-seconds).micros();
        events.extend(db.all(FORGET, (status, before, limit), |row| row.int(0))?);
    }
    count += events.len();
    if !events.is_empty() {
        db.run(FORGET_UNWANTED, [json_list(&events)?])?;
    }
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}
