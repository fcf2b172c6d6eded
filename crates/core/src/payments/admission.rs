//! Who may begin to pay what: attempts that buyers open, and transactions that gateways begin by themselves.

use thiserror::Error;

use super::rules::Refusal;
use super::{Attempt, AttemptStatus, Currency, Gateway, Name, OrderFacts};
use crate::orders::OrderStatus;
use crate::types::{Money, OrderId, PaymentId, Timestamp, UserId};

/// What a client's idea of the amount may differ from the order's total by: a soum, as front-ends send whole ones.
pub const TOLERANCE: Money = Money::from_minor(100);

/// Whether a buyer gets a link again or a new attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// This one is open already.
    Again(PaymentId),
    /// A new one.
    New,
}

/// Why nobody may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenRefusal {
    /// The order is somebody else's; admins pay for nobody either.
    #[error("the order is somebody else's")]
    NotYours,
    /// The order's money went back.
    #[error("the order is refunded")]
    Refunded,
    /// The order is paid.
    #[error("the order is paid")]
    Paid,
    /// The order was given up.
    #[error("the order is cancelled")]
    Cancelled,
    /// There is nothing to pay.
    #[error("the order's total is zero")]
    Zero,
    /// What the client thinks it pays is not the order's total.
    #[error("the amount is not the order's")]
    AmountDisagrees,
    /// Money came that waits for a person; more would only make it worse.
    #[error("a payment of the order waits for a person")]
    InReview,
}

/// Decides whether a buyer may pay an order through a gateway. What is charged is the order's total; `claimed`, the
/// client's own idea of it, is only ever compared.
///
/// # Errors
/// [`OpenRefusal`], in the order of its variants.
pub fn judge_open(
    buyer: UserId,
    order: &OrderFacts,
    attempts: &[Attempt],
    gateway: Gateway,
    claimed: Option<Money>,
    now: Timestamp,
) -> Result<Opening, OpenRefusal> {
    if order.user != buyer {
        return Err(OpenRefusal::NotYours);
    }
    match order.status {
        OrderStatus::Refunded => return Err(OpenRefusal::Refunded),
        OrderStatus::Paid => return Err(OpenRefusal::Paid),
        OrderStatus::Cancelled => return Err(OpenRefusal::Cancelled),
        OrderStatus::Pending => {}
    }
    if order.total <= Money::ZERO {
        return Err(OpenRefusal::Zero);
    }
    if claimed.is_some_and(|claimed| !agrees(claimed, order.total)) {
        return Err(OpenRefusal::AmountDisagrees);
    }
    if attempts.iter().any(|attempt| attempt.review.is_some()) {
        return Err(OpenRefusal::InReview);
    }
    let usable = |attempt: &&Attempt| attempt.gateway == gateway && attempt.is_usable(now);
    Ok(attempts.iter().filter(usable).map(|a| a.id).max().map_or(Opening::New, Opening::Again))
}

fn agrees(claimed: Money, total: Money) -> bool {
    claimed.minor().abs_diff(total.minor()) <= TOLERANCE.minor().unsigned_abs()
}

/// A transaction that a gateway asks to begin (Payme's Create, Click's Prepare).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Whose it is.
    pub gateway: Gateway,
    /// The gateway's name for it.
    pub their_id: Name,
    /// The number under which its payer knows it, where that is another one.
    pub their_number: Option<Name>,
    /// The order that it is to pay.
    pub order: OrderId,
    /// What it is to take.
    pub amount: Money,
    /// The gateway's own time of it.
    pub their_time: Option<Timestamp>,
    /// Until when it may be performed.
    pub expires_at: Option<Timestamp>,
}

/// What becomes of a transaction that a gateway asks to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It has begun before: answer as the first time.
    Again(PaymentId),
    /// It is the attempt that the buyer opened for it; written so.
    Bind(Box<Attempt>),
    /// It is a new attempt.
    New,
    /// No.
    Refused(Refusal),
    /// No, and the attempt's time has run out; written so.
    Overdue(Box<Attempt>),
}

