//! Idempotency keys: a client's own name for one order.

use slippers_core::orders::{Idempotency, KEY_SECONDS, Order, OrderStatus, PlaceError, PlaceFromCart};
use slippers_core::types::{IdempotencyKey, Timestamp, UserId};

use crate::given::{NOW, Shop, all_orders, as_buyer, assert_is, buying, keeping, orders_of, to};

fn keyed(mut place: PlaceFromCart, key: &str, request: &str) -> PlaceFromCart {
    let key = IdempotencyKey::parse(key).expect("a key");
    place.idempotency = Some(Idempotency { key, request: request.to_owned() });
    place
}

async fn place(shop: &Shop, user: UserId, key: &str, request: &str) -> Result<Order, PlaceError> {
    shop.place_from_cart(keyed(buying(user), key, request), NOW).await
}

pub async fn a_key_answers_its_order_whatever_became_of_the_cart(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = place(shop, user, "k", "r").await.expect("placed");
    assert_eq!(place(shop, user, "k", "r").await.expect("the same"), order);
    let cart = shop.add(user, mu, 5).await;
    assert_eq!(place(shop, user, "k", "r").await.expect("the same"), order);
    assert_eq!(shop.cart(user).await, cart, "the new cart is not touched");
    shop.clear_cart(user, NOW).await.expect("cleared");
    assert_eq!(place(shop, user, "k", "r").await.expect("the same"), order);
    assert_eq!((shop.stock(mu).await, shop.orders(all_orders()).await.total), (8, 1));
}

pub async fn a_key_answers_its_order_as_it_is_now(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (first, second) = (shop.buyer_of(&[(mu, 1)]).await, shop.buyer_of(&[(mu, 1)]).await);
    let cancelled = place(shop, first, "k", "r").await.expect("placed").id;
    let paid = place(shop, second, "k", "r").await.expect("placed").id;
    shop.change_order(cancelled, as_buyer(first), to(OrderStatus::Cancelled), NOW).await.expect("cancelled");
    shop.move_order(paid, OrderStatus::Paid).await.expect("paid");
    shop.add(first, mu, 1).await;
    for (user, id, status) in [(first, cancelled, OrderStatus::Cancelled), (second, paid, OrderStatus::Paid)]
    {
        let answer = place(shop, user, "k", "r").await.expect("the same");
        assert_eq!((answer.id, answer.status), (id, status));
        assert_eq!(answer, shop.order(id).await);
    }
    assert_eq!(shop.orders(all_orders()).await.total, 2);
    assert_eq!(shop.stock(mu).await, 8);
}

pub async fn a_key_is_worth_nothing_after_a_day_whether_it_was_swept_or_not(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let first = place(shop, user, "k", "r").await.expect("placed").id;
    shop.add(user, mu, 1).await;
    let later = |seconds| shop.place_from_cart(keyed(buying(user), "k", "other"), NOW.plus_seconds(seconds));
    assert_is!(later(KEY_SECONDS).await, Err(PlaceError::KeyReused));
    let second = later(KEY_SECONDS + 1).await.expect("the key is free again").id;
    assert_ne!(first, second);
    assert_eq!(later(KEY_SECONDS + 2).await.expect("kept anew").id, second);
}

pub async fn a_key_of_another_request_is_refused(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    place(shop, user, "k", "place clear").await.expect("placed");
    shop.add(user, mu, 1).await;
    let before = shop.everything(&[user]).await;
    for request in ["place", "place clear ", "PLACE CLEAR", "", "плейс"] {
        assert_is!(place(shop, user, "k", request).await, Err(PlaceError::KeyReused));
    }
    assert_eq!(shop.everything(&[user]).await, before);
    place(shop, user, "K", "place").await.expect("keys are told apart to the letter");
}

pub async fn the_key_is_looked_at_before_the_cart(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = place(shop, user, "k", "r").await.expect("placed");
    // The cart's version would give the same order again, but the key was for something else.
    assert_is!(place(shop, user, "k", "other").await, Err(PlaceError::KeyReused));
    shop.change_order(order.id, as_buyer(user), to(OrderStatus::Cancelled), NOW).await.expect("cancelled");
    assert_is!(place(shop, user, "k", "other").await, Err(PlaceError::KeyReused));
    assert_is!(place(shop, user, "fresh", "r").await, Err(PlaceError::CartEmpty));
}

pub async fn each_user_has_their_own_keys(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (anna, bella) = (shop.buyer_of(&[(mu, 1)]).await, shop.buyer_of(&[(mu, 2)]).await);
    let annas = place(shop, anna, "k", "r").await.expect("placed");
    let bellas = place(shop, bella, "k", "another request").await.expect("placed");
    assert_ne!(annas.id, bellas.id);
    assert_eq!((annas.user, bellas.user), (anna, bella));
    assert_eq!(place(shop, anna, "k", "r").await.expect("the same"), annas);
    assert_eq!(place(shop, bella, "k", "another request").await.expect("the same"), bellas);
}

