//! What verbs of orders tell, in the transaction in which it happens.

use slippers_core::orders::{Idempotency, OrderStatus, PlaceFromCart};
use slippers_core::outbox::EventKind::{
    OrderCancelled, OrderExpired, OrderPlaced, PaymentPaid, PaymentRefunded,
};
use slippers_core::outbox::Notice;
use slippers_core::payments::{Currency, Gateway};
use slippers_core::types::{IdempotencyKey, Money};

use crate::given::{NOW, Shop, as_buyer, keeping, to};

pub async fn an_order_that_is_placed_is_told_once(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    assert_eq!(shop.heard().await, [], "goods and carts are nobody's news");
    let key = IdempotencyKey::parse("once").expect("a key");
    let idempotency = Some(Idempotency { key, request: "from-cart".to_owned() });
    let place = PlaceFromCart { idempotency, ..keeping(user) };
    let order = shop.place_from_cart(place.clone(), NOW).await.expect("placed");
    for again in [place, keeping(user)] {
        assert_eq!(shop.place_from_cart(again, NOW).await.expect("the same").id, order.id);
    }
    let placed = Notice {
        kind: OrderPlaced,
        order: order.id,
        payment: None,
        amount: Money::from_minor(20_000),
        currency: Currency::Uzs,
        at: NOW,
    };
    assert_eq!(shop.heard().await, [placed]);
}

pub async fn an_order_that_is_refused_is_not_told(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    shop.buy(user).await.expect_err("too little stock");
    assert_eq!(shop.heard().await, []);
}

pub async fn orders_of_a_crowd_are_each_told_once(shop: &Shop) {
    let mu = shop.product("Mu", 25).await;
    let mut buyers = Vec::new();
    for _ in 0..30 {
        buyers.push(shop.buyer_of(&[(mu, 1)]).await);
    }
    let placed = shop
        .at_once(30, move |shop, number| {
            let buyer = buyers[usize::try_from(number).expect("a number")];
            async move { shop.buy(buyer).await.map(|order| order.id).ok() }
        })
        .await;
    let mut placed: Vec<_> = placed.into_iter().flatten().collect();
    let mut told: Vec<_> = shop.heard().await.into_iter().map(|notice| notice.order).collect();
    placed.sort();
    told.sort();
    assert_eq!((placed.len(), told), (25, placed));
}

pub async fn an_order_that_is_given_up_is_told(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let by_owner = shop.order_of(&[(mu, 1)]).await;
    let by_admin = shop.order_of(&[(mu, 2)]).await;
    let deleted = shop.order_of(&[(mu, 3)]).await;
    assert_eq!(shop.heard_kinds().await, [OrderPlaced; 3]);
    let later = NOW.plus_seconds(60);
    let owner = as_buyer(by_owner.user);
    shop.change_order(by_owner.id, owner, to(OrderStatus::Cancelled), later).await.expect("cancelled");
    shop.move_order(by_admin.id, OrderStatus::Cancelled).await.expect("cancelled");
    shop.move_order(by_admin.id, OrderStatus::Cancelled).await.expect("no change");
    shop.delete_order(deleted.id, as_buyer(deleted.user), later).await.expect("deleted");
    let told: Vec<_> = shop
        .heard()
        .await
        .iter()
        .map(|notice| (notice.kind, notice.order, notice.amount, notice.at))
        .collect();
    let given_up =
        [&by_owner, &by_admin, &deleted].map(|order| (OrderCancelled, order.id, order.total, later));
    assert_eq!(told, given_up);
    // Of an order that was given up before nothing new is to be told.
    shop.delete_order(by_owner.id, owner, later).await.expect("deleted");
    assert_eq!(shop.heard().await, []);
}

pub async fn orders_that_expire_are_told(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (first, second) = (shop.order_of(&[(mu, 1)]).await, shop.order_of(&[(mu, 2)]).await);
    shop.heard().await;
    let later = NOW.plus_seconds(7200);
    for _ in 0..2 {
        shop.expire_orders(NOW, 10, later).await.expect("the store answers");
    }
    let told: Vec<_> = shop
        .heard()
        .await
        .iter()
        .map(|notice| (notice.kind, notice.order, notice.amount, notice.at))
        .collect();
    assert_eq!(told, [&first, &second].map(|order| (OrderExpired, order.id, order.total, later)));
}

pub async fn what_an_admin_records_by_status_is_told(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 2)]).await;
    shop.heard().await;
    shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
    shop.move_order(order.id, OrderStatus::Refunded).await.expect("refunded");
    shop.move_order(order.id, OrderStatus::Pending).await.expect_err("no such step");
    let told = shop.heard().await;
    let kinds: Vec<_> = told.iter().map(|notice| (notice.kind, notice.order, notice.amount)).collect();
    let expected = [PaymentPaid, PaymentRefunded].map(|kind| (kind, order.id, order.total));
    assert_eq!(kinds, expected);
    let gateways: Vec<_> = told.iter().filter_map(|notice| Some(notice.payment?.gateway)).collect();
    assert_eq!(gateways, [Gateway::Manual; 2]);
}
