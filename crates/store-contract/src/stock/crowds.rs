//! Many buyers at once: everything is sold, nothing twice.

use slippers_core::catalog::SlipperChange;
use slippers_core::orders::rules::PlanError;
use slippers_core::orders::{Order, OrderStatus, PlaceError};
use slippers_core::types::{Money, SlipperId, UserId};

use crate::given::{Dice, NOW, Shop, all_orders, as_buyer, assert_is, buying, keeping, to};

/// New buyers with these products in their carts.
async fn buyers_of(shop: &Shop, count: usize, lines: &[(SlipperId, i64)]) -> Vec<UserId> {
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(shop.buyer_of(lines).await);
    }
    users
}

/// All of them buy at the same moment.
async fn all_buy(shop: &Shop, users: &[UserId]) -> Vec<Result<Order, PlaceError>> {
    let crowd = users.to_vec();
    let count = i64::try_from(users.len()).expect("few");
    shop.at_once(count, move |shop, number| {
        let user = crowd[usize::try_from(number).expect("small")];
        async move { shop.buy(user).await }
    })
    .await
}

/// How many pairs of a product the orders that hold stock hold.
async fn held(shop: &Shop, slipper: SlipperId) -> i64 {
    let holding = |order: &Order| matches!(order.status, OrderStatus::Pending | OrderStatus::Paid);
    let orders = shop.orders(all_orders()).await.orders;
    let lines = orders.into_iter().filter(holding).flat_map(|order| order.lines);
    lines.filter(|line| line.slipper == slipper).map(|line| line.quantity).sum()
}

pub async fn two_buyers_of_the_last_pair_one_gets_it(shop: &Shop) {
    for round in 0..20 {
        let mu = shop.product(&format!("Mu {round}"), 1).await;
        let users = buyers_of(shop, 2, &[(mu, 1)]).await;
        let answers = all_buy(shop, &users).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "round {round}: {answers:?}");
        for (user, answer) in users.iter().zip(&answers) {
            let Err(refused) = answer else { continue };
            assert_is!(refused, PlaceError::Plan(PlanError::OutOfStock { slipper, left: 0, wanted: 1, .. })
                if *slipper == mu);
            assert_eq!(shop.cart(*user).await.lines.len(), 1, "who got nothing keeps their cart");
        }
        assert_eq!(shop.stock(mu).await, 0);
    }
}

pub async fn sixty_buyers_of_thirty_seven_pairs_make_thirty_seven_orders(shop: &Shop) {
    let mu = shop.product("Mu", 37).await;
    let users = buyers_of(shop, 60, &[(mu, 1)]).await;
    let answers = all_buy(shop, &users).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 37);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, name, left: 0, wanted: 1, .. }))
            if *slipper == mu && name == "Mu");
    }
    assert_eq!(shop.stock(mu).await, 0);
    let listed = shop.orders(all_orders()).await;
    assert_eq!((listed.total, listed.orders.len()), (37, 37));
    for (user, answer) in users.iter().zip(&answers) {
        let own = shop.orders(crate::given::orders_of(*user)).await.orders;
        match answer {
            Ok(order) => assert_eq!(own, std::slice::from_ref(order)),
            Err(_) => assert_eq!(own, []),
        }
        assert_eq!(shop.cart(*user).await.lines.is_empty(), answer.is_ok());
    }
}

pub async fn a_buyer_of_more_than_is_left_leaves_it_to_the_next(shop: &Shop) {
    let mu = shop.product("Mu", 10).await;
    let (greedy, modest) = (buyers_of(shop, 8, &[(mu, 3)]).await, buyers_of(shop, 8, &[(mu, 1)]).await);
    let answers = all_buy(shop, &[greedy, modest].concat()).await;
    let sold: i64 = answers.iter().flatten().map(|order| order.lines[0].quantity).sum();
    assert_eq!(shop.stock(mu).await, 10 - sold);
    assert!((8..=10).contains(&sold), "{sold} sold");
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_is!(refused, PlaceError::Plan(PlanError::OutOfStock { left, wanted, .. }) if left < wanted);
    }
    assert_eq!(answers[8..].iter().filter(|answer| answer.is_err()).count() > 0, sold == 10);
}

