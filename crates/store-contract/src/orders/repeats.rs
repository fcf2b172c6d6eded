//! Repeated calls: the same cart version gives the same pending order, and nothing else does.

use std::collections::BTreeSet;

use slippers_core::catalog::SlipperChange;
use slippers_core::orders::{OrderChange, OrderStatus, PlaceError};
use slippers_core::types::{Money, OrderId, UserId};

use crate::given::{NOW, Shop, all_orders, as_buyer, assert_is, buying, keeping, orders_of, to};

/// Ways in which a pending order stops being one.
const ENDINGS: [&str; 4] = ["cancelled", "paid", "deleted", "expired"];

async fn end(shop: &Shop, ending: &str, user: UserId, order: OrderId) {
    match ending {
        "cancelled" => {
            shop.change_order(order, as_buyer(user), to(OrderStatus::Cancelled), NOW)
                .await
                .expect("cancelled");
        }
        "paid" => drop(shop.move_order(order, OrderStatus::Paid).await.expect("paid")),
        "deleted" => shop.delete_order(order, as_buyer(user), NOW).await.expect("deleted"),
        _ => assert_eq!(shop.expire_orders(NOW, 9, NOW).await.expect("expired"), [order]),
    }
}

pub async fn the_same_cart_gives_the_same_order(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    for seconds in [1, 60, 86_400] {
        let again = shop.place_from_cart(keeping(user), NOW.plus_seconds(seconds)).await.expect("the same");
        assert_eq!(again, order);
    }
    assert_eq!(shop.orders(all_orders()).await.total, 1);
    assert_eq!(shop.stock(mu).await, 7, "its stock was taken once");
}

pub async fn a_cart_that_the_order_itself_emptied_gives_that_order(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    let order = shop.buy(user).await.expect("placed");
    let cart = shop.cart(user).await;
    for place in [buying(user), keeping(user), buying(user)] {
        assert_eq!(shop.place_from_cart(place, NOW.plus_seconds(5)).await.expect("the same"), order);
        assert_eq!(shop.cart(user).await, cart, "an empty cart is not emptied again");
    }
    shop.clear_cart(user, NOW).await.expect("clearing an empty cart is no change");
    assert_eq!(shop.buy(user).await.expect("the same"), order);
    assert_eq!((shop.orders(all_orders()).await.total, shop.stock(mu).await), (1, 7));
}

pub async fn a_repeat_may_ask_for_the_clearing_that_the_first_call_did_not(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    let full = shop.cart(user).await;
    assert_eq!(shop.buy(user).await.expect("the same"), order);
    let emptied = shop.cart(user).await;
    assert_eq!(emptied.lines, []);
    assert!(emptied.version > full.version);
    for place in [buying(user), keeping(user)] {
        assert_eq!(shop.place_from_cart(place, NOW).await.expect("it was its own clearing"), order);
    }
    assert_eq!(shop.cart(user).await, emptied);
    assert_eq!((shop.orders(all_orders()).await.total, shop.stock(mu).await), (1, 7));
}

pub async fn a_changed_cart_gives_a_new_order(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let mut orders = vec![shop.place_from_cart(keeping(user), NOW).await.expect("placed").id];
    let line = shop.cart(user).await.lines[0].id;
    shop.add(user, nu, 1).await;
    orders.push(shop.place_from_cart(keeping(user), NOW).await.expect("placed").id);
    shop.set_line_quantity(user, line, 2, NOW).await.expect("set");
    orders.push(shop.place_from_cart(keeping(user), NOW).await.expect("placed").id);
    // Its content is what it was at first, but its version is not.
    shop.set_line_quantity(user, line, 1, NOW).await.expect("set");
    orders.push(shop.buy(user).await.expect("placed").id);
    shop.add(user, mu, 1).await;
    orders.push(shop.buy(user).await.expect("placed").id);
    assert_eq!(orders.iter().collect::<BTreeSet<_>>().len(), 5, "{orders:?}");
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9 - 6, 9 - 3));
}

pub async fn a_cart_emptied_by_hand_is_an_empty_cart(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    shop.clear_cart(user, NOW).await.expect("cleared");
    assert_is!(shop.buy(user).await, Err(PlaceError::CartEmpty));

    let other = shop.buyer_of(&[(mu, 1)]).await;
    shop.buy(other).await.expect("placed");
    let cart = shop.add(other, mu, 1).await;
    shop.remove_line(other, cart.lines[0].id, NOW).await.expect("removed");
    assert_is!(shop.buy(other).await, Err(PlaceError::CartEmpty));
    assert_eq!(shop.orders(all_orders()).await.total, 2);
}

pub async fn an_order_that_is_no_longer_pending_is_not_given_again_from_an_emptied_cart(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for ending in ENDINGS {
        let user = shop.buyer_of(&[(mu, 1)]).await;
        let order = shop.buy(user).await.expect("placed");
        end(shop, ending, user, order.id).await;
        for place in [buying(user), keeping(user)] {
            let refused = shop.place_from_cart(place, NOW).await;
            assert!(matches!(refused, Err(PlaceError::CartEmpty)), "{ending}: {refused:?}");
        }
    }
}

