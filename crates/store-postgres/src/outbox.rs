//! Events and their deliveries.

use async_trait::async_trait;
use futures_util::future::try_join;
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
use tokio_postgres::types::Type;

use crate::audit;
use crate::db::{Cells, Db, Typed};
use crate::params::{Param, params};
use crate::payments::meaning;
use crate::pool::Class;
use crate::store::PostgresStore;

#[async_trait]
impl OutboxStore for PostgresStore {
    async fn spread_events(
        &self,
        subscriptions: Vec<Subscription>,
        limit: i64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // Nearly always there is nothing, and a look needs no transaction.
        let look = self
            .read_as(Class::Back, (), |db, ()| Box::pin(db.first(IS_THERE_ANY, params![], |row| row.int(0))));
        if look.await?.is_none() {
            return Ok(0);
        }
        self.sweep((subscriptions, limit, now), |db, (subscriptions, limit, now)| {
            Box::pin(spread(db, subscriptions, *limit, *now))
        })
        .await
    }

    async fn claim_deliveries(
        &self,
        target: Target,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        let look = self.read_as(Class::Back, (target.clone(), now), |db, (target, now)| {
            Box::pin(db.first(IS_ANY_DUE, params![target.as_str(), now.micros()], |row| row.int(0)))
        });
        if look.await?.is_none() {
            return Ok(Vec::new());
        }
        self.sweep((target, limit, now), |db, (target, limit, now)| Box::pin(claim(db, target, *limit, *now)))
            .await
    }

    async fn end_attempt(
        &self,
        delivery: DeliveryId,
        attempt: i64,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.sweep((delivery, attempt, outcome, now), |db, (delivery, attempt, outcome, now)| {
            Box::pin(end(db, *delivery, *attempt, outcome, *now))
        })
        .await
    }

    async fn list_dead_letters(&self, query: DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
        self.read_as(Class::Back, query, |db, query| Box::pin(list_dead(db, *query))).await
    }

    async fn survey_outbox(&self) -> Result<OutboxSurvey, StoreError> {
        self.read_as(Class::Back, (), |db, ()| Box::pin(survey(db))).await
    }

    async fn replay_dead_letter(
        &self,
        delivery: DeliveryId,
        by: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write((delivery, by, now), |db, (delivery, by, now)| Box::pin(replay(db, *delivery, *by, *now)))
            .await
    }

    async fn sweep_outbox(
        &self,
        targets: Vec<Target>,
        now: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        self.sweep((targets, now, limit), |db, (targets, now, limit)| {
            Box::pin(sweep(db, targets, *now, (*limit).max(0)))
        })
        .await
    }
}

/// Writes events. The batch of orders sends it together with its commit.
pub(crate) const TELL: Typed = (
    "INSERT INTO outbox (kind, order_id, payment_id, gateway, review, amount_minor, currency, at)
     SELECT kind, order_id, payment_id, gateway, review, amount_minor, currency, at
     FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY
         AS new (kind, order_id, payment_id, gateway, review, amount_minor, currency, at, place)
     ORDER BY place",
    &[
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::INT8_ARRAY,
        Type::TEXT_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
        Type::TEXT_ARRAY,
        Type::INT8_ARRAY,
    ],
);

/// The values of [`TELL`].
pub(crate) fn told<'a>(notices: &[Notice]) -> [Param<'a>; 8] {
    let payments = || notices.iter().map(|notice| notice.payment);
    params![
        notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<&'static str>>(),
        notices.iter().map(|notice| notice.order.get()).collect::<Vec<_>>(),
        payments().map(|payment| payment.map(|payment| payment.id.get())).collect::<Vec<_>>(),
        payments()
            .map(|payment| payment.map(|payment| payment.gateway.as_str()))
            .collect::<Vec<Option<&'static str>>>(),
        payments()
            .map(|payment| payment.and_then(|payment| payment.review).map(ReviewReason::as_str))
            .collect::<Vec<Option<&'static str>>>(),
        notices.iter().map(|notice| notice.amount.minor()).collect::<Vec<_>>(),
        notices.iter().map(|notice| notice.currency.as_str()).collect::<Vec<&'static str>>(),
        notices.iter().map(|notice| notice.at.micros()).collect::<Vec<_>>(),
    ]
}

/// Writes events in the transaction in which they happen.
pub(crate) async fn tell(db: &Db, notices: &[Notice]) -> Result<(), StoreError> {
    if !notices.is_empty() {
        db.run(TELL.0, told(notices)).await?;
    }
    Ok(())
}

const IS_THERE_ANY: &str = "SELECT id FROM outbox WHERE NOT is_spread ORDER BY id LIMIT 1";
const TO_SPREAD: &str =
    "SELECT id FROM outbox WHERE NOT is_spread ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED";
