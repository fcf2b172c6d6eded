//! Deliveries: who gets what, when again, and what becomes of those that never arrive.

use std::collections::BTreeSet;

use slippers_core::audit::{AuditQuery, By};
use slippers_core::orders::Order;
use slippers_core::outbox::rules::{CLAIM_SECONDS, GIVE_UP_SECONDS};
use slippers_core::outbox::{DeadLetterQuery, EventKind, OutboxSurvey, Outcome, Subscription, Target};
use slippers_core::types::{DeliveryId, UserId};

use super::{everything_for, failed};
use crate::given::{NOBODYS, NOW, Shop, served};

const ADMIN: UserId = UserId::new(4711);

/// So many orders, each of which is an event.
async fn orders(shop: &Shop, count: i64) -> Vec<Order> {
    let mu = shop.product("Mu", 1000).await;
    let mut orders = Vec::new();
    for _ in 0..count {
        orders.push(shop.order_of(&[(mu, 1)]).await);
    }
    orders
}

async fn replay(shop: &Shop, delivery: DeliveryId) -> bool {
    shop.replay_dead_letter(delivery, ADMIN, NOW).await.expect("the store answers")
}

pub async fn each_target_gets_the_kinds_that_it_wants_once(shop: &Shop) {
    let orders = orders(shop, 2).await;
    shop.expire_orders(NOW, 1, NOW).await.expect("the store answers");
    let wants = |kind, target: &str| Subscription { kind, target: Target::new(target) };
    let subscriptions = vec![
        wants(EventKind::OrderPlaced, "shop"),
        wants(EventKind::OrderExpired, "shop"),
        wants(EventKind::OrderExpired, "staff"),
    ];
    let spread = |limit| shop.spread_events(subscriptions.clone(), limit, NOW);
    assert_eq!(spread(2).await.expect("an answer"), 2, "the oldest first");
    assert_eq!(shop.claim("staff", NOW).await, []);
    assert_eq!(spread(2).await.expect("an answer"), 1);
    assert_eq!(spread(2).await.expect("an answer"), 0);
    let told = |deliveries: &[slippers_core::outbox::Delivery]| {
        deliveries.iter().map(|one| (one.notice.kind, one.notice.order)).collect::<Vec<_>>()
    };
    let expired = (EventKind::OrderExpired, orders[0].id);
    let placed = |at: usize| (EventKind::OrderPlaced, orders[at].id);
    let (to_shop, to_staff) = (shop.claim("shop", NOW).await, shop.claim("staff", NOW).await);
    assert_eq!(told(&to_shop), [placed(0), placed(1), expired]);
    assert_eq!(told(&to_staff), [expired]);
    assert_eq!(to_shop[2].event, to_staff[0].event, "one event has one number");
    assert!(to_shop.iter().all(|delivery| delivery.attempt == 1));
}

pub async fn an_event_that_nobody_wants_is_forgotten(shop: &Shop) {
    orders(shop, 3).await;
    assert_eq!(shop.spread(&[]).await, 3);
    assert_eq!(shop.spread(&["late"]).await, 0);
    assert_eq!(shop.claim("late", NOW).await, []);
}

pub async fn of_eight_who_spread_at_once_each_event_is_given_once(shop: &Shop) {
    orders(shop, 20).await;
    let spread = shop
        .at_once(8, |shop, _| async move {
            let mut count = 0;
            loop {
                let some = served(|| shop.spread_events(everything_for(&["shop"]), 3, NOW)).await;
                count += some;
                if some == 0 {
                    return count;
                }
            }
        })
        .await;
    assert_eq!(spread.into_iter().sum::<u64>(), 20);
    assert_eq!(shop.claim("shop", NOW).await.len(), 20);
}

