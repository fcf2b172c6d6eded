//! Every verb of events and their deliveries. Of `fill.sql`'s 20,200 events the last 200 were given to nobody yet; 10,000
//! deliveries have arrived, 5,000 are dead letters, 5,000 wait.

use slippers_core::outbox::{DeadLetterQuery, EventKind, OutboxStore as _, Outcome, Subscription, Target};
use slippers_core::types::{DeliveryId, Timestamp, UserId};

use super::Stocked;

const NOW: Timestamp = Timestamp::from_seconds(10);

fn target() -> Target {
    Target::new("shop")
}

pub(super) async fn all(shop: &mut Stocked) {
    let wants = |kind| Subscription { kind, target: target() };
    shop.look("what is to be told", async |store, _| {
        store.spread_events(EventKind::ALL.map(wants).to_vec(), 10, NOW).await
    })
    .await;
    shop.look("tries and their ends", async |store, n| {
        let claimed = store.claim_deliveries(target(), 3, NOW).await?;
        let failed = Outcome::Failed { error: "no".to_owned(), jitter: 0 };
        let outcomes = [Outcome::Delivered, failed, Outcome::Refused { error: "no".to_owned() }];
        for (delivery, outcome) in claimed.into_iter().zip(outcomes) {
            assert!(store.end_attempt(delivery.id, delivery.attempt, outcome, NOW.plus_seconds(n)).await?);
        }
        Ok::<_, slippers_core::StoreError>(())
    })
    .await;
    shop.look("dead letters", async |store, n| {
        let query = DeadLetterQuery { before: Some(DeliveryId::new(14_000 + n)), max: 20 };
        store.list_dead_letters(query).await
    })
    .await;
    shop.look("a replay", async |store, n| {
        store.replay_dead_letter(DeliveryId::new(14_000 + n), UserId::new(1), NOW).await
    })
    .await;
    shop.look("what waits to be told", async |store, _| store.survey_outbox().await).await;
    shop.look("a sweep of the outbox", async |store, _| {
        let later = Timestamp::from_seconds(10_000_000);
        store.sweep_outbox(vec![target()], later, 20).await
    })
    .await;
}