const SPREAD: &str = "
    INSERT INTO outbox_deliveries (event_id, target, status, next_at, give_up_at)
    SELECT e.id, s.target, 'waiting', $4, $5
    FROM outbox e JOIN unnest($2, $3) WITH ORDINALITY AS s (kind, target, place) ON s.kind = e.kind
    WHERE e.id = ANY($1)
    ORDER BY e.id, s.place";
const MARK_SPREAD: &str = "UPDATE outbox SET is_spread = TRUE WHERE id = ANY($1)";
// Not EXISTS, of which PostgreSQL would make a hash of the whole table.
const FORGET_UNWANTED: &str = "
    DELETE FROM outbox WHERE id = ANY($1)
        AND (SELECT TRUE FROM outbox_deliveries d WHERE d.event_id = outbox.id LIMIT 1) IS NULL";

async fn spread(
    db: &Db,
    subscriptions: &[Subscription],
    limit: i64,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let events = db.all(TO_SPREAD, params![limit.max(0)], |row| row.int(0)).await?;
    if events.is_empty() {
        return Ok(0);
    }
    let kinds: Vec<&str> = subscriptions.iter().map(|one| one.kind.as_str()).collect();
    let targets: Vec<&str> = subscriptions.iter().map(|one| one.target.as_str()).collect();
    let until = now.plus_seconds(GIVE_UP_SECONDS).micros();
    db.run(SPREAD, params![&events, kinds, targets, now.micros(), until]).await?;
    db.run(MARK_SPREAD, params![&events]).await?;
    db.run(FORGET_UNWANTED, params![&events]).await?;
    Ok(u64::try_from(events.len()).unwrap_or(u64::MAX))
}

const IS_ANY_DUE: &str = "
    SELECT id FROM outbox_deliveries WHERE target = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT 1";
const FIND_DUE: &str = "
    SELECT id FROM outbox_deliveries WHERE target = $1 AND next_at <= $2
    ORDER BY next_at, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED";
const CLAIM: &str = "UPDATE outbox_deliveries SET attempts = attempts + 1, next_at = $2 WHERE id = ANY($1)";

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

const READ_CLAIMED: &str = concat!(select_delivery!(""), "WHERE d.id = ANY($1)");

async fn claim(db: &Db, target: &Target, limit: i64, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
    let values = params![target.as_str(), now.micros(), limit.max(0)];
    let due = db.all(FIND_DUE, values, |row| row.int(0)).await?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    db.run(CLAIM, params![&due, now.plus_seconds(CLAIM_SECONDS).micros()]).await?;
    let claimed = db.all(READ_CLAIMED, params![&due], |row| {
        Ok(Delivery {
            id: DeliveryId::new(row.int(0)?),
            event: EventId::new(row.int(1)?),
            attempt: row.int(2)?,
            notice: read_notice(row)?,
        })
    });
    let mut claimed = claimed.await?;
    claimed.sort_by_key(|delivery| due.iter().position(|id| *id == delivery.id.get()));
    Ok(claimed)
}

fn read_notice(row: &Cells<'_>) -> Result<Notice, StoreError> {
    let payment = match row.get::<Option<i64>>(5)? {
        None => None,
        Some(id) => Some(PaymentPart {
            id: PaymentId::new(id),
            gateway: meaning(row.get(6)?, Gateway::parse)?,
            review: match row.get::<Option<&str>>(7)? {
                None => None,
                Some(name) => Some(meaning(name, ReviewReason::parse)?),
            },
        }),
    };
    Ok(Notice {
        kind: meaning(row.get(3)?, EventKind::parse)?,
        order: OrderId::new(row.int(4)?),
        payment,
        amount: row.money(8)?,
        currency: meaning(row.get(9)?, Currency::parse)?,
        at: row.time(10)?,
    })
}

const DELIVERED: &str = "
    UPDATE outbox_deliveries SET status = 'delivered', next_at = NULL, error = NULL, ended_at = $2
    WHERE id = $1 AND status <> 'delivered'";
const GIVE_UP_TIME: &str = "
    SELECT give_up_at FROM outbox_deliveries
    WHERE id = $1 AND attempts = $2 AND status = 'waiting' FOR NO KEY UPDATE";
const AGAIN: &str = "UPDATE outbox_deliveries SET next_at = $2, error = $3 WHERE id = $1";
const DEAD: &str = "
    UPDATE outbox_deliveries SET status = 'dead', next_at = NULL, error = $2, ended_at = $3 WHERE id = $1";

async fn end(
    db: &Db,
    delivery: DeliveryId,
    attempt: i64,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let id = delivery.get();
    let (error, jitter) = match outcome {
        Outcome::Delivered => return Ok(db.run(DELIVERED, params![id, now.micros()]).await? > 0),
        Outcome::Failed { error, jitter } => (error, Some(*jitter)),
        Outcome::Refused { error } => (error, None),
    };
    // The one character that PostgreSQL keeps in no text.
    let error = error.replace('\0', "\u{fffd}");
    let until = db.first(GIVE_UP_TIME, params![id, attempt], |row| row.time(0)).await?;
    let Some(until) = until else { return Ok(false) };
    match jitter.and_then(|jitter| next_try(attempt, jitter, until, now)) {
        Some(next) => db.run(AGAIN, params![id, next.micros(), error]).await?,
        None => db.run(DEAD, params![id, error, now.micros()]).await?,
    };
    Ok(true)
}