pub async fn of_eight_who_claim_at_once_each_gets_others(shop: &Shop) {
    orders(shop, 20).await;
    shop.spread(&["shop"]).await;
    let claimed = shop
        .at_once(8, |shop, _| async move {
            let mut mine = Vec::new();
            loop {
                let some = served(|| shop.claim_deliveries(Target::new("shop"), 3, NOW)).await;
                if some.is_empty() {
                    return mine;
                }
                mine.extend(some.into_iter().map(|delivery| delivery.id));
            }
        })
        .await;
    let claimed: Vec<_> = claimed.into_iter().flatten().collect();
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), claimed.len(), "nobody got another's");
    // Whoever comes while another looks at the last ones goes with nothing: those are claimed all the same.
    assert_eq!(claimed.len() + shop.claim("shop", NOW).await.len(), 20);
}

pub async fn what_is_claimed_and_forgotten_is_due_again(shop: &Shop) {
    orders(shop, 1).await;
    shop.spread(&["shop"]).await;
    let first = shop.claim("shop", NOW).await;
    let again = NOW.plus_seconds(CLAIM_SECONDS);
    assert_eq!(shop.claim("shop", again.plus_seconds(-1)).await, []);
    let second = shop.claim("shop", again).await;
    assert_eq!((second[0].id, second[0].event, second[0].attempt), (first[0].id, first[0].event, 2));
    assert!(!shop.end(&first[0], failed(), again).await, "a later try was begun");
    assert_eq!(shop.claim("shop", again.plus_seconds(CLAIM_SECONDS - 1)).await, []);
    assert!(shop.end(&first[0], Outcome::Delivered, again).await, "what arrived has arrived");
    assert!(!shop.end(&second[0], failed(), again).await);
    assert!(!shop.end(&second[0], Outcome::Delivered, again).await, "it had");
    assert_eq!(shop.claim("shop", again.plus_seconds(GIVE_UP_SECONDS)).await, []);
    assert_eq!(shop.dead_letters().await, []);
}

pub async fn what_failed_is_tried_more_and_more_rarely(shop: &Shop) {
    orders(shop, 1).await;
    shop.spread(&["shop"]).await;
    let mut now = NOW;
    for pause in [5, 15, 45, 135, 405] {
        let delivery = shop.claim("shop", now).await.remove(0);
        assert!(shop.end(&delivery, failed(), now).await);
        now = now.plus_seconds(pause);
        assert_eq!(shop.claim("shop", now.plus_seconds(-1)).await, [], "{pause}");
    }
    assert_eq!(shop.claim("shop", now).await[0].attempt, 6);
}

pub async fn what_has_failed_for_three_days_is_a_dead_letter(shop: &Shop) {
    let order = orders(shop, 1).await.remove(0);
    shop.spread(&["shop", "staff"]).await;
    let end = NOW.plus_seconds(GIVE_UP_SECONDS);
    let early = shop.claim("shop", NOW).await.remove(0);
    assert!(shop.end(&early, failed(), end.plus_seconds(-1)).await);
    assert_eq!(shop.dead_letters().await, []);
    let last = shop.claim("shop", end).await.remove(0);
    assert!(shop.end(&last, failed(), end).await);
    let dead = shop.dead_letters().await.remove(0);
    assert_eq!((dead.id, dead.event, dead.notice.order), (last.id, last.event, order.id));
    assert_eq!((dead.target.as_str(), dead.attempts, dead.dead_at), ("shop", 2, end));
    assert_eq!(dead.error, "it answered 500");
    assert_eq!(shop.claim("shop", end.plus_seconds(GIVE_UP_SECONDS)).await, []);
    assert_eq!(shop.claim("staff", end).await.len(), 1, "others are told all the same");
}

pub async fn what_was_refused_is_a_dead_letter_at_once(shop: &Shop) {
    orders(shop, 1).await;
    shop.spread(&["shop"]).await;
    let delivery = shop.claim("shop", NOW).await.remove(0);
    let refused = || Outcome::Refused { error: "it answered 410\0".to_owned() };
    assert!(shop.end(&delivery, refused(), NOW).await);
    assert!(!shop.end(&delivery, refused(), NOW).await);
    assert_eq!(shop.dead_letters().await.len(), 1);
    assert!(shop.end(&delivery, Outcome::Delivered, NOW).await, "it arrived after all");
    assert_eq!(shop.dead_letters().await, []);
}