pub async fn an_order_that_is_no_longer_pending_makes_room_for_a_new_one_from_a_kept_cart(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for ending in ENDINGS {
        let user = shop.buyer_of(&[(mu, 1)]).await;
        let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
        end(shop, ending, user, order.id).await;
        let next = shop.place_from_cart(keeping(user), NOW.plus_seconds(1)).await.expect("placed");
        assert!(next.id > order.id, "{ending}");
        assert_eq!(next.status, OrderStatus::Pending, "{ending}");
        let repeated = shop.place_from_cart(keeping(user), NOW).await.expect("the same as the second");
        assert_eq!(repeated, next, "{ending}");
        shop.delete_order(next.id, as_buyer(user), NOW).await.expect("deleted");
    }
}

pub async fn six_calls_at_once_place_one_order(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for clear_cart in [true, false] {
        for _ in 0..5 {
            let before = shop.stock(mu).await;
            let user = shop.buyer_of(&[(mu, 2)]).await;
            let place = if clear_cart { buying(user) } else { keeping(user) };
            let answers = shop
                .at_once(6, move |shop, _| {
                    let place = place.clone();
                    async move { shop.place_from_cart(place, NOW).await.expect("placed or repeated") }
                })
                .await;
            assert!(answers.iter().all(|order| *order == answers[0]), "{answers:?}");
            assert_eq!(shop.orders(orders_of(user)).await.orders, [answers[0].clone()]);
            assert_eq!(shop.stock(mu).await, before - 2);
            assert_eq!(shop.cart(user).await.lines.is_empty(), clear_cart);
        }
    }
}

pub async fn six_calls_at_once_that_disagree_on_the_clearing_place_one_order(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for _ in 0..8 {
        let before = shop.stock(mu).await;
        let user = shop.buyer_of(&[(mu, 2)]).await;
        let answers = shop
            .at_once(6, move |shop, number| async move {
                let place = if number % 2 == 0 { buying(user) } else { keeping(user) };
                shop.place_from_cart(place, NOW).await.expect("placed or repeated")
            })
            .await;
        assert!(answers.iter().all(|order| *order == answers[0]), "{answers:?}");
        assert_eq!(shop.stock(mu).await, before - 2);
        assert_eq!(shop.cart(user).await.lines, []);
        assert_eq!(shop.buy(user).await.expect("the same"), answers[0]);
    }
}

pub async fn a_repeat_answers_the_order_as_it_is_now(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = shop.buy(user).await.expect("placed");
    let noted = OrderChange { notes: Some(Some("ring twice".into())), ..OrderChange::default() };
    let noted = shop.change_order(order.id, as_buyer(user), noted, NOW.plus_seconds(3)).await.expect("noted");
    let dearer = SlipperChange { price: Some(Money::from_minor(1)), ..SlipperChange::default() };
    shop.set(mu, dearer).await;
    let again = shop.buy(user).await.expect("the same");
    assert_eq!(again, noted);
    assert_eq!(again.total, order.total, "the price is that of the day");
}

pub async fn an_order_keeps_its_price_until_it_is_given_up(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 2)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    for price in [1, 99_999] {
        let price = Money::from_minor(price);
        shop.set(mu, SlipperChange { price: Some(price), ..SlipperChange::default() }).await;
        let again = shop.place_from_cart(keeping(user), NOW.plus_seconds(9)).await.expect("the same");
        assert_eq!(again, order, "the cart is the same, and so is what was agreed");
    }
    assert_eq!(shop.stock(mu).await, 7);
    end(shop, "cancelled", user, order.id).await;
    let next = shop.place_from_cart(keeping(user), NOW.plus_seconds(10)).await.expect("placed");
    assert!(next.id > order.id);
    assert_eq!(next.total, Money::from_minor(2 * 99_999), "the new order is at the new price");
}

pub async fn a_repeat_of_the_last_pair_is_not_out_of_stock(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    assert_eq!(shop.place_from_cart(keeping(user), NOW).await.expect("the same"), order);
    shop.pause(mu).await;
    assert_eq!(shop.place_from_cart(keeping(user), NOW).await.expect("the same"), order);
    assert_eq!(shop.stock(mu).await, 0);
}

pub async fn equal_carts_of_two_users_are_two_orders(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (anna, bella) = (shop.buyer_of(&[(mu, 1)]).await, shop.buyer_of(&[(mu, 1)]).await);
    let (first, second) = (shop.buy(anna).await.expect("placed"), shop.buy(bella).await.expect("placed"));
    assert_ne!(first.id, second.id);
    assert_eq!((first.user, second.user), (anna, bella));
    assert_eq!(shop.buy(anna).await.expect("the same"), first);
    assert_eq!(shop.buy(bella).await.expect("the same"), second);
    assert_eq!(shop.stock(mu).await, 7);
}

pub async fn a_product_deleted_from_the_cart_makes_it_another_cart(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let user = shop.buyer_of(&[(mu, 1), (nu, 1)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    shop.delete_slipper(nu, NOW).await.expect("deleted");
    let next = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    assert!(next.id > order.id);
    assert_eq!(next.lines.iter().map(|line| line.slipper).collect::<Vec<_>>(), [mu]);
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    assert_is!(shop.place_from_cart(keeping(user), NOW).await, Err(PlaceError::CartEmpty));
}

pub async fn a_refused_call_is_not_remembered(shop: &Shop) {
    let mu = shop.product("Mu", 0).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    assert_is!(shop.buy(user).await, Err(PlaceError::Plan(_)));
    shop.set(mu, SlipperChange { quantity: Some(1), ..SlipperChange::default() }).await;
    shop.buy(user).await.expect("placed once there is stock");
    assert_eq!((shop.stock(mu).await, shop.orders(all_orders()).await.total), (0, 1));
}
