//! The limit on pending orders, and which refusal comes first.

use slippers_core::orders::rules::PlanError;
use slippers_core::orders::{Order, OrderStatus, PlaceError, PlaceFromCart};
use slippers_core::types::UserId;

use crate::given::{NOW, Shop, as_buyer, assert_is, buying, keeping, orders_of, to};

/// Buys with at most so many pending orders.
async fn buy(shop: &Shop, user: UserId, max_open: i64) -> Result<Order, PlaceError> {
    shop.place_from_cart(PlaceFromCart { max_open, ..buying(user) }, NOW).await
}

pub async fn too_many_pending_orders_stop_the_next(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let (user, other) = (shop.buyer().await, shop.buyer_of(&[(mu, 1)]).await);
    for _ in 0..2 {
        shop.add(user, mu, 1).await;
        buy(shop, user, 2).await.expect("placed");
    }
    shop.add(user, mu, 1).await;
    let before = shop.everything(&[user, other]).await;
    for max_open in [2, 1] {
        let refused = buy(shop, user, max_open).await;
        assert_is!(refused, Err(PlaceError::TooManyOpen { limit }) if *limit == max_open);
    }
    assert_eq!(shop.everything(&[user, other]).await, before);
    buy(shop, other, 1).await.expect("each user has their own limit");
    buy(shop, user, 3).await.expect("a higher limit lets it through");
}

pub async fn no_limit_is_no_limit(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let user = shop.buyer().await;
    for _ in 0..25 {
        shop.add(user, mu, 1).await;
        buy(shop, user, 0).await.expect("placed");
    }
    assert_eq!(shop.orders(orders_of(user)).await.total, 25);
}

pub async fn only_pending_orders_count_for_the_limit(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let user = shop.buyer().await;
    for round in 0..4 {
        shop.add(user, mu, 1).await;
        let order = buy(shop, user, 1).await.expect("nothing is pending");
        shop.add(user, mu, 1).await;
        assert_is!(buy(shop, user, 1).await, Err(PlaceError::TooManyOpen { limit: 1 }));
        match round {
            0 => drop(
                shop.change_order(order.id, as_buyer(user), to(OrderStatus::Cancelled), NOW)
                    .await
                    .expect("done"),
            ),
            1 => drop(shop.move_order(order.id, OrderStatus::Paid).await.expect("paid")),
            2 => shop.delete_order(order.id, as_buyer(user), NOW).await.expect("deleted"),
            _ => assert_eq!(shop.expire_orders(NOW, 9, NOW).await.expect("expired"), [order.id]),
        }
    }
    buy(shop, user, 1).await.expect("nothing is pending");
}

pub async fn a_repeat_is_answered_at_the_limit_too(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = buy(shop, user, 1).await.expect("placed");
    for _ in 0..3 {
        assert_eq!(buy(shop, user, 1).await.expect("the same again"), order);
    }
    assert_eq!(shop.stock(mu).await, 8);
}

pub async fn an_empty_cart_comes_before_too_many_orders_and_these_before_the_stock(shop: &Shop) {
    let (mu, sold_out) = (shop.product("Mu", 9).await, shop.product("Sold out", 0).await);
    let user = shop.buyer_of(&[(mu, 1)]).await;
    buy(shop, user, 1).await.expect("placed");
    shop.add(user, sold_out, 1).await;
    assert_is!(buy(shop, user, 1).await, Err(PlaceError::TooManyOpen { limit: 1 }));
    assert_is!(buy(shop, user, 2).await, Err(PlaceError::Plan(PlanError::OutOfStock { .. })));
    shop.clear_cart(user, NOW).await.expect("cleared");
    assert_is!(buy(shop, user, 1).await, Err(PlaceError::CartEmpty));
}

pub async fn a_crowd_of_calls_never_passes_the_limit(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let answers = shop
        .at_once(20, move |shop, number| async move {
            if number % 2 == 0 {
                shop.add(user, mu, 1).await;
            }
            shop.place_from_cart(PlaceFromCart { max_open: 3, max_quantity: 1, ..keeping(user) }, NOW).await
        })
        .await;
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(PlaceError::TooManyOpen { limit: 3 }));
    }
    let placed = shop.orders(orders_of(user)).await.total;
    assert!((1..=3).contains(&placed), "{placed} orders are pending");
    assert_eq!(shop.stock(mu).await, 99 - placed);
}
