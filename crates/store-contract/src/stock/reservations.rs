//! Reserved stock: given back once when an order is given up, and only then.

use slippers_core::catalog::SlipperChange;
use slippers_core::orders::{OrderChange, OrderStatus};
use slippers_core::types::Timestamp;

use crate::given::{NOW, Shop, as_buyer, to};

const LATER: Timestamp = NOW.plus_seconds(3600);

pub async fn a_cancelled_order_gives_its_stock_back_once(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 2).await);
    let order = shop.order_of(&[(mu, 4), (nu, 2)]).await;
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (5, 0));
    for _ in 0..3 {
        let change = to(OrderStatus::Cancelled);
        shop.change_order(order.id, as_buyer(order.user), change, LATER).await.expect("cancelled");
        assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9, 2));
    }
    assert_eq!(shop.expire_orders(LATER, 9, LATER).await.expect("an answer"), []);
    shop.delete_order(order.id, as_buyer(order.user), LATER).await.expect("deleted");
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9, 2));
}

pub async fn a_deleted_pending_order_gives_its_stock_back(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 2).await);
    let order = shop.order_of(&[(mu, 4), (nu, 2)]).await;
    shop.delete_order(order.id, as_buyer(order.user), LATER).await.expect("deleted");
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9, 2));
}

pub async fn a_refund_gives_the_stock_back_if_it_is_told_so(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let keeper = shop.keeper().await;
    for (restock, after) in [(true, 9), (false, 6)] {
        let order = shop.order_of(&[(mu, 3)]).await;
        shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
        assert_eq!(shop.stock(mu).await, 6, "a payment moves no stock");
        let refund = OrderChange { restock, ..to(OrderStatus::Refunded) };
        shop.change_order(order.id, keeper, refund.clone(), LATER).await.expect("refunded");
        assert_eq!(shop.stock(mu).await, after, "restock {restock}");
        for again in [refund, to(OrderStatus::Refunded)] {
            shop.change_order(order.id, keeper, again, LATER).await.expect("it is refunded already");
            assert_eq!(shop.stock(mu).await, after, "not again");
        }
    }
}

pub async fn what_is_given_back_is_added_to_what_was_counted_since(shop: &Shop) {
    let mu = shop.product("Mu", 10).await;
    let order = shop.order_of(&[(mu, 3)]).await;
    shop.set(mu, SlipperChange { quantity: Some(20), ..SlipperChange::default() }).await;
    shop.move_order(order.id, OrderStatus::Cancelled).await.expect("cancelled");
    assert_eq!(shop.stock(mu).await, 23);
}

pub async fn the_pairs_ordered_are_given_back_whatever_the_cart_holds_now(shop: &Shop) {
    let mu = shop.product("Mu", 1000).await;
    let user = shop.buyer_of(&[(mu, 900)]).await;
    let order = shop.buy(user).await.expect("placed");
    assert_eq!((order.lines[0].quantity, shop.stock(mu).await), (500, 500), "500 are the most that count");
    shop.add(user, mu, 7).await;
    shop.move_order(order.id, OrderStatus::Cancelled).await.expect("cancelled");
    assert_eq!(shop.stock(mu).await, 1000);
    assert_eq!(shop.cart(user).await.lines[0].quantity, 7, "the cart does not get them back");
}

pub async fn stock_given_back_can_be_bought_at_once(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    for _ in 0..5 {
        let order = shop.order_of(&[(mu, 1)]).await;
        assert_eq!(shop.stock(mu).await, 0);
        shop.move_order(order.id, OrderStatus::Cancelled).await.expect("cancelled");
        assert!(shop.slipper(mu).await.is_available());
    }
}

pub async fn an_order_of_a_deleted_product_can_be_given_up(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let (cancelled, deleted, refunded) = (
        shop.order_of(&[(mu, 1), (nu, 1)]).await,
        shop.order_of(&[(mu, 1), (nu, 1)]).await,
        shop.order_of(&[(mu, 1), (nu, 1)]).await,
    );
    shop.move_order(refunded.id, OrderStatus::Paid).await.expect("paid");
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    shop.move_order(cancelled.id, OrderStatus::Cancelled).await.expect("cancelled");
    shop.delete_order(deleted.id, as_buyer(deleted.user), LATER).await.expect("deleted");
    shop.move_order(refunded.id, OrderStatus::Refunded).await.expect("refunded");
    assert_eq!(shop.stock(nu).await, 9);
    assert_eq!(shop.find_slipper(mu).await.expect("an answer"), None);
}

pub async fn an_order_given_up_in_three_ways_at_once_gives_its_stock_back_once(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let keeper = shop.keeper().await;
    for round in 0..12 {
        let order = shop.order_of(&[(mu, 4), (nu, 1)]).await;
        assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (5, 8));
        let user = order.user;
        shop.at_once(6, move |shop, number| async move {
            match number {
                0..=2 => {
                    let actor = if number == 0 { keeper } else { as_buyer(user) };
                    drop(shop.change_order(order.id, actor, to(OrderStatus::Cancelled), LATER).await);
                }
                3 | 4 => drop(shop.expire_orders(LATER, 9, LATER).await.expect("an answer")),
                _ => drop(shop.delete_order(order.id, as_buyer(user), LATER).await),
            }
        })
        .await;
        assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9, 9), "round {round}");
        assert_eq!(shop.find_order(order.id).await.expect("an answer"), None, "a deletion is always allowed");
    }
}

pub async fn a_refund_made_by_eight_at_once_gives_the_stock_back_once(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    for round in 0..5 {
        let order = shop.order_of(&[(mu, 4)]).await;
        shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
        let answers = shop
            .at_once(8, move |shop, _| async move { shop.move_order(order.id, OrderStatus::Refunded).await })
            .await;
        assert!(answers.iter().all(Result::is_ok), "that it is refunded already is no error: {answers:?}");
        assert_eq!(shop.stock(mu).await, 9, "round {round}");
    }
}
