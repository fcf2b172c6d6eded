//! The promises of events and their deliveries: [`OutboxStore`](slippers_core::outbox::OutboxStore).

pub mod deliveries;
pub mod events;
pub mod sweeps;

use slippers_core::outbox::{
    DeadLetter, DeadLetterQuery, Delivery, EventKind, Notice, Outcome, Subscription, Target,
};
use slippers_core::types::{EventId, Timestamp};

use crate::given::{NOW, Shop};

/// Every kind of events for these targets.
pub(crate) fn everything_for(targets: &[&str]) -> Vec<Subscription> {
    let each = |kind| targets.iter().map(move |target| Subscription { kind, target: Target::new(*target) });
    EventKind::ALL.into_iter().flat_map(each).collect()
}

/// A failure that may pass.
pub(crate) fn failed() -> Outcome {
    Outcome::Failed { error: "it answered 500".to_owned(), jitter: 0 }
}

impl Shop {
    /// Gives all events to these targets, which want every kind.
    pub(crate) async fn spread(&self, targets: &[&str]) -> u64 {
        self.spread_events(everything_for(targets), 1000, NOW).await.expect("the store answers")
    }

    /// Claims all that is due to a target.
    pub(crate) async fn claim(&self, target: &str, now: Timestamp) -> Vec<Delivery> {
        self.claim_deliveries(Target::new(target), 1000, now).await.expect("the store answers")
    }

    /// Says what became of a try; answers whether it counted.
    pub(crate) async fn end(&self, delivery: &Delivery, outcome: Outcome, now: Timestamp) -> bool {
        self.end_attempt(delivery.id, delivery.attempt, outcome, now).await.expect("the store answers")
    }

    /// The dead letters, the newest numbers first.
    pub(crate) async fn dead_letters(&self) -> Vec<DeadLetter> {
        let query = DeadLetterQuery { before: None, max: 1000 };
        self.list_dead_letters(query).await.expect("the store answers")
    }

    /// What has happened since the last time, in its order.
    pub(crate) async fn heard(&self) -> Vec<Notice> {
        self.spread(&["ears"]).await;
        let mut heard: Vec<(EventId, Notice)> = Vec::new();
        for delivery in self.claim("ears", NOW).await {
            assert!(self.end(&delivery, Outcome::Delivered, NOW).await);
            heard.push((delivery.event, delivery.notice));
        }
        heard.sort_by_key(|(event, _)| *event);
        heard.into_iter().map(|(_, notice)| notice).collect()
    }

    /// The kinds of what has happened since the last time.
    pub(crate) async fn heard_kinds(&self) -> Vec<EventKind> {
        self.heard().await.into_iter().map(|notice| notice.kind).collect()
    }
}
