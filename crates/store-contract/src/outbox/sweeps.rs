//! What is kept is bounded.

use slippers_core::outbox::rules::{DEAD_SECONDS, DELIVERED_SECONDS, GIVE_UP_SECONDS};
use slippers_core::outbox::{Outcome, Target};
use slippers_core::types::Timestamp;

use super::failed;
use crate::given::{NOW, Shop, served};

async fn sweep(shop: &Shop, targets: &[&str], now: Timestamp, limit: i64) -> u64 {
    let targets: Vec<_> = targets.iter().map(|target| Target::new(*target)).collect();
    served(|| shop.sweep_outbox(targets.clone(), now, limit)).await
}

/// So many events, given to these targets.
async fn events(shop: &Shop, count: i64, targets: &[&str]) {
    let mu = shop.product("Mu", 1000).await;
    for _ in 0..count {
        shop.order_of(&[(mu, 1)]).await;
    }
    shop.spread(targets).await;
}

pub async fn what_was_delivered_is_forgotten_after_a_day_and_in_small_steps(shop: &Shop) {
    events(shop, 3, &["shop"]).await;
    let claimed = shop.claim("shop", NOW).await;
    for delivery in &claimed {
        shop.end(delivery, Outcome::Delivered, NOW).await;
    }
    let day = NOW.plus_seconds(DELIVERED_SECONDS);
    assert_eq!(sweep(shop, &["shop"], day.plus_seconds(-1), 10).await, 0);
    assert_eq!(sweep(shop, &["shop"], day, 2).await, 2);
    assert_eq!(sweep(shop, &["shop"], day, 2).await, 1);
    assert_eq!(sweep(shop, &["shop"], day, 2).await, 0);
    // It is gone: nothing can be said of it any more.
    assert!(!shop.end(&claimed[0], Outcome::Delivered, day).await);
    assert!(!shop.end(&claimed[0], failed(), day).await);
}

pub async fn an_event_stays_while_somebody_waits_for_it(shop: &Shop) {
    events(shop, 1, &["shop", "staff"]).await;
    let delivery = shop.claim("shop", NOW).await.remove(0);
    shop.end(&delivery, Outcome::Delivered, NOW).await;
    let day = NOW.plus_seconds(DELIVERED_SECONDS);
    assert_eq!(sweep(shop, &["shop", "staff"], day, 10).await, 1);
    let other = shop.claim("staff", day).await.remove(0);
    assert_eq!((other.event, other.notice), (delivery.event, delivery.notice));
}

pub async fn dead_letters_are_forgotten_after_a_month(shop: &Shop) {
    events(shop, 1, &["shop"]).await;
    let delivery = shop.claim("shop", NOW).await.remove(0);
    shop.end(&delivery, Outcome::Refused { error: "no".to_owned() }, NOW).await;
    let month = NOW.plus_seconds(DEAD_SECONDS);
    assert_eq!(sweep(shop, &["shop"], month.plus_seconds(-1), 10).await, 0);
    assert_eq!(shop.dead_letters().await.len(), 1);
    assert_eq!(sweep(shop, &["shop"], month, 10).await, 1);
    assert_eq!(shop.dead_letters().await, []);
}

pub async fn what_is_for_nobody_any_more_is_a_dead_letter_when_its_time_is_over(shop: &Shop) {
    events(shop, 1, &["gone", "shop"]).await;
    let end = NOW.plus_seconds(GIVE_UP_SECONDS);
    assert_eq!(sweep(shop, &["shop"], end.plus_seconds(-1), 10).await, 0);
    assert_eq!(sweep(shop, &["shop"], end, 10).await, 1);
    let dead = shop.dead_letters().await;
    assert_eq!(dead.iter().map(|letter| letter.target.as_str()).collect::<Vec<_>>(), ["gone"]);
    assert_eq!(dead[0].error, "its receiver is no longer in the settings");
    assert_eq!(shop.claim("shop", end).await.len(), 1, "a late try is better than none");
}

pub async fn of_two_sweeps_at_once_none_leaves_an_event_behind(shop: &Shop) {
    let targets = ["a", "b", "c", "d"];
    events(shop, 10, &targets).await;
    for target in targets {
        for delivery in shop.claim(target, NOW).await {
            shop.end(&delivery, Outcome::Delivered, NOW).await;
        }
    }
    let day = NOW.plus_seconds(DELIVERED_SECONDS);
    let swept = shop
        .at_once(4, move |shop, _| async move {
            let mut count = 0;
            loop {
                let some = sweep(&shop, &["a", "b", "c", "d"], day, 3).await;
                count += some;
                if some == 0 {
                    return count;
                }
            }
        })
        .await;
    let rest = sweep(shop, &targets, day, 1000).await;
    assert_eq!(swept.into_iter().sum::<u64>() + rest, 40);
}