pub async fn dead_letters_are_read_newest_first_and_part_by_part(shop: &Shop) {
    orders(shop, 4).await;
    shop.spread(&["shop"]).await;
    for delivery in shop.claim("shop", NOW).await {
        shop.end(&delivery, Outcome::Refused { error: String::new() }, NOW).await;
    }
    let all = shop.dead_letters().await;
    assert!(all.len() == 4 && all.is_sorted_by(|a, b| a.id > b.id));
    let part = async |before, max| {
        shop.list_dead_letters(DeadLetterQuery { before, max }).await.expect("the store answers")
    };
    assert_eq!(part(None, 3).await, all[..3]);
    assert_eq!(part(Some(all[2].id), 3).await, all[3..]);
    assert_eq!(part(Some(all[3].id), 3).await, []);
    assert_eq!(shop.price_of(part(None, 4)).await, 1);
}

pub async fn a_dead_letter_is_replayed_once_and_that_is_recorded(shop: &Shop) {
    orders(shop, 2).await;
    shop.spread(&["shop"]).await;
    let claimed = shop.claim("shop", NOW).await;
    shop.end(&claimed[0], Outcome::Refused { error: "no".to_owned() }, NOW).await;
    for nobody in NOBODYS.map(DeliveryId::new).into_iter().chain([claimed[1].id]) {
        assert!(!replay(shop, nobody).await, "{nobody} is no dead letter");
    }
    let id = claimed[0].id;
    let replayed = shop.at_once(10, move |shop, _| async move { replay(&shop, id).await }).await;
    assert_eq!(replayed.iter().filter(|was| **was).count(), 1);
    assert_eq!(shop.dead_letters().await, []);
    let again = shop.claim("shop", NOW).await;
    assert_eq!((again[0].id, again[0].event, again[0].attempt), (id, claimed[0].event, 1));
    // As new: it has three days again.
    let end = NOW.plus_seconds(GIVE_UP_SECONDS);
    assert!(shop.end(&again[0], failed(), end.plus_seconds(-1)).await);
    assert_eq!(shop.dead_letters().await, []);
    let records = shop.list_audit(AuditQuery { before: None, max: 10 }).await.expect("the store answers");
    let replays: Vec<_> = records.iter().filter(|record| record.subject == "delivery").collect();
    assert_eq!(replays.len(), 1);
    let of = (replays[0].by, replays[0].action.as_str(), replays[0].subject_id, replays[0].at);
    assert_eq!(of, (By::Admin(ADMIN), "replay", Some(id.get()), NOW));
    assert_eq!(replays[0].change, "{\"target\":\"shop\"}");
}

pub async fn the_oldest_that_waits_and_the_dead_are_surveyed(shop: &Shop) {
    let survey = || async { shop.survey_outbox().await.expect("the store answers") };
    assert_eq!(survey().await, OutboxSurvey::default());
    orders(shop, 2).await;
    assert_eq!(survey().await, OutboxSurvey { dead: 0, waiting_since: Some(NOW) }, "nobody was told yet");
    let later = NOW.plus_seconds(7);
    shop.spread_events(everything_for(&["shop"]), 10, later).await.expect("the store answers");
    assert_eq!(survey().await, OutboxSurvey { dead: 0, waiting_since: Some(later) });
    let claimed = shop.claim("shop", later).await;
    let end = |at: usize, outcome| shop.end_attempt(claimed[at].id, 1, outcome, later);
    end(0, Outcome::Delivered).await.expect("the store answers");
    assert_eq!(survey().await, OutboxSurvey { dead: 0, waiting_since: Some(later) }, "one waits still");
    end(1, Outcome::Refused { error: "no".to_owned() }).await.expect("the store answers");
    assert_eq!(survey().await, OutboxSurvey { dead: 1, waiting_since: None });
    assert!(replay(shop, claimed[1].id).await);
    assert_eq!(survey().await, OutboxSurvey { dead: 0, waiting_since: Some(NOW) }, "it waits anew");
}