const LIST_DEAD: &str = concat!(
    select_delivery!(", d.target, d.error, d.ended_at"),
    "WHERE d.status = 'dead' AND d.id < $1 ORDER BY d.id DESC LIMIT $2"
);

async fn list_dead(db: &Db, query: DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
    let before = query.before.map_or(i64::MAX, DeliveryId::get);
    let values = params![before, query.max.clamp(1, MAX_DEAD_LETTERS_LISTED)];
    db.all(LIST_DEAD, values, |row| {
        Ok(DeadLetter {
            id: DeliveryId::new(row.int(0)?),
            event: EventId::new(row.int(1)?),
            attempts: row.int(2)?,
            notice: read_notice(row)?,
            target: Target::new(row.text(11)?),
            error: row.get::<Option<&str>>(12)?.unwrap_or_default().to_owned(),
            dead_at: row.time(13)?,
        })
    })
    .await
}

const SURVEY: &str = "
    SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox_deliveries WHERE status = 'dead' LIMIT $1) AS dead),
           (SELECT min(give_up_at) FROM outbox_deliveries WHERE next_at IS NOT NULL),
           (SELECT at FROM outbox WHERE NOT is_spread ORDER BY id LIMIT 1)";

async fn survey(db: &Db) -> Result<OutboxSurvey, StoreError> {
    let read = |row: &Cells<'_>| {
        let given = row.time_or_none(1)?.map(|end| end.plus_seconds(-GIVE_UP_SECONDS));
        let waiting_since = given.into_iter().chain(row.time_or_none(2)?).min();
        Ok(OutboxSurvey { dead: row.int(0)?, waiting_since })
    };
    db.one(SURVEY, params![MAX_SURVEYED], read).await
}

const REPLAY: &str = "
    UPDATE outbox_deliveries
    SET status = 'waiting', attempts = 0, next_at = $2, give_up_at = $3, ended_at = NULL
    WHERE id = $1 AND status = 'dead' RETURNING target";

async fn replay(db: &Db, delivery: DeliveryId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let until = now.plus_seconds(GIVE_UP_SECONDS).micros();
    let values = params![delivery.get(), now.micros(), until];
    let Some(target) = db.first(REPLAY, values, |row| row.text(0)).await? else { return Ok(false) };
    let entry = Entry::delivery_replayed(By::Admin(by), delivery, &Target::new(target));
    audit::record(db, &entry, now).await?;
    Ok(true)
}

const ABANDON: &str = "
    UPDATE outbox_deliveries SET status = 'dead', next_at = NULL, error = $3, ended_at = $1
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox_deliveries
        WHERE next_at IS NOT NULL AND give_up_at <= $1 AND target <> ALL($2)
        ORDER BY give_up_at, id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED))";
const ABANDONED: &str = "its receiver is no longer in the settings";
const FIND_OLD: &str = "
    SELECT id, event_id FROM outbox_deliveries WHERE status = $1 AND ended_at <= $2
    ORDER BY ended_at, id LIMIT $3 FOR UPDATE SKIP LOCKED";
// So that of two who forget the last deliveries of one event the second sees that the first has.
const LOCK_EVENTS: &str = "SELECT id FROM outbox WHERE id = ANY($1) ORDER BY id FOR UPDATE";
const FORGET: &str = "DELETE FROM outbox_deliveries WHERE id = ANY($1)";

async fn sweep(db: &Db, targets: &[Target], now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let known: Vec<&str> = targets.iter().map(Target::as_str).collect();
    let abandoned = db.run(ABANDON, params![now.micros(), known, ABANDONED, limit]).await?;
    let old = |status: &'static str, seconds: i64| {
        let before = now.plus_seconds(-seconds).micros();
        db.all(FIND_OLD, params![status, before, limit], |row| Ok((row.int(0)?, row.int(1)?)))
    };
    let (delivered, dead) = try_join(old("delivered", DELIVERED_SECONDS), old("dead", DEAD_SECONDS)).await?;
    let (ids, events): (Vec<i64>, Vec<i64>) = delivered.into_iter().chain(dead).unzip();
    if !ids.is_empty() {
        db.all(LOCK_EVENTS, params![&events], |row| row.int(0)).await?;
        db.run(FORGET, params![&ids]).await?;
        db.run(FORGET_UNWANTED, params![&events]).await?;
    }
    Ok(abandoned + u64::try_from(ids.len()).unwrap_or(u64::MAX))
}
