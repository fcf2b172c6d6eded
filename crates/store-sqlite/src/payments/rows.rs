//! How attempts and refunds are read and written.

use rusqlite::params;
use slippers_core::StoreError;
use slippers_core::orders::OrderStatus;
use slippers_core::payments::checks::next_comparison;
use slippers_core::payments::{
    Attempt, AttemptStatus, Currency, Gateway, Name, OrderFacts, Refund, RefundStatus, ReviewReason, Subject,
};
use slippers_core::types::{OrderId, PaymentId, RefundId, Timestamp, UserId};

use crate::db::{Cells, Db, time};

macro_rules! select_payment {
    () => {
        "SELECT p.id, p.order_id, p.gateway, p.reference, p.their_id, p.their_number, p.link, p.amount_minor, \
                p.currency, p.status, p.received_minor, p.settles, p.review, p.cancel_code, p.expires_at, \
                p.their_time, p.created_at, p.reserved_at, p.paid_at, p.ended_at, p.recorded_by \
         FROM payments p "
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
    row.get::<Option<String>>(at)?.map(|text| name(&text)).transpose()
}

pub(super) fn maybe_time(row: &Cells<'_>, at: usize) -> Result<Option<Timestamp>, StoreError> {
    row.get::<Option<i64>>(at)?.map(time).transpose()
}

pub(super) fn read_attempt(row: &Cells<'_>) -> Result<Attempt, StoreError> {
    let review = row.get::<Option<String>>(12)?;
    Ok(Attempt {
        id: PaymentId::new(row.int(0)?),
        order: OrderId::new(row.int(1)?),
        gateway: meaning(&row.text(2)?, Gateway::parse)?,
        reference: name(&row.text(3)?)?,
        their_id: maybe_name(row, 4)?,
        their_number: maybe_name(row, 5)?,
        link: row.get(6)?,
        amount: row.money(7)?,
        currency: meaning(&row.text(8)?, Currency::parse)?,
        status: meaning(&row.text(9)?, AttemptStatus::parse)?,
        received: row.money(10)?,
        settles: row.flag(11)?,
        review: review.map(|text| meaning(&text, ReviewReason::parse)).transpose()?,
        cancel_code: row.get(13)?,
        expires_at: maybe_time(row, 14)?,
        their_time: maybe_time(row, 15)?,
        created_at: row.time(16)?,
        reserved_at: maybe_time(row, 17)?,
        paid_at: maybe_time(row, 18)?,
        ended_at: maybe_time(row, 19)?,
        recorded_by: row.get::<Option<i64>>(20)?.map(UserId::new),
    })
}

fn read_refund(row: &Cells<'_>) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: RefundId::new(row.int(0)?),
        payment: PaymentId::new(row.int(1)?),
        reference: name(&row.text(2)?)?,
        their_id: maybe_name(row, 3)?,
        amount: row.money(4)?,
        status: meaning(&row.text(5)?, RefundStatus::parse)?,
        restock: row.flag(6)?,
        begun_by: row.get::<Option<i64>>(7)?.map(UserId::new),
        created_at: row.time(8)?,
        ended_at: maybe_time(row, 9)?,
    })
}

const BY_REFERENCE: &str = concat!(select_payment!(), "WHERE p.reference = ?2 AND p.gateway = ?1");
const BY_THEIR_ID: &str = concat!(select_payment!(), "WHERE p.gateway = ?1 AND p.their_id = ?2");
const BY_NUMBER: &str = concat!(select_payment!(), "WHERE p.id = ?2 AND p.gateway = ?1");

pub(super) fn find(db: &Db<'_>, gateway: Gateway, subject: &Subject) -> Result<Option<Attempt>, StoreError> {
    let gateway = gateway.as_str();
    match subject {
        Subject::Reference(name) => db.first(BY_REFERENCE, (gateway, name.as_str()), read_attempt),
        Subject::TheirId(name) => db.first(BY_THEIR_ID, (gateway, name.as_str()), read_attempt),
        Subject::Number(id) => db.first(BY_NUMBER, (gateway, id.get()), read_attempt),
    }
}

const BY_ID: &str = concat!(select_payment!(), "WHERE p.id = ?1");

pub(super) fn by_id(db: &Db<'_>, id: PaymentId) -> Result<Option<Attempt>, StoreError> {
    db.first(BY_ID, [id.get()], read_attempt)
}

const OF_ORDER: &str = concat!(select_payment!(), "WHERE p.order_id = ?1 ORDER BY p.id");

pub(super) fn of_order(db: &Db<'_>, order: OrderId) -> Result<Vec<Attempt>, StoreError> {
    db.all(OF_ORDER, [order.get()], read_attempt)
}

const REFUNDS_OF: &str = concat!(select_refund!(), "WHERE r.payment_id = ?1 ORDER BY r.id");

pub(super) fn refunds_of(db: &Db<'_>, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
    db.all(REFUNDS_OF, [payment.get()], read_refund)
}

