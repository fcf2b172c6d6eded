//! Attempts and refunds as they stand.

use super::names::{Currency, Gateway, Name};
use crate::orders::OrderStatus;
use crate::types::{Money, OrderId, PaymentId, RefundId, Timestamp, UserId};

/// Makes an enum whose variants have names for databases and answers.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// Its name in answers and in the databases.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }

            /// The one of this name, which is matched to the letter.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    };
}

named! {
    /// Where an attempt stands.
    AttemptStatus {
        /// Written down before the gateway was called; whether it knows of it is not known yet.
        Created => "CREATED",
        /// The gateway holds it open: the buyer may still pay.
        Pending => "PENDING",
        /// The money came. It never falls back from here; only a refund moves it on.
        Paid => "PAID",
        /// The gateway did not take it on, or the buyer's bank refused.
        Failed => "FAILED",
        /// The gateway gave it up, by its own word.
        Cancelled => "CANCELLED",
        /// Its time ran out by our clock, and the gateway, where it can be asked, knew of no such payment.
        Expired => "EXPIRED",
        /// All of the money went back.
        Refunded => "REFUNDED",
    }
}

impl AttemptStatus {
    /// Whether the gateway may still bring money without contradicting itself.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Pending)
    }

    /// Whether money came.
    pub const fn has_money(self) -> bool {
        matches!(self, Self::Paid | Self::Refunded)
    }
}

named! {
    /// Why a person has to look at an attempt.
    ReviewReason {
        /// The gateway took another amount than was asked for.
        WrongAmount => "wrong_amount",
        /// The gateway took another currency than was asked for.
        WrongCurrency => "wrong_currency",
        /// The order is paid already; this money pays nothing.
        SecondPayment => "second_payment",
        /// The order was given up before the money came.
        LatePayment => "late_payment",
        /// The gateway took back its own final word.
        Contradiction => "contradiction",
        /// The gateway names a payment of its own that is not the one we know.
        ForeignId => "foreign_id",
        /// More went back than is known to have been sent back, and which part of it is ours can't be told.
        RefundUnclear => "refund_unclear",
        /// A gateway is sure of a payment that we never made.
        UnknownPayment => "unknown_payment",
    }
}

/// An attempt to pay an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number; Click knows it as `merchant_prepare_id`.
    pub id: PaymentId,
    /// The order to pay.
    pub order: OrderId,
    /// Who takes the money.
    pub gateway: Gateway,
    /// Our own name for it at the gateway, unique for ever and written down before the gateway hears of it: the key by
    /// which a repeated call is recognised there.
    pub reference: Name,
    /// The gateway's name for it, once it has one.
    pub their_id: Option<Name>,
    /// The number under which the gateway's payer and its other calls know it, where that is another one (Click's
    /// `click_paydoc_id`).
    pub their_number: Option<Name>,
    /// Where the buyer pays, once the gateway said so.
    pub link: Option<String>,
    /// What is asked for: the order's total when the attempt was opened. Positive.
    pub amount: Money,
    /// Its currency.
    pub currency: Currency,
    /// Where it stands.
    pub status: AttemptStatus,
    /// What the gateway took, refunds not subtracted; zero while nothing came.
    pub received: Money,
    /// Whether its money pays the order. At most one attempt of an order does.
    pub settles: bool,
    /// Why a person has to look at it; `None` = nobody has to.
    pub review: Option<ReviewReason>,
    /// The gateway's own number for why it was given up (Payme's `reason`).
    pub cancel_code: Option<i64>,
    /// Until when the buyer may pay; `None` = the gateway alone knows.
    pub expires_at: Option<Timestamp>,
    /// The gateway's own time of the transaction (Payme's `time`, by which statements are asked for).
    pub their_time: Option<Timestamp>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When the gateway reserved it ([`Report`](super::Report) says how).
    pub reserved_at: Option<Timestamp>,
    /// When the money came.
    pub paid_at: Option<Timestamp>,
    /// When it was given up, or all of the money had gone back.
    pub ended_at: Option<Timestamp>,
    /// Who recorded it by hand; `None` = a gateway took it.
    pub recorded_by: Option<UserId>,
}

impl Attempt {
    /// Whether its time has run out by `now`.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }

    /// Whether its link may be given to the buyer again.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.status.is_open() && self.review.is_none() && !self.is_overdue(now)
    }
}

named! {
    /// Where a refund stands.
    RefundStatus {
        /// Written down; the gateway was asked or is about to be, and has not said that the money went. Unknown is pending.
        Pending => "PENDING",
        /// The money went back.
        Succeeded => "SUCCEEDED",
        /// The gateway refused; the money stayed.
        Failed => "FAILED",
    }
}

/// Money on its way back: all of an attempt's, or a part, as gateways bound what one call may return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Its number.
    pub id: RefundId,
    /// The attempt whose money it is.
    pub payment: PaymentId,
    /// Our own name for it at the gateway, written down before the call and never made anew: a repeated call with it
    /// returns the money once.
    pub reference: Name,
    /// The gateway's name for it, once it has one.
    pub their_id: Option<Name>,
    /// How much. Positive.
    pub amount: Money,
    /// Where it stands.
    pub status: RefundStatus,
    /// Whether the order's stock goes back on the shelf once all of its money went back.
    pub restock: bool,
    /// Who began it; `None` = it was made at the gateway, not by us.
    pub begun_by: Option<UserId>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it was decided.
    pub ended_at: Option<Timestamp>,
}

/// What payments have to know of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub user: UserId,
    /// Where it stands.
    pub status: OrderStatus,
    /// The sum of its lines.
    pub total: Money,
}
