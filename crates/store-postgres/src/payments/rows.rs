//! How attempts and refunds are read and written.

use slippers_core::StoreError;
use slippers_core::orders::OrderStatus;
use slippers_core::payments::checks::next_comparison;
use slippers_core::payments::{
    Attempt, AttemptStatus, Currency, Gateway, Name, OrderFacts, Refund, RefundStatus, ReviewReason, Subject,
};
use slippers_core::types::{OrderId, PaymentId, RefundId, Timestamp, UserId};

use crate::db::{Cells, Db};
use crate::params::params;

/// The beginning of every query that [`read_attempt`] reads; more columns may come behind.
macro_rules! select_payment {
    ($($more:literal)?) => {
        concat!(
            "SELECT p.id, p.order_id, p.gateway, p.reference, p.their_id, p.their_number, p.link, p.amount_minor, \
                    p.currency, p.status, p.received_minor, p.settles, p.review, p.cancel_code, p.expires_at, \
                    p.their_time, p.created_at, p.reserved_at, p.paid_at, p.ended_at, p.recorded_by",
            $($more,)?
            " FROM payments p "
        )
    };
}
pub(super) use select_payment;

macro_rules! select_refund {
    () => {
        "SELECT r.id, r.payment_id, r.reference, r.their_id, r.amount_minor, r.status, r.restock, r.begun_by, \
                r.created_at, r.ended_at \
         FROM refunds r "
    };
}

/// What a stored word means; one that means nothing is a fault of the database's.
pub(crate) fn meaning<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::Corrupt(format!("{text:?} is no word of payments")))
}

fn name(text: &str) -> Result<Name, StoreError> {
    meaning(text, |text| Name::parse(text).ok())
}

fn maybe_name(row: &Cells<'_>, at: usize) -> Result<Option<Name>, StoreError> {
    row.get::<Option<&str>>(at)?.map(name).transpose()
}

pub(super) fn read_attempt(row: &Cells<'_>) -> Result<Attempt, StoreError> {
    let review = row.get::<Option<&str>>(12)?;
    Ok(Attempt {
        id: PaymentId::new(row.int(0)?),
        order: OrderId::new(row.int(1)?),
        gateway: meaning(row.get(2)?, Gateway::parse)?,
        reference: name(row.get(3)?)?,
        their_id: maybe_name(row, 4)?,
        their_number: maybe_name(row, 5)?,
        link: row.get(6)?,
        amount: row.money(7)?,
        currency: meaning(row.get(8)?, Currency::parse)?,
        status: meaning(row.get(9)?, AttemptStatus::parse)?,
        received: row.money(10)?,
        settles: row.flag(11)?,
        review: review.map(|text| meaning(text, ReviewReason::parse)).transpose()?,
        cancel_code: row.get(13)?,
        expires_at: row.time_or_none(14)?,
        their_time: row.time_or_none(15)?,
        created_at: row.time(16)?,
        reserved_at: row.time_or_none(17)?,
        paid_at: row.time_or_none(18)?,
        ended_at: row.time_or_none(19)?,
        recorded_by: row.get::<Option<i64>>(20)?.map(UserId::new),
    })
}

fn read_refund(row: &Cells<'_>) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: RefundId::new(row.int(0)?),
        payment: PaymentId::new(row.int(1)?),
        reference: name(row.get(2)?)?,
        their_id: maybe_name(row, 3)?,
        amount: row.money(4)?,
        status: meaning(row.get(5)?, RefundStatus::parse)?,
        restock: row.flag(6)?,
        begun_by: row.get::<Option<i64>>(7)?.map(UserId::new),
        created_at: row.time(8)?,
        ended_at: row.time_or_none(9)?,
    })
}

const BY_REFERENCE: &str = concat!(select_payment!(), "WHERE p.reference = $2 AND p.gateway = $1");
const BY_THEIR_ID: &str = concat!(select_payment!(), "WHERE p.gateway = $1 AND p.their_id = $2");
const BY_NUMBER: &str = concat!(select_payment!(), "WHERE p.id = $2 AND p.gateway = $1");

pub(super) async fn find(
    db: &Db,
    gateway: Gateway,
    subject: &Subject,
) -> Result<Option<Attempt>, StoreError> {
    let gateway = gateway.as_str();
    match subject {
        Subject::Reference(name) => {
            db.first(BY_REFERENCE, params![gateway, name.as_str()], read_attempt).await
        }
        Subject::TheirId(name) => db.first(BY_THEIR_ID, params![gateway, name.as_str()], read_attempt).await,
        Subject::Number(id) => db.first(BY_NUMBER, params![gateway, id.get()], read_attempt).await,
    }
}

const BY_ID: &str = concat!(select_payment!(), "WHERE p.id = $1");

pub(super) async fn by_id(db: &Db, id: PaymentId) -> Result<Option<Attempt>, StoreError> {
    db.first(BY_ID, params![id.get()], read_attempt).await
}

const OF_ORDER: &str = concat!(select_payment!(), "WHERE p.order_id = $1 ORDER BY p.id");

pub(super) async fn of_order(db: &Db, order: OrderId) -> Result<Vec<Attempt>, StoreError> {
    db.all(OF_ORDER, params![order.get()], read_attempt).await
}

const REFUNDS_OF: &str = concat!(select_refund!(), "WHERE r.payment_id = $1 ORDER BY r.id");

pub(super) async fn refunds_of(db: &Db, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
    db.all(REFUNDS_OF, params![payment.get()], read_refund).await
}

const PENDING_REFUNDS_OF: &str =
    concat!(select_refund!(), "WHERE r.payment_id = ANY($1) AND r.status = 'PENDING' ORDER BY r.id");

