//! What the rules answer: what to tell a gateway, and what is to be written.

use thiserror::Error;

use super::ledger::Posting;
use super::{Attempt, AttemptStatus, RefundStatus, ReviewReason};
use crate::orders::OrderStatus;
use crate::types::{Money, RefundId};

/// What comes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to tell who brought it.
    pub answer: Answer,
    /// What is to be written, in one transaction; `None` = nothing but the event itself.
    pub step: Option<Box<Step>>,
}

/// What to tell who brought an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It happened now.
    Done,
    /// It had happened before: answer as the first time.
    Already,
    /// It says nothing new, or something that was overtaken.
    Stale,
    /// It is too early to conclude anything from it.
    NotYet,
    /// Ask the gateway for the status of the attempt; that answer is an event of its own.
    Ask,
    /// The gateway holds the money: tell it to take it.
    Capture,
    /// The gateway holds the money: tell it to let it go.
    Release,
    /// No: the gateway must not do what it asked.
    Refused(Refusal),
    /// It waits for a person.
    Quarantined(ReviewReason),
}

impl Answer {
    /// Its name in the log of events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Stale => "stale",
            Self::NotYet => "not_yet",
            Self::Ask => "ask",
            Self::Capture => "capture",
            Self::Release => "release",
            Self::Refused(_) => "refused",
            Self::Quarantined(reason) => reason.as_str(),
        }
    }
}

/// Why a gateway is told no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No order has this number.
    #[error("no such order")]
    NoSuchOrder,
    /// No attempt is known by this name.
    #[error("no such payment")]
    NoSuchPayment,
    /// Another amount than the order's.
    #[error("the amount is not the order's")]
    WrongAmount,
    /// The order is paid, refunded or given up.
    #[error("the order is {}", .0.as_str())]
    NotPayable(OrderStatus),
    /// Another transaction of the gateway holds the order.
    #[error("another transaction holds the order")]
    Busy,
    /// Its time was over.
    #[error("the time to pay is over")]
    Overdue,
    /// It ended before.
    #[error("the payment is {}", .0.as_str())]
    Ended(AttemptStatus),
    /// The money can't go back this way: a refund is on its way, or a person has to look first.
    #[error("the money can't be returned this way")]
    CantReturn,
    /// A person has to look at it first.
    #[error("the payment waits for a person")]
    InReview,
}

/// What an event writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The attempt as it is then.
    pub attempt: Attempt,
    /// What becomes of its refunds.
    pub refunds: Vec<RefundStep>,
    /// What becomes of the order, in this order. Each has a notice in the outbox, and so has a review that begins.
    pub order: Vec<OrderStep>,
    /// What the ledger gets.
    pub postings: Vec<Posting>,
}

/// What becomes of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStep {
    /// It is decided.
    Decide(RefundId, RefundStatus),
    /// It was made at the gateway, not by us: a row of its own that has succeeded.
    Elsewhere {
        /// How much.
        amount: Money,
    },
}

/// What becomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStep {
    /// It is paid. The buyer's cart is emptied if it is still at the version that the order was made from.
    Pay,
    /// It is refunded.
    Refund {
        /// Whether its stock goes back on the shelf.
        restock: bool,
    },
}

impl Decision {
    /// Tells something and writes nothing.
    pub(super) const fn told(answer: Answer) -> Self {
        Self { answer, step: None }
    }

    /// Writes an attempt, and nothing else yet.
    pub(super) fn moved(answer: Answer, attempt: Attempt) -> Self {
        let (refunds, order, postings) = (Vec::new(), Vec::new(), Vec::new());
        Self { answer, step: Some(Box::new(Step { attempt, refunds, order, postings })) }
    }

    /// Leaves all as it is but for the mark that a person has to look; a mark that is there stays, so the first reason
    /// is the one that is seen.
    pub(super) fn quarantined(attempt: &Attempt, reason: ReviewReason) -> Self {
        let answer = Answer::Quarantined(reason);
        match attempt.review {
            Some(_) => Self::told(answer),
            None => Self::moved(answer, Attempt { review: Some(reason), ..attempt.clone() }),
        }
    }
}