pub async fn products_wanted_in_opposite_orders_do_not_deadlock_or_oversell(shop: &Shop) {
    let (mu, nu, xi) =
        (shop.product("Mu", 25).await, shop.product("Nu", 25).await, shop.product("Xi", 25).await);
    let there = buyers_of(shop, 20, &[(mu, 1), (nu, 1), (xi, 1)]).await;
    let back = buyers_of(shop, 20, &[(xi, 1), (nu, 1), (mu, 1)]).await;
    let mixed: Vec<UserId> = there.into_iter().zip(back).flat_map(|(one, other)| [one, other]).collect();
    let answers = all_buy(shop, &mixed).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 25);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { left: 0, .. })));
    }
    for slipper in [mu, nu, xi] {
        assert_eq!((shop.stock(slipper).await, held(shop, slipper).await), (0, 25));
    }
}

pub async fn one_who_is_refused_does_not_spoil_it_for_the_others(shop: &Shop) {
    let (mu, paused, sold_out) =
        (shop.product("Mu", 100).await, shop.product("Paused", 100).await, shop.product("Sold out", 0).await);
    let fine = buyers_of(shop, 10, &[(mu, 1)]).await;
    let stuck = buyers_of(shop, 10, &[(mu, 1), (paused, 1)]).await;
    let late = buyers_of(shop, 10, &[(mu, 1), (sold_out, 1)]).await;
    let empty = buyers_of(shop, 10, &[]).await;
    shop.pause(paused).await;
    let mut mixed = Vec::new();
    for place in 0..10 {
        mixed.extend([fine[place], stuck[place], late[place], empty[place]]);
    }
    for (place, answer) in all_buy(shop, &mixed).await.into_iter().enumerate() {
        match (place % 4, answer) {
            (0, answer) => assert!(answer.is_ok(), "{answer:?}"),
            (1, Err(PlaceError::Plan(PlanError::Paused { slipper, .. }))) => assert_eq!(slipper, paused),
            (2, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, .. }))) => {
                assert_eq!(slipper, sold_out);
            }
            (3, Err(PlaceError::CartEmpty)) => {}
            (place, answer) => panic!("{place}: {answer:?}"),
        }
    }
    assert_eq!((shop.stock(mu).await, shop.stock(paused).await, shop.stock(sold_out).await), (90, 100, 0));
    assert_eq!(shop.orders(all_orders()).await.total, 10);
}

pub async fn an_admins_change_of_other_fields_loses_no_sale(shop: &Shop) {
    let mu = shop.product("Mu", 100).await;
    let users = buyers_of(shop, 40, &[(mu, 1)]).await;
    shop.keeper().await;
    shop.at_once(60, move |shop, number| {
        let user = usize::try_from(number).ok().and_then(|at| users.get(at).copied());
        async move {
            match user {
                Some(user) => drop(shop.buy(user).await.expect("placed")),
                None => {
                    let (name, price) = (Some(format!("Mu {number}")), Some(Money::from_minor(number)));
                    shop.set(mu, SlipperChange { name, price, ..SlipperChange::default() }).await;
                }
            }
        }
    })
    .await;
    assert_eq!(shop.stock(mu).await, 60);
    for order in shop.orders(all_orders()).await.orders {
        let line = &order.lines[0];
        let paid = (line.name.as_str(), line.unit_price.minor());
        let is_one_state = paid == ("Mu", 10_000) || paid.0 == format!("Mu {}", paid.1);
        assert!(is_one_state, "{paid:?} mixes two states of the product");
        assert_eq!(order.total, line.total);
    }
}

