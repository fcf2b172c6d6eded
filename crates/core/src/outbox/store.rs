//! What a database promises of events and their deliveries.

use async_trait::async_trait;

use super::{Delivery, EventKind, Notice, Target};
use crate::store::StoreError;
use crate::types::{DeliveryId, EventId, Timestamp, UserId};

/// The most dead letters that one answer lists.
pub const MAX_DEAD_LETTERS_LISTED: i64 = 1000;

/// A target that wants to hear of a kind of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Of which kind.
    pub kind: EventKind,
    /// Who.
    pub target: Target,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It may succeed another time.
    Failed {
        /// Why, for admins; it holds no secret.
        error: String,
        /// 0 to 255, drawn at random.
        jitter: u8,
    },
    /// It would fail each time.
    Refused {
        /// Why, for admins; it holds no secret.
        error: String,
    },
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The delivery's number.
    pub id: DeliveryId,
    /// The event's.
    pub event: EventId,
    /// What happened.
    pub notice: Notice,
    /// Who was to be told.
    pub target: Target,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub error: String,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// What of the events waits, for those who run the shop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxSurvey {
    /// Dead letters; counting stops at [`MAX_SURVEYED`](crate::payments::MAX_SURVEYED).
    pub dead: i64,
    /// Since when the oldest event waits that has not reached everybody who is to be told: when it was given to them, or
    /// when it happened if it was not. One whose delivery is begun anew waits anew. `None` = none waits.
    pub waiting_since: Option<Timestamp>,
}

/// Which dead letters an admin wants listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterQuery {
    /// Only those with a smaller number.
    pub before: Option<DeliveryId>,
    /// At most so many, 1..=[`MAX_DEAD_LETTERS_LISTED`].
    pub max: i64,
}

/// Events and their deliveries in a database.
///
/// - Every verb of orders and payments that makes something happen writes its events in its own transaction: an event is
///   there exactly when what it tells of has happened. Placing an order is [`EventKind::OrderPlaced`]; giving up a pending
///   one by a change or by its deletion [`EventKind::OrderCancelled`], by time [`EventKind::OrderExpired`]; the events of
///   payments are those that [`of_step`](super::rules::of_step) says, also when an admin records them by hand. A call that
///   is answered again, or changes nothing, tells nothing.
/// - An event is delivered to each target at least once, or becomes a dead letter. Deliveries come in no promised order.
/// - What is kept is bounded: an event goes with its last delivery, and each delivery goes some time after its end.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Gives at most `limit` events, the oldest first, to their targets: a delivery for each subscription to the event's
    /// kind, due at once and tried for [`GIVE_UP_SECONDS`](super::rules::GIVE_UP_SECONDS). An event that nobody wants is
    /// forgotten. Answers how many there were; 0 = done. However many do it at once, an event is given to a target once.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn spread_events(
        &self,
        subscriptions: Vec<Subscription>,
        limit: i64,
        now: Timestamp,
    ) -> Result<u64, StoreError>;

    /// Claims at most `limit` deliveries to this target that are due, the most overdue first. They are due again after
    /// [`CLAIM_SECONDS`](super::rules::CLAIM_SECONDS), should nobody say what became of them; until then nobody else gets
    /// them, however many ask at once.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn claim_deliveries(
        &self,
        target: Target,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Says what became of a try. A delivery that has arrived has, whatever else is said of it; that a try failed counts
    /// only while no later one was begun: then it is due again as [`next_try`](super::rules::next_try) says, or is a dead
    /// letter. One that was refused is a dead letter at once. Answers whether it counted.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn end_attempt(
        &self,
        delivery: DeliveryId,
        attempt: i64,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The dead letters asked for, the newest numbers first.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_dead_letters(&self, query: DeadLetterQuery) -> Result<Vec<DeadLetter>, StoreError>;

    /// What waits.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn survey_outbox(&self) -> Result<OutboxSurvey, StoreError>;

    /// Makes a dead letter due again, as new, and records that this admin did. Answers whether it was one; of any number
    /// at once, one succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn replay_dead_letter(
        &self,
        delivery: DeliveryId,
        by: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Tidies up, at most `limit` deliveries of each kind: those to targets that are none of `targets` are dead letters
    /// when their time is over; what was delivered is forgotten after
    /// [`DELIVERED_SECONDS`](super::rules::DELIVERED_SECONDS), dead letters after
    /// [`DEAD_SECONDS`](super::rules::DEAD_SECONDS), and events with their last delivery. Answers how many; 0 = done.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn sweep_outbox(&self, targets: Vec<Target>, now: Timestamp, limit: i64)
    -> Result<u64, StoreError>;
}