/// Decides about a transaction. `same` is the attempt by the gateway's name for it, of whatever order; `attempts` are all
/// of the order's.
pub fn admit(
    order: Option<&OrderFacts>,
    attempts: &[Attempt],
    same: Option<&Attempt>,
    asked: &Transaction,
    now: Timestamp,
) -> Admission {
    if let Some(same) = same {
        return admit_again(same, asked, now);
    }
    if let Err(refusal) = judge_payable(order, Some(asked.amount)) {
        return Admission::Refused(refusal);
    }
    if asked.expires_at.is_some_and(|end| now >= end) {
        return Admission::Refused(Refusal::Overdue);
    }
    let others = || attempts.iter().filter(|attempt| attempt.gateway == asked.gateway);
    if attempts.iter().any(|attempt| attempt.review.is_some()) {
        return Admission::Refused(Refusal::InReview);
    }
    let holds = |attempt: &Attempt| attempt.their_id.is_some() && attempt.is_usable(now);
    if asked.gateway.holds_orders_alone() && others().any(holds) {
        return Admission::Refused(Refusal::Busy);
    }
    let waits = |attempt: &&Attempt| attempt.their_id.is_none() && attempt.is_usable(now);
    match others().filter(waits).max_by_key(|attempt| attempt.id) {
        Some(open) => Admission::Bind(Box::new(bound(open, asked, now))),
        None => Admission::New,
    }
}

fn admit_again(same: &Attempt, asked: &Transaction, now: Timestamp) -> Admission {
    if !same.status.is_open() {
        Admission::Refused(Refusal::Ended(same.status))
    } else if same.is_overdue(now) {
        let ended = Attempt { status: AttemptStatus::Expired, ended_at: Some(now), ..same.clone() };
        Admission::Overdue(Box::new(ended))
    } else if same.order != asked.order {
        Admission::Refused(Refusal::NoSuchOrder)
    } else if same.amount != asked.amount {
        Admission::Refused(Refusal::WrongAmount)
    } else {
        Admission::Again(same.id)
    }
}

/// Whether an order can be paid at this moment, with this amount if one is told (Payme's Check).
///
/// # Errors
/// [`Refusal::NoSuchOrder`], then [`Refusal::NotPayable`], then [`Refusal::WrongAmount`].
pub fn judge_payable(order: Option<&OrderFacts>, amount: Option<Money>) -> Result<(), Refusal> {
    let order = order.ok_or(Refusal::NoSuchOrder)?;
    if order.status != OrderStatus::Pending || order.total <= Money::ZERO {
        return Err(Refusal::NotPayable(order.status));
    }
    match amount {
        Some(amount) if amount != order.total => Err(Refusal::WrongAmount),
        _ => Ok(()),
    }
}

/// The attempt as the gateway holds it.
pub fn bound(attempt: &Attempt, asked: &Transaction, now: Timestamp) -> Attempt {
    Attempt {
        status: AttemptStatus::Pending,
        their_id: Some(asked.their_id.clone()),
        their_number: asked.their_number.clone(),
        their_time: asked.their_time,
        expires_at: asked.expires_at,
        reserved_at: Some(now),
        ..attempt.clone()
    }
}

/// An attempt that nobody has heard of yet.
pub const fn created(
    id: PaymentId,
    order: &OrderFacts,
    gateway: Gateway,
    reference: Name,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Attempt {
    Attempt {
        id,
        order: order.id,
        gateway,
        reference,
        their_id: None,
        their_number: None,
        link: None,
        amount: order.total,
        currency: Currency::Uzs,
        status: AttemptStatus::Created,
        received: Money::ZERO,
        settles: false,
        review: None,
        cancel_code: None,
        expires_at,
        their_time: None,
        created_at: now,
        reserved_at: None,
        paid_at: None,
        ended_at: None,
        recorded_by: None,
    }
}

/// Whether an order has to wait with its end (expiry, cancelling, deletion) until this attempt is decided: a gateway
/// holds it open, or may. One that was opened at a gateway which has not asked for it yet holds nothing.
pub const fn holds_order(attempt: &Attempt) -> bool {
    let may_be_held = matches!(attempt.gateway, Gateway::Octo) || attempt.their_id.is_some();
    attempt.status.is_open() && may_be_held
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
