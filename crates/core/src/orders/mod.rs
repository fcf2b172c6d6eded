//! Orders: what was bought, at which price, and where it stands.

pub mod lifecycle;
pub mod rules;
mod store;

pub use store::{Idempotency, OrderError, OrderStore, PlaceError, PlaceFromCart};

use crate::types::{Money, OrderId, OrderLineId, SlipperId, Timestamp, UserId};

/// The most characters of an order's notes.
pub const MAX_NOTES: usize = 500;
/// The most orders that one answer lists.
pub const MAX_LISTED: i64 = 1000;
/// The most lines that one answer lists, but for the order that reaches it: some 4 MB of JSON. A thousand orders of a
/// thousand lines would be 180 MB.
pub const MAX_LISTED_LINES: usize = 20_000;
/// Seconds for which an idempotency key is honoured: a day.
pub const KEY_SECONDS: i64 = 24 * 3600;

/// Where an order stands. Pending and paid orders hold their stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Placed, its stock reserved, not paid.
    Pending,
    /// Paid.
    Paid,
    /// Paid once, and the money given back.
    Refunded,
    /// Given up before it was paid.
    Cancelled,
}

impl OrderStatus {
    /// Every status, in the order in which messages name them.
    pub const ALL: [OrderStatus; 4] = [Self::Pending, Self::Paid, Self::Refunded, Self::Cancelled];

    /// Its name in the API and in the databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Paid => "PAID",
            Self::Refunded => "REFUNDED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The status of this name, which is matched to the letter.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What the latest payment of an order came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentOutcome {
    /// The money came.
    Paid,
    /// The money went back.
    Refunded,
}

impl PaymentOutcome {
    /// Its name in the databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "PAID",
            Self::Refunded => "REFUNDED",
        }
    }

    /// The outcome of this name, which is matched to the letter.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Paid, Self::Refunded].into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// An order as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub user: UserId,
    /// Their present name and surname, with a blank between; [`DELETED_USER`](crate::accounts::DELETED_USER) once they
    /// were deleted.
    pub user_name: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// The sum of its lines, nothing else.
    pub total: Money,
    /// What the buyer or an admin wrote, at most [`MAX_NOTES`] characters.
    pub notes: Option<String>,
    /// What its latest payment came to; `None` while there was none.
    pub payment: Option<PaymentOutcome>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Its lines by id, one a product.
    pub lines: Vec<OrderLine>,
}

/// A line of an order: a copy of the product as it was, which outlives the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Its number.
    pub id: OrderLineId,
    /// The product, which may be gone by now.
    pub slipper: SlipperId,
    /// Pairs, at least 1.
    pub quantity: i64,
    /// The price of one pair when the order was placed.
    pub unit_price: Money,
    /// Unit price times quantity.
    pub total: Money,
    /// A note on this line.
    pub notes: Option<String>,
    /// The product's name then.
    pub name: String,
    /// Its size then.
    pub size: String,
    /// Its picture's path then; may be empty.
    pub image: String,
}

/// Which orders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// Only this user's; `None` = everybody's.
    pub of: Option<UserId>,
    /// Only those whose latest payment came to something.
    pub with_outcome: bool,
    /// Only orders with a smaller number.
    pub before: Option<OrderId>,
    /// At most so many, 1..=[`MAX_LISTED`].
    pub max: i64,
}

/// The newest of the orders asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderList {
    /// Newest first, by number.
    pub orders: Vec<Order>,
    /// How many there are in all, whatever `before` and `max` say.
    pub total: i64,
}

/// What somebody wants to change of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderChange {
    /// Another status.
    pub status: Option<OrderStatus>,
    /// A total was sent; nobody may set one.
    pub sets_total: bool,
    /// Other notes; `Some(None)` takes them away.
    pub notes: Option<Option<String>>,
    /// Whether a refund gives the stock back.
    pub restock: bool,
}
