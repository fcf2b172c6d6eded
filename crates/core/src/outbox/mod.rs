//! What happened to orders and payments and is told to others: each event is written with what happened, in the same
//! transaction, and delivered to whoever subscribed to its kind, at least once.

pub mod rules;
mod store;

pub use store::{
    DeadLetter, DeadLetterQuery, MAX_DEAD_LETTERS_LISTED, OutboxStore, OutboxSurvey, Outcome, Subscription,
};

use crate::payments::{Currency, Gateway, ReviewReason};
use crate::types::{DeliveryId, EventId, Money, OrderId, PaymentId, Timestamp};

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// An order was placed.
    OrderPlaced,
    /// A pending order was given up, by its owner or by an admin.
    OrderCancelled,
    /// A pending order was given up because nobody paid it in time.
    OrderExpired,
    /// Money came and pays an order.
    PaymentPaid,
    /// An attempt to pay ended without money.
    PaymentFailed,
    /// Money went back to the buyer, all or a part.
    PaymentRefunded,
    /// A person has to look at a payment.
    PaymentNeedsReview,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::OrderPlaced,
        Self::OrderCancelled,
        Self::OrderExpired,
        Self::PaymentPaid,
        Self::PaymentFailed,
        Self::PaymentRefunded,
        Self::PaymentNeedsReview,
    ];

    /// Its name in the databases and for receivers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order.placed",
            Self::OrderCancelled => "order.cancelled",
            Self::OrderExpired => "order.expired",
            Self::PaymentPaid => "payment.paid",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentRefunded => "payment.refunded",
            Self::PaymentNeedsReview => "payment.needs_review",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The payment that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentPart {
    /// Which attempt.
    pub id: PaymentId,
    /// Who takes its money.
    pub gateway: Gateway,
    /// Why a person has to look at it.
    pub review: Option<ReviewReason>,
}

/// What happened, as it was then. It holds nobody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What kind of thing.
    pub kind: EventKind,
    /// To which order.
    pub order: OrderId,
    /// To which payment of it; `None` = to the order alone.
    pub payment: Option<PaymentPart>,
    /// The order's total; of a payment what was asked for, came or went back.
    pub amount: Money,
    /// Its currency.
    pub currency: Currency,
    /// When.
    pub at: Timestamp,
}

/// Who is told: an opaque name that stays the same over restarts. It is shown to admins and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(String);

impl Target {
    /// The target of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event on its way to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// The event's: the same for every target and however often it is tried.
    pub event: EventId,
    /// What happened.
    pub notice: Notice,
    /// Which try this is, from 1. After a replay it is counted anew.
    pub attempt: i64,
}