pub async fn a_count_of_the_stock_among_sales_never_ends_below_zero(shop: &Shop) {
    let mu = shop.product("Mu", 50).await;
    let users = buyers_of(shop, 40, &[(mu, 2)]).await;
    shop.keeper().await;
    let answers = shop
        .at_once(44, move |shop, number| {
            let user = usize::try_from(number).ok().and_then(|at| users.get(at).copied());
            async move {
                match user {
                    Some(user) => i64::from(shop.buy(user).await.is_ok()),
                    None => {
                        let counted = SlipperChange { quantity: Some(7), ..SlipperChange::default() };
                        assert_eq!(shop.set(mu, counted).await.quantity, 7, "answered as it is then");
                        0
                    }
                }
            }
        })
        .await;
    let sold = 2 * answers.iter().sum::<i64>();
    let left = shop.stock(mu).await;
    assert!((0..=7).contains(&left), "{left} left after a count of 7");
    assert_eq!(left % 2, 1, "pairs are sold by two: an odd count leaves an odd rest");
    assert_eq!(held(shop, mu).await, sold);
}

pub async fn a_product_deleted_among_sales_is_sold_or_gone(shop: &Shop) {
    for round in 0..5 {
        let mu = shop.product(&format!("Mu {round}"), 50).await;
        let nu = shop.product(&format!("Nu {round}"), 50).await;
        let users = buyers_of(shop, 10, &[(mu, 1), (nu, 1)]).await;
        let orders = shop
            .at_once(11, move |shop, number| {
                let user = usize::try_from(number).ok().and_then(|at| users.get(at).copied());
                async move {
                    match user {
                        // The cart lost a line meanwhile, or it did not: either way the order is of what it held.
                        Some(user) => Some(shop.buy(user).await.expect("placed")),
                        None => {
                            shop.delete_slipper(mu, NOW).await.expect("deleted");
                            None
                        }
                    }
                }
            })
            .await;
        for order in orders.into_iter().flatten() {
            let bought: Vec<SlipperId> = order.lines.iter().map(|line| line.slipper).collect();
            assert!(bought == [mu, nu] || bought == [nu], "{bought:?}");
            assert_eq!(shop.order(order.id).await, order);
        }
        assert_eq!(shop.stock(nu).await, 40, "round {round}");
    }
}

pub async fn a_storm_of_orders_and_returns_keeps_every_pair(shop: &Shop) {
    let slippers = [shop.product("Mu", 12).await, shop.product("Nu", 9).await, shop.product("Xi", 15).await];
    let users = buyers_of(shop, 12, &[]).await;
    shop.keeper().await;
    shop.at_once(12, move |shop, number| {
        let user = users[usize::try_from(number).expect("small")];
        async move {
            let mut dice = Dice::new(u64::try_from(number).expect("small"));
            for _ in 0..12 {
                for _ in 0..=dice.roll(2) {
                    shop.add(user, dice.pick(&slippers), 1).await;
                }
                let place = if dice.roll(2) == 0 { buying(user) } else { keeping(user) };
                match shop.place_from_cart(place, NOW).await {
                    Ok(order) => give_up(&shop, &mut dice, &order).await,
                    Err(PlaceError::Plan(PlanError::OutOfStock { .. }) | PlaceError::CartEmpty) => {
                        shop.clear_cart(user, NOW).await.expect("cleared");
                    }
                    Err(other) => panic!("{other:?}"),
                }
                for slipper in slippers {
                    assert!(shop.stock(slipper).await >= 0);
                }
            }
        }
    })
    .await;
    for (slipper, stock) in slippers.into_iter().zip([12, 9, 15]) {
        assert_eq!(shop.stock(slipper).await + held(shop, slipper).await, stock, "{slipper:?}");
    }
}

/// Does something to an order, or nothing; what the rules forbid by now is refused, which is fine.
async fn give_up(shop: &Shop, dice: &mut Dice, order: &Order) {
    let _ = match dice.roll(5) {
        0 => shop
            .change_order(order.id, as_buyer(order.user), to(OrderStatus::Cancelled), NOW)
            .await
            .map(|_| ()),
        1 => shop.delete_order(order.id, as_buyer(order.user), NOW).await,
        2 => {
            let _ = shop.move_order(order.id, OrderStatus::Paid).await;
            shop.move_order(order.id, OrderStatus::Refunded).await.map(|_| ())
        }
        3 => shop.expire_orders(NOW, 2, NOW).await.map(|_| ()).map_err(Into::into),
        _ => Ok(()),
    };
}
