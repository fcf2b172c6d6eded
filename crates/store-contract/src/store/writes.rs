//! Writes: whole or not at all, seen by the next read, finished or never begun when their caller goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use slippers_core::cart::Cart;
use slippers_core::catalog::SlipperChange;
use slippers_core::orders::OrderList;
use slippers_core::types::{Money, SlipperId, UserId};
use tokio::task::{JoinHandle, yield_now};

use crate::given::{NOW, Shop, all, all_orders, buying, orders_of, served};

/// Stops every task, each a little later than the one before; what those answered that came to an end.
async fn abandon<T>(tasks: Vec<JoinHandle<T>>) -> Vec<Option<T>> {
    for (place, task) in tasks.iter().enumerate() {
        for _ in 0..place % 9 {
            yield_now().await;
        }
        task.abort();
    }
    let mut answers = Vec::new();
    for task in tasks {
        match task.await {
            Ok(answer) => answers.push(Some(answer)),
            Err(stopped) if stopped.is_cancelled() => answers.push(None),
            Err(panicked) => panic!("{panicked}"),
        }
    }
    answers
}

pub async fn a_fresh_store_gives_a_sign_of_life(shop: &Shop) {
    shop.ping().await.expect("it lives");
    let pool = shop.pool_status();
    assert!(pool.size >= 1, "{pool:?}");
    assert!(pool.idle + pool.in_use <= pool.size + pool.max_overflow, "{pool:?}");
}

pub async fn every_write_is_seen_by_the_next_read(shop: &Shop) {
    shop.keeper().await;
    let mut slippers = Vec::new();
    for number in 0..8 {
        slippers.push(shop.product(&format!("Mu {number}"), 0).await);
    }
    shop.at_once(8, move |shop, number| {
        let slipper = slippers[usize::try_from(number).expect("small")];
        async move {
            let user = shop.buyer_of(&[]).await;
            for round in 1..=25 {
                let price = Some(Money::from_minor(round));
                shop.set(slipper, SlipperChange { price, quantity: Some(round), ..SlipperChange::default() })
                    .await;
                let seen = shop.slipper(slipper).await;
                assert_eq!((seen.price.minor(), seen.quantity), (round, round));
                let listed = shop.gather(all()).await.into_iter().find(|other| other.id == slipper);
                assert_eq!(listed, Some(seen));
                let added = shop.add(user, slipper, 1).await;
                assert_eq!(shop.cart(user).await, added);
                let order = shop.buy(user).await.expect("placed");
                assert_eq!(shop.order(order.id).await, order);
                assert_eq!(shop.orders(orders_of(user)).await.orders.first(), Some(&order));
                assert_eq!(shop.stock(slipper).await, round - 1);
                assert_eq!(shop.cart(user).await.lines, []);
            }
        }
    })
    .await;
}

pub async fn a_crowd_of_readers_and_writers_is_served(shop: &Shop) {
    let mu = shop.product("Mu", 1000).await;
    let mut users = Vec::new();
    for _ in 0..20 {
        users.push(shop.buyer().await);
    }
    shop.at_once(60, move |shop, number| {
        let user = users[usize::try_from(number % 20).expect("small")];
        async move {
            for _ in 0..5 {
                match number % 3 {
                    0 => drop(shop.add_to_cart(user, mu, 1, NOW).await.expect("added")),
                    1 => drop(served(|| shop.list_slippers(all())).await),
                    _ => drop(shop.orders(all_orders()).await),
                }
            }
        }
    })
    .await;
    shop.ping().await.expect("it lives still");
}