const REFUND_BY_ID: &str = concat!(select_refund!(), "WHERE r.id = ?1");

pub(super) fn refund_by_id(db: &Db<'_>, id: RefundId) -> Result<Option<Refund>, StoreError> {
    db.first(REFUND_BY_ID, [id.get()], read_refund)
}

const FACTS: &str = "SELECT id, user_id, status, total_minor FROM orders WHERE id = ?1";

pub(super) fn facts(db: &Db<'_>, order: OrderId) -> Result<Option<OrderFacts>, StoreError> {
    db.first(FACTS, [order.get()], |row| {
        Ok(OrderFacts {
            id: OrderId::new(row.int(0)?),
            user: UserId::new(row.int(1)?),
            status: meaning(&row.text(2)?, OrderStatus::parse)?,
            total: row.money(3)?,
        })
    })
}

const INSERT: &str = "
    INSERT INTO payments (order_id, gateway, reference, amount_minor, currency, status, received_minor, settles,
        expires_at, created_at, recorded_by)
    VALUES (?1, ?2, ?3, ?4, ?5, 'CREATED', 0, 0, ?6, ?7, ?8)";

/// Writes an attempt that nobody has heard of and answers its number. What else it holds is for [`write`].
pub(super) fn insert(db: &Db<'_>, new: &Attempt) -> Result<PaymentId, StoreError> {
    let values = params![
        new.order.get(),
        new.gateway.as_str(),
        new.reference.as_str(),
        new.amount.minor(),
        new.currency.as_str(),
        new.expires_at.map(Timestamp::micros),
        new.created_at.micros(),
        new.recorded_by.map(UserId::get),
    ];
    db.insert(INSERT, values).map(PaymentId::new)
}

const UPDATE: &str = "
    UPDATE payments SET their_id = ?2, their_number = ?3, link = ?4, status = ?5, received_minor = ?6, settles = ?7,
        review = ?8, cancel_code = ?9, expires_at = ?10, their_time = ?11, reserved_at = ?12, paid_at = ?13,
        ended_at = ?14, compare_at = CASE WHEN ?15 IS NOT NULL THEN coalesce(compare_at, ?15) END
    WHERE id = ?1";
// What is open is watched, unless a person has to look, and so is what has refunds on their way.
const WATCH: &str = "
    UPDATE payments SET next_check_at = CASE
        WHEN (status IN ('CREATED', 'PENDING') AND review IS NULL)
             OR EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = payments.id AND r.status = 'PENDING')
        THEN coalesce(next_check_at, ?2) END
    WHERE id = ?1 AND gateway <> 'manual'";

/// Writes an attempt as it is now.
pub(super) fn write(db: &Db<'_>, attempt: &Attempt) -> Result<(), StoreError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::micros);
    let values = params![
        attempt.id.get(),
        attempt.their_id.as_ref().map(Name::as_str),
        attempt.their_number.as_ref().map(Name::as_str),
        attempt.link,
        attempt.status.as_str(),
        attempt.received.minor(),
        i64::from(attempt.settles),
        attempt.review.map(ReviewReason::as_str),
        attempt.cancel_code,
        micros(attempt.expires_at),
        micros(attempt.their_time),
        micros(attempt.reserved_at),
        micros(attempt.paid_at),
        micros(attempt.ended_at),
        micros(attempt.paid_at.and_then(|paid_at| next_comparison(attempt, 0, paid_at))),
    ];
    db.run(UPDATE, values)?;
    Ok(())
}

/// Decides anew whether and when an attempt is asked about.
pub(super) fn watch(db: &Db<'_>, payment: PaymentId, first: Timestamp) -> Result<(), StoreError> {
    db.run(WATCH, (payment.get(), first.micros()))?;
    Ok(())
}

const INSERT_REFUND: &str = "
    INSERT INTO refunds (payment_id, reference, amount_minor, status, restock, begun_by, created_at, ended_at)
    SELECT ?1, p.reference || '-r' || (1 + (SELECT count(*) FROM refunds r WHERE r.payment_id = ?1)), ?2, ?3, ?4, ?5, ?6, ?7
    FROM payments p WHERE p.id = ?1";

/// A refund to write.
pub(super) struct NewRefund {
    pub(super) amount: i64,
    pub(super) status: RefundStatus,
    pub(super) restock: bool,
    pub(super) by: Option<UserId>,
}

/// Writes a refund under the next name of its attempt.
pub(super) fn insert_refund(
    db: &Db<'_>,
    payment: PaymentId,
    new: &NewRefund,
    now: Timestamp,
) -> Result<RefundId, StoreError> {
    let ended = (new.status != RefundStatus::Pending).then_some(now.micros());
    let (status, by) = (new.status.as_str(), new.by.map(UserId::get));
    let values = (payment.get(), new.amount, status, i64::from(new.restock), by, now.micros(), ended);
    db.insert(INSERT_REFUND, values).map(RefundId::new)
}