/// Those of any of these attempts that are on their way.
pub(super) async fn pending_refunds_of(db: &Db, payments: &[i64]) -> Result<Vec<Refund>, StoreError> {
    db.all(PENDING_REFUNDS_OF, params![payments], read_refund).await
}

const REFUND_BY_ID: &str = concat!(select_refund!(), "WHERE r.id = $1");

pub(super) async fn refund_by_id(db: &Db, id: RefundId) -> Result<Option<Refund>, StoreError> {
    db.first(REFUND_BY_ID, params![id.get()], read_refund).await
}

const FACTS: &str = "SELECT id, user_id, status, total_minor FROM orders WHERE id = $1";

pub(super) async fn facts(db: &Db, order: OrderId) -> Result<Option<OrderFacts>, StoreError> {
    let read = |row: &Cells<'_>| {
        Ok(OrderFacts {
            id: OrderId::new(row.int(0)?),
            user: UserId::new(row.int(1)?),
            status: meaning(row.get(2)?, OrderStatus::parse)?,
            total: row.money(3)?,
        })
    };
    db.first(FACTS, params![order.get()], read).await
}

const NEXT: &str = "SELECT nextval('payments_id_seq')";

/// A number that no other attempt gets.
pub(super) async fn take_number(db: &Db) -> Result<PaymentId, StoreError> {
    db.one(NEXT, params![], |row| row.int(0)).await.map(PaymentId::new)
}

const INSERT: &str = "
    INSERT INTO payments (id, order_id, gateway, reference, amount_minor, currency, status, received_minor, settles,
        expires_at, created_at, recorded_by)
    VALUES (coalesce($1, nextval('payments_id_seq')), $2, $3, $4, $5, $6, 'CREATED', 0, FALSE, $7, $8, $9)
    RETURNING id";

/// Writes an attempt that nobody has heard of and answers its number, a new one where it has none. What else it holds is
/// for [`write`].
pub(super) async fn insert(db: &Db, new: &Attempt) -> Result<PaymentId, StoreError> {
    let values = params![
        (new.id != UNBORN).then_some(new.id.get()),
        new.order.get(),
        new.gateway.as_str(),
        new.reference.as_str(),
        new.amount.minor(),
        new.currency.as_str(),
        new.expires_at.map(Timestamp::micros),
        new.created_at.micros(),
        new.recorded_by.map(UserId::get),
    ];
    db.one(INSERT, values, |row| row.int(0)).await.map(PaymentId::new)
}

/// The number of an attempt that is not written yet.
pub(super) const UNBORN: PaymentId = PaymentId::new(0);

const UPDATE: &str = "
    UPDATE payments SET their_id = $2, their_number = $3, link = $4, status = $5, received_minor = $6, settles = $7,
        review = $8, cancel_code = $9, expires_at = $10, their_time = $11, reserved_at = $12, paid_at = $13,
        ended_at = $14, compare_at = CASE WHEN $15 IS NOT NULL THEN coalesce(compare_at, $15) END
    WHERE id = $1";
// What is open is watched, unless a person has to look, and so is what has refunds on their way.
const WATCH: &str = "
    UPDATE payments SET next_check_at = CASE
        WHEN (status IN ('CREATED', 'PENDING') AND review IS NULL)
             OR EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = payments.id AND r.status = 'PENDING')
        THEN coalesce(next_check_at, $2) END
    WHERE id = $1 AND gateway <> 'manual'";

/// Writes an attempt as it is now.
pub(super) async fn write(db: &Db, attempt: &Attempt) -> Result<(), StoreError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
    let values = params![
        attempt.id.get(),
        attempt.their_id.as_ref().map(Name::as_str),
        attempt.their_number.as_ref().map(Name::as_str),
        attempt.link.as_deref(),
        attempt.status.as_str(),
        attempt.received.minor(),
        attempt.settles,
        attempt.review.map(ReviewReason::as_str),
        attempt.cancel_code,
        micros(attempt.expires_at),
        micros(attempt.their_time),
        micros(attempt.reserved_at),
        micros(attempt.paid_at),
        micros(attempt.ended_at),
        micros(attempt.paid_at.and_then(|paid_at| next_comparison(attempt, 0, paid_at))),
    ];
    db.run(UPDATE, values).await?;
    Ok(())
}

/// Decides anew whether and when an attempt is asked about.
pub(super) async fn watch(db: &Db, payment: PaymentId, first: Timestamp) -> Result<(), StoreError> {
    db.run(WATCH, params![payment.get(), first.micros()]).await?;
    Ok(())
}

// Whoever adds one holds the order, so nobody counts as many at the same time.
const INSERT_REFUND: &str = "
    INSERT INTO refunds (payment_id, reference, amount_minor, status, restock, begun_by, created_at, ended_at)
    SELECT p.id, p.reference || '-r' || (1 + (SELECT count(*) FROM refunds r WHERE r.payment_id = $1)), $2, $3, $4, $5, $6, $7
    FROM payments p WHERE p.id = $1
    RETURNING id";

/// A refund to write.
pub(super) struct NewRefund {
    pub(super) amount: i64,
    pub(super) status: RefundStatus,
    pub(super) restock: bool,
    pub(super) by: Option<UserId>,
}

/// Writes a refund under the next name of its attempt.
pub(super) async fn insert_refund(
    db: &Db,
    payment: PaymentId,
    new: &NewRefund,
    now: Timestamp,
) -> Result<RefundId, StoreError> {
    let ended = (new.status != RefundStatus::Pending).then_some(now.micros());
    let (status, by) = (new.status.as_str(), new.by.map(UserId::get));
    let values = params![payment.get(), new.amount, status, new.restock, by, now.micros(), ended];
    db.one(INSERT_REFUND, values, |row| row.int(0)).await.map(RefundId::new)
}