pub async fn an_order_and_the_stock_that_it_took_are_seen_together(shop: &Shop) {
    let mu = shop.product("Mu", 30).await;
    let mut users = Vec::new();
    for _ in 0..30 {
        users.push(shop.buyer_of(&[(mu, 1)]).await);
    }
    // A reader never sees more orders than pairs that are gone, nor pairs gone for orders that come later than its
    // next question: orders are counted before and after the stock. Two copies of the database may stand apart, so what one of
    // them shows the next may lack, as long as nobody was answered: before those, each is held to the orders that were answered and
    // those that were asked for.
    let (asked, answered) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    shop.at_once(34, move |shop, number| {
        let user = usize::try_from(number).ok().and_then(|at| users.get(at).copied());
        let (asked, answered) = (Arc::clone(&asked), Arc::clone(&answered));
        async move {
            let Some(user) = user else {
                for _ in 0..30 {
                    if shop.copies().is_empty() {
                        let before = shop.orders(all_orders()).await.total;
                        let gone = 30 - shop.stock(mu).await;
                        let after = shop.orders(all_orders()).await.total;
                        assert!((before..=after).contains(&gone), "{before} <= {gone} <= {after}");
                    } else {
                        let before = answered.load(Ordering::SeqCst);
                        let gone = 30 - shop.stock(mu).await;
                        let orders = shop.orders(all_orders()).await.total;
                        let after = asked.load(Ordering::SeqCst);
                        assert!((before..=after).contains(&gone), "{before} <= {gone} gone <= {after}");
                        assert!(
                            (before..=after).contains(&orders),
                            "{before} <= {orders} ordered <= {after}"
                        );
                    }
                }
                return;
            };
            asked.fetch_add(1, Ordering::SeqCst);
            shop.buy(user).await.expect("placed");
            answered.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    assert_eq!(shop.stock(mu).await, 0);
}

pub async fn an_abandoned_addition_happens_whole_or_not_at_all(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let start = shop.cart(user).await;
    let tasks = (0..80)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.add(user, mu, 1).await })
        })
        .collect();
    let answered: Vec<Cart> = abandon(tasks).await.into_iter().flatten().collect();

    let mut seen = vec![start];
    for _ in 0..20 {
        seen.push(shop.cart(user).await);
        yield_now().await;
    }
    seen.push(shop.add(user, mu, 1).await);
    seen.push(shop.cart(user).await);
    seen.extend(answered.iter().cloned());
    let mut states: Vec<(i64, i64)> =
        seen.iter().map(|cart| (cart.version, cart.lines[0].quantity)).collect();
    states.sort_unstable();
    states.dedup();
    // The version moved exactly when the quantity did.
    assert!(states.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1), "{states:?}");
    let last = shop.cart(user).await.lines[0].quantity;
    let done = i64::try_from(answered.len()).expect("few");
    assert!((2 + done..=82).contains(&last), "{last} pairs after {done} answers");
    let totals = shop.cart_totals(user).await.expect("an answer");
    assert_eq!((totals.items, totals.quantity), (1, shop.cart(user).await.lines[0].quantity));
}

/// Each buyer's orders and whether the cart is empty, and what is left of two products, all between two counts of the shop's
/// orders that agree: on a busy machine one arrives after any number of others.
async fn at_rest(
    shop: &Shop,
    users: &[UserId],
    products: [SlipperId; 2],
) -> (Vec<(OrderList, bool)>, [i64; 2]) {
    for _ in 0..200 {
        let before = shop.orders(all_orders()).await.total;
        let mut seen = Vec::new();
        for user in users {
            seen.push((shop.orders(orders_of(*user)).await, shop.cart(*user).await.lines.is_empty()));
        }
        let left = [shop.stock(products[0]).await, shop.stock(products[1]).await];
        if shop.orders(all_orders()).await.total == before {
            return (seen, left);
        }
    }
    panic!("orders never stop to arrive");
}

pub async fn an_abandoned_order_is_placed_whole_or_not_at_all(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 40).await, shop.product("Nu", 40).await);
    let mut users = Vec::new();
    for _ in 0..40 {
        users.push(shop.buyer_of(&[(mu, 1), (nu, 1)]).await);
    }
    let tasks = users
        .iter()
        .map(|user| {
            let (shop, place) = (shop.clone(), buying(*user));
            tokio::spawn(async move { shop.place_from_cart(place, NOW).await.expect("placed").id })
        })
        .collect();
    let answered = abandon(tasks).await;

    // Orders that were under way may still be arriving: once the count has stood still for ten orders of others, all of it
    // must agree.
    let fence = shop.product("Fence", 1000).await;
    let mut counts = vec![-1];
    for _ in 0..200 {
        shop.order_of(&[(fence, 1)]).await;
        let total = shop.orders(all_orders()).await.total;
        let placed = total - i64::try_from(counts.len()).expect("few");
        counts.push(placed);
        if counts.iter().rev().take_while(|count| **count == placed).count() > 10 {
            break;
        }
    }
    let (seen, left) = at_rest(shop, &users, [mu, nu]).await;
    let mut placed = 0;
    for ((own, is_cart_empty), answer) in seen.iter().zip(answered) {
        assert!(own.total <= 1);
        assert_eq!(own.orders.len() == 1, own.total == 1);
        if let Some(id) = answer {
            assert_eq!(
                own.orders.iter().map(|order| order.id).collect::<Vec<_>>(),
                [id],
                "what was answered is there"
            );
        }
        assert!(own.orders.iter().all(|order| order.lines.len() == 2));
        assert_eq!(*is_cart_empty, own.total == 1, "the cart is emptied with its order");
        placed += own.total;
    }
    assert_eq!(left, [40 - placed; 2]);
    for user in users {
        shop.buy(user).await.expect("whoever has none gets one, the others get theirs again");
    }
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (0, 0));
}