pub async fn a_key_is_kept_with_an_order_that_was_recognised_by_its_cart(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    let again = shop.place_from_cart(keyed(keeping(user), "k", "r"), NOW).await.expect("the same");
    assert_eq!(again, order);
    shop.add(user, mu, 1).await;
    let by_key = shop.place_from_cart(keyed(keeping(user), "k", "r"), NOW).await.expect("the key knows it");
    assert_eq!(by_key, order);
    let refused = shop.place_from_cart(keyed(keeping(user), "k", "other"), NOW).await;
    assert_is!(refused, Err(PlaceError::KeyReused));
    assert_eq!((shop.stock(mu).await, shop.orders(all_orders()).await.total), (8, 1));
}

pub async fn two_keys_of_one_cart_are_one_order(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let order = place(shop, user, "k1", "r").await.expect("placed");
    assert_eq!(place(shop, user, "k2", "r").await.expect("the same cart"), order);
    shop.add(user, mu, 1).await;
    for key in ["k1", "k2"] {
        assert_eq!(place(shop, user, key, "r").await.expect("both are kept"), order);
    }
    let next = place(shop, user, "k3", "r").await.expect("placed");
    assert!(next.id > order.id);
}

pub async fn a_refused_call_does_not_use_up_its_key(shop: &Shop) {
    let (mu, sold_out) = (shop.product("Mu", 9).await, shop.product("Sold out", 0).await);
    let user = shop.buyer().await;
    assert_is!(place(shop, user, "k", "first").await, Err(PlaceError::CartEmpty));
    let line = shop.add(user, sold_out, 1).await.lines[0].id;
    assert_is!(place(shop, user, "k", "second").await, Err(PlaceError::Plan(_)));
    shop.remove_line(user, line, NOW).await.expect("removed");
    shop.add(user, mu, 1).await;
    let order = place(shop, user, "k", "third").await.expect("the key is free still");
    assert_eq!(place(shop, user, "k", "third").await.expect("the same"), order);
    assert_is!(place(shop, user, "k", "first").await, Err(PlaceError::KeyReused));
}

pub async fn one_key_at_once_places_one_order(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for _ in 0..5 {
        let before = shop.stock(mu).await;
        let user = shop.buyer_of(&[(mu, 1)]).await;
        let answers = shop
            .at_once(6, move |shop, _| async move { place(&shop, user, "k", "r").await.expect("placed") })
            .await;
        assert!(answers.iter().all(|order| *order == answers[0]), "{answers:?}");
        assert_eq!(shop.orders(orders_of(user)).await.total, 1);
        assert_eq!(shop.stock(mu).await, before - 1);
    }
}

pub async fn of_six_requests_under_one_key_at_once_one_gets_it(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    for _ in 0..5 {
        let user = shop.buyer_of(&[(mu, 1)]).await;
        let answers =
            shop.at_once(6, move |shop, number| async move {
                place(&shop, user, "k", &format!("r{number}")).await
            })
            .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        for refused in answers.iter().filter(|answer| answer.is_err()) {
            assert_is!(refused, Err(PlaceError::KeyReused));
        }
        assert_eq!(shop.orders(orders_of(user)).await.total, 1);
    }
}

pub async fn the_longest_keys_and_requests_are_kept(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let (key, request) = ("~".repeat(255), "ж'\"%".repeat(2000));
    let order = place(shop, user, &key, &request).await.expect("placed");
    shop.add(user, mu, 1).await;
    assert_eq!(place(shop, user, &key, &request).await.expect("the same"), order);
    assert_is!(place(shop, user, &key, &request[2..]).await, Err(PlaceError::KeyReused));
}

pub async fn old_keys_are_forgotten_by_their_first_use(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (user, before) = (shop.buyer().await, NOW.plus_seconds(100));
    let just_before = Timestamp::from_micros(before.micros() - 1);
    for (key, now) in [("old", NOW), ("just", just_before), ("at", before), ("new", before.plus_seconds(1))] {
        shop.add(user, mu, 1).await;
        shop.place_from_cart(keyed(buying(user), key, "r"), now).await.expect("placed");
    }
    // A later use does not make a key younger.
    shop.place_from_cart(keyed(buying(user), "old", "r"), before.plus_seconds(9)).await.expect("the same");

    assert_eq!(shop.sweep_idempotency(before, 100).await.expect("swept"), 2);
    assert_eq!(shop.sweep_idempotency(before, 100).await.expect("swept"), 0);
    for key in ["at", "new"] {
        assert_is!(place(shop, user, key, "other").await, Err(PlaceError::KeyReused));
    }
    for key in ["old", "just"] {
        shop.add(user, mu, 1).await;
        let order = place(shop, user, key, "other").await.expect("the key is free again");
        assert_eq!(order.lines[0].quantity, 1);
    }
    assert_eq!(shop.orders(all_orders()).await.total, 6, "no order went with its key");
}

pub async fn keys_are_forgotten_in_small_steps(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let user = shop.buyer().await;
    for number in 0..7 {
        shop.add(user, mu, 1).await;
        place(shop, user, &format!("k{number}"), "r").await.expect("placed");
    }
    let later = NOW.plus_seconds(1);
    for (limit, gone) in [(0, 0), (3, 3), (3, 3), (3, 1), (3, 0)] {
        assert_eq!(shop.sweep_idempotency(later, limit).await.expect("swept"), gone);
    }
}
