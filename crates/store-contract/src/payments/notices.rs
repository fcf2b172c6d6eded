//! What verbs of payments tell, in the transaction in which it happens.

use slippers_core::orders::rules::WantedLine;
use slippers_core::outbox::EventKind::{
    self, OrderPlaced, PaymentFailed, PaymentNeedsReview, PaymentPaid, PaymentRefunded,
};
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::{
    Attempt, BeginRefund, OpenAttempt, Opened, PaymentEvent, RefundStatus, Report, ReviewReason, Source,
};
use slippers_core::types::Money;

use super::{opening, proof};
use crate::given::{NOW, Shop};

/// The kinds, attempts and amounts of what has happened since the last time.
async fn told(shop: &Shop) -> Vec<(EventKind, i64, i64)> {
    let heard = shop.heard().await;
    heard
        .iter()
        .map(|notice| {
            (notice.kind, notice.payment.map_or(0, |payment| payment.id.get()), notice.amount.minor())
        })
        .collect()
}

const fn of(kind: EventKind, attempt: &Attempt, minor: i64) -> (EventKind, i64, i64) {
    (kind, attempt.id.get(), minor)
}

pub async fn money_that_comes_goes_back_or_needs_a_person_is_told_once(shop: &Shop) {
    let Opened { attempt: first, order, .. } = shop.opened("ours-1").await;
    assert_eq!(told(shop).await, [(OrderPlaced, 0, 10_000)]);
    // Another one once the first has run out of time.
    let later = NOW.plus_seconds(1000);
    let second = opening(order.user, Source::Order(order.id), "ours-2");
    let second = OpenAttempt { expires_at: Some(later.plus_seconds(900)), ..second };
    let second = shop.payments().open_attempt(second, later).await.expect("it is opened").attempt;
    for _ in 0..2 {
        shop.told(&first, Report::Waiting { link: None }).await;
        shop.told(&first, Report::Succeeded).await;
        shop.told(&second, Report::Succeeded).await;
    }
    assert_eq!(told(shop).await, [of(PaymentPaid, &first, 10_000), of(PaymentNeedsReview, &second, 10_000)]);
    for _ in 0..2 {
        shop.told(&first, Report::Refunded { total: Money::from_minor(10_000) }).await;
    }
    assert_eq!(told(shop).await, [of(PaymentRefunded, &first, 10_000)]);
}

pub async fn a_review_is_told_with_its_reason(shop: &Shop) {
    let attempt = shop.opened("ours-1").await.attempt;
    shop.heard().await;
    let cheap = PaymentEvent { amount: Some(Money::from_minor(1)), ..proof(&attempt, Report::Succeeded) };
    shop.payments().apply_event(cheap, NOW).await.expect("the store answers");
    let heard = shop.heard().await;
    let payment = heard[0].payment.expect("a payment");
    assert_eq!((heard.len(), heard[0].kind, payment.id), (1, PaymentNeedsReview, attempt.id));
    assert_eq!(payment.review, Some(ReviewReason::WrongAmount));
}

pub async fn an_attempt_that_ends_without_money_is_told_once(shop: &Shop) {
    let attempt = shop.opened("ours-1").await.attempt;
    shop.heard().await;
    for _ in 0..2 {
        shop.told(&attempt, Report::Failed).await;
    }
    assert_eq!(told(shop).await, [of(PaymentFailed, &attempt, 10_000)]);
}

pub async fn each_part_of_a_refund_is_told(shop: &Shop) {
    let (order, attempt) = shop.paid("ours-1").await;
    shop.heard().await;
    let begin = BeginRefund {
        order,
        amount: None,
        restock: true,
        by: shop.keeper().await.user,
        bounds: RefundBounds { least: Money::from_minor(1), most: Some(Money::from_minor(6_000)) },
    };
    let parts = shop.payments().begin_refund(begin, NOW).await.expect("it is begun");
    assert_eq!(told(shop).await, [], "nothing went back yet");
    for part in &parts {
        for _ in 0..2 {
            let resolve =
                shop.payments().resolve_refund(part.id, RefundStatus::Succeeded, None, String::new(), NOW);
            resolve.await.expect("the store answers");
        }
    }
    let expected: Vec<_> =
        parts.iter().map(|part| of(PaymentRefunded, &attempt, part.amount.minor())).collect();
    assert!(parts.len() == 2, "{parts:?}");
    assert_eq!(told(shop).await, expected);
}

pub async fn cash_is_told_and_so_is_its_return(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 1)]).await;
    shop.heard().await;
    let by = shop.keeper().await.user;
    let cash = shop.payments().record_manual(order.id, by, NOW).await.expect("it is recorded");
    shop.payments().record_manual(order.id, by, NOW).await.expect_err("it is paid");
    let bounds = RefundBounds { least: Money::ZERO, most: None };
    let begin = BeginRefund { order: order.id, amount: None, restock: true, by, bounds };
    shop.payments().begin_refund(begin, NOW).await.expect("it goes back");
    assert_eq!(told(shop).await, [of(PaymentPaid, &cash, 10_000), of(PaymentRefunded, &cash, 10_000)]);
}

pub async fn an_order_that_a_payment_places_is_told_with_it(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let buyer = shop.buyer().await;
    let items = Source::Items(vec![WantedLine { slipper: mu, quantity: 2, notes: None }]);
    for number in 0..2 {
        let open = opening(buyer, items.clone(), &format!("ours-{number}"));
        shop.payments().open_attempt(open, NOW).await.expect("it is opened");
    }
    assert_eq!(told(shop).await, [(OrderPlaced, 0, 20_000)]);
    let buyer = shop.buyer_of(&[(mu, 3)]).await;
    let open = opening(buyer, Source::Cart, "ours-3");
    shop.payments().open_attempt(open, NOW).await.expect("it is opened");
    assert_eq!(told(shop).await, [(OrderPlaced, 0, 30_000)]);
}
