//! What a database promises of payments.

use async_trait::async_trait;
use thiserror::Error;

use super::admission::{OpenRefusal, Transaction};
use super::ledger::Balances;
use super::refunds::{RefundBounds, RefundRefusal};
use super::rules::{Answer, Refusal};
use super::{Attempt, EventRecord, Gateway, Name, OrderFacts, PaymentEvent, Refund, RefundStatus, Subject};
use crate::orders::rules::WantedLine;
use crate::orders::{Order, PlaceError};
use crate::store::StoreError;
use crate::types::{Money, OrderId, PaymentId, RefundId, Timestamp, UserId};

/// What a buyer wants to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This order.
    Order(OrderId),
    /// A new order of what is in the cart, which keeps its lines.
    Cart,
    /// A new order of these products, joined and clamped as [`consolidate`](crate::orders::rules::consolidate) says.
    Items(Vec<WantedLine>),
}

/// An attempt to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAttempt {
    /// Who pays.
    pub buyer: UserId,
    /// What.
    pub source: Source,
    /// Through whom; not [`Gateway::Manual`].
    pub gateway: Gateway,
    /// Our name for it, drawn at random, should it be new.
    pub reference: Name,
    /// What the client thinks it pays; only ever compared.
    pub claimed: Option<Money>,
    /// Until when the link will be good, should it be new.
    pub expires_at: Option<Timestamp>,
    /// The most pending orders that a user may have; 0 = no limit.
    pub max_open: i64,
    /// The most pairs that one line counts for.
    pub max_quantity: i64,
}

/// An attempt that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The attempt. Without a link it has yet to be made at the gateway, under its reference.
    pub attempt: Attempt,
    /// Its order.
    pub order: Order,
    /// Whether it was opened now.
    pub is_new: bool,
}

/// Why no attempt was opened. Nothing was changed: an order that would have been made for it is not there.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No order bears this number.
    #[error("no such order")]
    OrderNotFound,
    /// The order can't be paid so.
    #[error(transparent)]
    Refused(OpenRefusal),
    /// The order could not be placed.
    #[error(transparent)]
    Place(PlaceError),
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What to tell who brought it.
    pub answer: Answer,
    /// The attempt as it is now; `None` when there is none.
    pub attempt: Option<Attempt>,
    /// Whether something was written besides the log. Then what caches hold of the order's products is old.
    pub is_changed: bool,
}

/// A transaction that a gateway asks to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// What it asks for.
    pub transaction: Transaction,
    /// Our name for the attempt, drawn at random, should it be new.
    pub reference: Name,
}

/// What became of a transaction that a gateway asked to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It has begun, now or before: answer as the first time, with the attempt's own times.
    Held(Box<Attempt>),
    /// No.
    Refused(Refusal),
}

/// A refund to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginRefund {
    /// The order whose money goes back.
    pub order: OrderId,
    /// How much; `None` = all that is left.
    pub amount: Option<Money>,
    /// Whether the stock goes back on the shelf once all money went back.
    pub restock: bool,
    /// Who wants it.
    pub by: UserId,
    /// What bounds the gateway's refunds.
    pub bounds: RefundBounds,
}

/// Why no refund was begun. Nothing was changed.
#[derive(Debug, Error)]
pub enum RefundError {
    /// No order bears this number.
    #[error("no such order")]
    OrderNotFound,
    /// No attempt of the order brought money.
    #[error("the order was not paid")]
    NotPaid,
    /// The rules forbid it.
    #[error(transparent)]
    Refused(RefundRefusal),
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was recorded by hand. Nothing was changed.
#[derive(Debug, Error)]
pub enum ManualRecordError {
    /// No order bears this number.
    #[error("no such order")]
    OrderNotFound,
    /// The order can't be paid so.
    #[error(transparent)]
    Refused(Refusal),
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attempt to ask the gateway about, and its refunds that are on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// Its pending refunds, by number; a call with a refund's reference is to be made again for each.
    pub refunds: Vec<Refund>,
}

/// Which transactions a gateway wants listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementQuery {
    /// Whose.
    pub gateway: Gateway,
    /// From this time of theirs on.
    pub from: Timestamp,
    /// Up to and with this one.
    pub to: Timestamp,
}

/// Which attempts an admin wants listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentQuery {
    /// Only of this order.
    pub order: Option<OrderId>,
    /// Only those that wait for a person.
    pub in_review: bool,
    /// Only attempts with a smaller number.
    pub before: Option<PaymentId>,
    /// At most so many, 1..=1000.
    pub max: i64,
}

/// What of the payments waits, for those who run the shop. Each count stops at [`MAX_SURVEYED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaymentSurvey {
    /// Attempts that are open, or have refunds on their way.
    pub undecided: i64,
    /// Attempts that wait for a person.
    pub in_review: i64,
    /// Since when something should have been decided: the earliest moment at which the time of an open attempt was over,
    /// or at which a refund that is still on its way was begun. `None` = nothing is late.
    pub late_since: Option<Timestamp>,
}

/// The most that a survey counts.
pub const MAX_SURVEYED: i64 = 10_000;

