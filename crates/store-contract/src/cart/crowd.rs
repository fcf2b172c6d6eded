//! One cart used by many calls at once, as impatient clients do.

use std::collections::BTreeSet;

use slippers_core::cart::rules::{MAX_LINE_QUANTITY, MAX_REQUEST_QUANTITY};
use slippers_core::cart::{Cart, CartError};

use crate::given::{NOW, Shop, assert_is};

pub async fn fifty_who_open_one_cart_open_the_same(shop: &Shop) {
    let user = shop.buyer().await;
    let carts = shop.at_once(50, move |shop, _| async move { shop.cart(user).await }).await;
    let now = shop.cart(user).await;
    assert!(carts.iter().all(|cart| *cart == now), "{carts:?}");
}

pub async fn the_first_use_of_a_cart_by_many_verbs_makes_one(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let user = shop.buyer().await;
    let carts = shop
        .at_once(30, move |shop, number| async move {
            match number % 3 {
                0 => shop.cart(user).await,
                1 => shop.add(user, mu, 1).await,
                _ => shop.clear_cart(user, NOW).await.expect("cleared"),
            }
        })
        .await;
    let now = shop.cart(user).await;
    assert!(carts.iter().all(|cart| cart.id == now.id));
    assert!(now.lines.len() <= 1);
}

pub async fn fifty_additions_of_one_product_at_once_add_up(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer().await;
    let start = shop.cart(user).await.version;
    let mut carts: Vec<Cart> =
        shop.at_once(50, move |shop, _| async move { shop.add(user, mu, 1).await }).await;
    // Each was answered the cart as it was after its own change: the quantities are 1 to 50, one each.
    carts.sort_by_key(|cart| cart.version);
    assert!(carts[0].version > start);
    assert!(carts.is_sorted_by(|one, next| one.version < next.version));
    let quantities: Vec<i64> = carts.iter().map(|cart| cart.lines[0].quantity).collect();
    assert_eq!(quantities, (1..=50).collect::<Vec<_>>());
    assert!(carts.iter().all(|cart| cart.lines.len() == 1));
    assert_eq!(Some(&shop.cart(user).await), carts.last());
}

pub async fn different_products_added_at_once_all_arrive(shop: &Shop) {
    let mut slippers = Vec::new();
    for number in 0..20 {
        slippers.push(shop.product(&format!("Mu {number}"), 1).await);
    }
    let user = shop.buyer().await;
    let expected: BTreeSet<_> = slippers.iter().copied().collect();
    shop.at_once(40, move |shop, number| {
        let slipper = slippers[usize::try_from(number % 20).expect("small")];
        async move { shop.add(user, slipper, 2).await }
    })
    .await;
    let cart = shop.cart(user).await;
    assert_eq!(cart.lines.len(), 20);
    assert_eq!(cart.lines.iter().map(|line| line.slipper).collect::<BTreeSet<_>>(), expected);
    assert!(cart.lines.iter().all(|line| line.quantity == 4));
    assert!(cart.lines.is_sorted_by(|one, next| one.id < next.id));
}

pub async fn additions_at_once_stop_at_the_bound_of_a_line(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer().await;
    for _ in 0..49 {
        shop.add(user, mu, MAX_REQUEST_QUANTITY).await;
    }
    // 1,049 pairs still fit: one addition of 999, not two.
    let answers =
        shop.at_once(10, move |shop, _| async move {
            shop.add_to_cart(user, mu, MAX_REQUEST_QUANTITY, NOW).await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CartError::LineFull));
    }
    let quantity = shop.cart(user).await.lines[0].quantity;
    assert_eq!(quantity, 50 * MAX_REQUEST_QUANTITY);
    assert!(quantity <= MAX_LINE_QUANTITY);
}

pub async fn a_line_removed_by_ten_at_once_is_removed_once(shop: &Shop) {
    let user = shop.buyer_of(&[(shop.product("Mu", 1).await, 1)]).await;
    let before = shop.cart(user).await;
    let line = before.lines[0].id;
    let answers =
        shop.at_once(10, move |shop, _| async move { shop.remove_line(user, line, NOW).await }).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CartError::LineNotFound));
    }
    let after = shop.cart(user).await;
    assert_eq!(after.lines, []);
    assert!(after.version > before.version);
}

pub async fn a_product_deleted_while_it_is_added_is_in_no_cart(shop: &Shop) {
    for round in 0..5 {
        let doomed = shop.product(&format!("Mu {round}"), 1).await;
        let mut users = Vec::new();
        for _ in 0..8 {
            users.push(shop.buyer().await);
        }
        let buyers = users.clone();
        let answers = shop
            .at_once(9, move |shop, number| {
                let user = usize::try_from(number).ok().and_then(|at| buyers.get(at).copied());
                async move {
                    match user {
                        Some(user) => shop.add_to_cart(user, doomed, 1, NOW).await.map(|_| ()),
                        None => {
                            shop.delete_slipper(doomed, NOW).await.expect("deleted");
                            Ok(())
                        }
                    }
                }
            })
            .await;
        for refused in answers.iter().filter(|answer| answer.is_err()) {
            assert_is!(refused, Err(CartError::SlipperNotFound));
        }
        for user in users {
            assert_eq!(shop.cart(user).await.lines, [], "round {round}");
        }
    }
}
