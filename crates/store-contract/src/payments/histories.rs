//! Anything in any order.

use slippers_core::orders::OrderStatus;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::{
    Attempt, BeginRefund, Evidence, PaymentEvent, PaymentQuery, RefundStatus, Report, Source,
};
use slippers_core::types::{Money, SlipperId, Timestamp};

use super::{every, opening, proof};
use crate::given::{Dice, NOW, Shop, all_orders};

const STOCK: i64 = 30;

async fn attempts(shop: &Shop) -> Vec<Attempt> {
    shop.payments().list_payments(every()).await.expect("an answer")
}

fn any_report(dice: &mut Dice) -> Report {
    match dice.roll(9) {
        0 => Report::Waiting { link: None },
        1 | 2 => Report::Succeeded,
        3 => Report::Failed,
        4 => Report::Cancelled,
        5 => Report::Perform,
        6 => Report::Cancel { code: Some(5) },
        7 => Report::TimedOut,
        _ => Report::Refunded { total: Money::from_minor(5_000) },
    }
}

async fn some_call(shop: &Shop, dice: &mut Dice, slipper: SlipperId, step: i64, now: Timestamp) {
    let attempts = attempts(shop).await;
    let orders = shop.orders(all_orders()).await.orders;
    let attempt = (!attempts.is_empty()).then(|| attempts[dice.roll(attempts.len())].clone());
    let order = (!orders.is_empty()).then(|| orders[dice.roll(orders.len())].clone());
    match (dice.roll(8), attempt, order) {
        (0, ..) | (_, _, None) => {
            let buyer = shop.buyer_of(&[(slipper, 1)]).await;
            let open = opening(buyer, Source::Cart, &format!("ours-{step}"));
            // The shelf may be empty by now.
            let _ = shop.payments().open_attempt(open, now).await;
        }
        (1, _, Some(order)) => {
            let open = opening(order.user, Source::Order(order.id), &format!("ours-{step}"));
            let _ = shop.payments().open_attempt(open, now).await;
        }
        (2, Some(attempt), _) => {
            let bounds = RefundBounds { least: Money::ZERO, most: Some(Money::from_minor(6_000)) };
            let (amount, by) = (None, shop.keeper().await.user);
            let begin = BeginRefund { order: attempt.order, amount, restock: true, by, bounds };
            let _ = shop.payments().begin_refund(begin, now).await;
        }
        (3, Some(attempt), _) => {
            let refunds = shop.refunds(attempt.id).await;
            let told = dice.pick(&[RefundStatus::Succeeded, RefundStatus::Failed, RefundStatus::Pending]);
            if let Some(refund) = refunds.last() {
                let told = shop.payments().resolve_refund(refund.id, told, None, String::new(), now);
                told.await.expect("an answer");
            }
        }
        (4, _, Some(_)) => {
            shop.expire_orders(now.plus_seconds(-3600), 10, now).await.expect("an answer");
        }
        (_, Some(attempt), _) => {
            let evidence = if dice.roll(5) == 0 { Evidence::Claim } else { Evidence::Proof };
            let event = PaymentEvent { evidence, ..proof(&attempt, any_report(dice)) };
            shop.payments().apply_event(event, now).await.expect("an answer");
        }
        _ => {}
    }
}

async fn check(shop: &Shop, slipper: SlipperId) {
    shop.check_books().await;
    let mut held = 0;
    for order in shop.orders(all_orders()).await.orders {
        let query = PaymentQuery { order: Some(order.id), ..every() };
        let of: Vec<Attempt> = shop.payments().list_payments(query).await.expect("an answer");
        let settling = of.iter().filter(|attempt| attempt.settles).count();
        let is_paid = matches!(order.status, OrderStatus::Paid | OrderStatus::Refunded);
        assert_eq!(settling, usize::from(is_paid), "{order:?}");
        held += i64::from(matches!(order.status, OrderStatus::Paid | OrderStatus::Pending));
    }
    assert_eq!(shop.stock(slipper).await + held, STOCK);
}

pub async fn a_random_history_loses_and_invents_nothing(shop: &Shop) {
    let slipper = shop.product("Mu", STOCK).await;
    let (mut dice, mut now) = (Dice::new(7), NOW);
    for step in 0..300 {
        some_call(shop, &mut dice, slipper, step, now).await;
        check(shop, slipper).await;
        now = now.plus_seconds(60);
    }
    for status in OrderStatus::ALL {
        let orders = shop.orders(all_orders()).await.orders;
        assert!(orders.iter().any(|order| order.status == status), "the history never came to {status:?}");
    }
}