/// Payments in a database.
///
/// - Every verb that writes locks the order, then its attempts, so that of any number at once each sees what the others
///   left; what it decides is decided by one pure rule, and written whole: attempt, refunds, order, stock, ledger, log
///   and outbox in one transaction.
/// - An order has at most one attempt that settles it, no attempt falls back from PAID, what went back of an attempt
///   never exceeds what came, and the [`Balances`] of the postings are those that
///   [`expected`](super::ledger::expected) works out of attempts and refunds.
/// - References are unique over all attempts and refunds for ever, and a gateway's name for an attempt is unique at that
///   gateway.
/// - Orders change with payments: PAID and REFUNDED come from here alone, also when an admin records them by hand. An
///   order that an attempt holds ([`holds_order`](super::admission::holds_order)) neither expires nor can it be
///   cancelled or deleted.
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// Opens an attempt, or answers the one that is open as [`judge_open`](super::admission::judge_open) says. It is
    /// written down before a gateway hears of it.
    ///
    /// - [`Source::Cart`] makes or answers the order as `place_from_cart` without clearing does.
    /// - [`Source::Items`] answers the buyer's newest pending order that was made from the same items (product, quantity
    ///   and note of each joined line); else it makes one by [`plan`](crate::orders::rules::plan).
    /// - A new order and its attempt are there both or neither.
    ///
    /// # Errors
    /// [`OpenError`].
    async fn open_attempt(&self, open: OpenAttempt, now: Timestamp) -> Result<Opened, OpenError>;

    /// Does what a gateway said, as [`next`](super::rules::next) decides, and puts it into the log: once a gateway and
    /// [`EventKey`](super::EventKey), unless it changed something. Claims are logged too, at most a hundred of an attempt. Of
    /// an attempt that we don't have, only what [`next_unknown`](super::rules::next_unknown) quarantines is logged.
    ///
    /// An attempt is looked for by its reference, the gateway's name or its number, always at this gateway.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn apply_event(&self, event: PaymentEvent, now: Timestamp) -> Result<Applied, StoreError>;

    /// What payments have to know of an order; `None` when no order bears this number.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_order_facts(&self, order: OrderId) -> Result<Option<OrderFacts>, StoreError>;

    /// Begins a transaction for a gateway as [`admit`](super::admission::admit) says. Of any number at once that hold an
    /// order alone, one does.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn reserve(&self, reserve: Reserve, now: Timestamp) -> Result<Reserved, StoreError>;

    /// Begins a refund: the parts that [`plan`](super::refunds::plan) says, each with a reference derived from the
    /// attempt's (`<reference>-r<n>`, n counting all of its refunds), are written down before the gateway hears of them.
    /// While refunds of the order are on their way, these are answered again and nothing new is begun, so that of any
    /// number of calls at once one begins.
    ///
    /// The money is the settling attempt's; of an order that none settles, that of the attempt in review with the greatest
    /// number. A manual attempt's refund has succeeded at once.
    ///
    /// # Errors
    /// [`RefundError`].
    async fn begin_refund(&self, begin: BeginRefund, now: Timestamp) -> Result<Vec<Refund>, RefundError>;

    /// Does what a gateway said of a refund of ours, as [`decide`](super::refunds::decide) says, and logs it. Answers the
    /// refund as it is now; `None` when none bears this number.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn resolve_refund(
        &self,
        id: RefundId,
        told: RefundStatus,
        their_id: Option<Name>,
        note: String,
        now: Timestamp,
    ) -> Result<Option<Refund>, StoreError>;

    /// Records that an order was paid in cash or by other ways: a manual attempt of its total that settles it, with who
    /// and when.
    ///
    /// # Errors
    /// [`ManualRecordError`]; an order that a gateway's attempt holds is [`Refusal::Busy`].
    async fn record_manual(
        &self,
        order: OrderId,
        by: UserId,
        now: Timestamp,
    ) -> Result<Attempt, ManualRecordError>;

    /// Takes the mark off an attempt that waits for a person; what is owed stays owed. Logs who and why. Answers whether
    /// there was a mark.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn close_review(
        &self,
        payment: PaymentId,
        by: UserId,
        note: String,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Claims attempts that are due to be asked about: open ones without a mark, and those with refunds on their way,
    /// whose next check is not after `now`, the most overdue first, at most `limit` of them. Each one's next check
    /// moves on by [`delay_seconds`](super::checks::delay_seconds) with this `jitter`, so that of any number of workers
    /// one gets it, and it comes again even if that one dies.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn claim_due(&self, limit: i64, jitter: u8, now: Timestamp) -> Result<Vec<DueAttempt>, StoreError>;

    /// Claims paid attempts that are due to be compared with what their gateways know of them, whoever has to look at them,
    /// the most overdue first, at most `limit` of them. Each one's next comparison is when
    /// [`next_comparison`](super::checks::next_comparison) says with this `jitter`, so that of any number of workers one
    /// gets it. The first is due as that rule says at the moment of payment; none is after a review was closed: what a
    /// person has judged is not brought before them each day.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn claim_comparisons(
        &self,
        limit: i64,
        jitter: u8,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, StoreError>;

    /// The attempt, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_attempt(&self, gateway: Gateway, subject: Subject) -> Result<Option<Attempt>, StoreError>;

    /// Attempts that a gateway began, by its own time and then by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_statement(&self, query: StatementQuery) -> Result<Vec<Attempt>, StoreError>;

    /// Attempts, newest first, by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_payments(&self, query: PaymentQuery) -> Result<Vec<Attempt>, StoreError>;

    /// Refunds of an attempt, by number.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_refunds(&self, payment: PaymentId) -> Result<Vec<Refund>, StoreError>;

    /// The log of an attempt, oldest first; `None` for what was said of attempts that we don't have. At most 1000 records.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_events(&self, payment: Option<PaymentId>) -> Result<Vec<EventRecord>, StoreError>;

    /// What waits.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn survey_payments(&self, now: Timestamp) -> Result<PaymentSurvey, StoreError>;

    /// What the postings come to.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn balances(&self) -> Result<Balances, StoreError>;
}
