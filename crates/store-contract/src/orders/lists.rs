//! Lists of orders: newest first, whose, how many.

use slippers_core::orders::{MAX_LISTED_LINES, Order, OrderQuery, OrderStatus};
use slippers_core::types::{OrderId, UserId};

use crate::given::{Dice, NOBODYS, NOW, Shop, all_orders, as_buyer, keeping, orders_of};

/// Orders of three buyers in turn, of one to three lines, newest first.
async fn some_orders(shop: &Shop, count: usize) -> (Vec<Order>, [UserId; 3]) {
    let slippers = [shop.product("a", 999).await, shop.product("b", 999).await, shop.product("c", 999).await];
    let buyers = [shop.buyer().await, shop.buyer().await, shop.buyer().await];
    let mut orders = Vec::new();
    for number in 0..count {
        let user = buyers[number % 3];
        for slipper in &slippers[..=(number / 2) % 3] {
            shop.add(user, *slipper, 1).await;
        }
        // Placed at times that tell nothing of their order, which goes by number.
        let time = NOW.plus_seconds(-i64::try_from(number % 5).expect("small"));
        orders.push(shop.place_from_cart(crate::given::buying(user), time).await.expect("placed"));
    }
    orders.reverse();
    (orders, buyers)
}

fn of(orders: &[Order], user: UserId) -> Vec<Order> {
    orders.iter().filter(|order| order.user == user).cloned().collect()
}

pub async fn the_newest_orders_come_first(shop: &Shop) {
    let (orders, buyers) = some_orders(shop, 20).await;
    let listed = shop.orders(all_orders()).await;
    assert_eq!(listed.orders, orders);
    assert_eq!(listed.total, 20);
    for user in buyers {
        let own = of(&orders, user);
        let listed = shop.orders(orders_of(user)).await;
        assert_eq!(listed.total, i64::try_from(own.len()).expect("few"));
        assert_eq!(listed.orders, own, "nobody else's");
    }
}

pub async fn at_most_so_many_are_listed_and_all_are_counted(shop: &Shop) {
    let (orders, buyers) = some_orders(shop, 14).await;
    for max in [1, 2, 5, 13, 14, 15, 1000] {
        let upto = usize::try_from(max).expect("small");
        let listed = shop.orders(OrderQuery { max, ..all_orders() }).await;
        assert_eq!((&listed.orders[..], listed.total), (&orders[..upto.min(14)], 14), "max {max}");
        let own = of(&orders, buyers[0]);
        let listed = shop.orders(OrderQuery { max, ..orders_of(buyers[0]) }).await;
        assert_eq!((&listed.orders[..], listed.total), (&own[..upto.min(5)], 5), "max {max}");
    }
}

pub async fn a_walk_by_the_last_number_meets_each_order_once(shop: &Shop) {
    let (orders, buyers) = some_orders(shop, 23).await;
    for (of_whom, expected) in [(None, orders.clone()), (Some(buyers[1]), of(&orders, buyers[1]))] {
        for max in [1, 4, 7] {
            let (mut met, mut before) = (Vec::new(), None);
            loop {
                let listed = shop.orders(OrderQuery { of: of_whom, before, max, ..all_orders() }).await;
                assert_eq!(
                    listed.total,
                    i64::try_from(expected.len()).expect("few"),
                    "whatever `before` says"
                );
                let Some(last) = listed.orders.last() else { break };
                before = Some(last.id);
                met.extend(listed.orders);
            }
            assert_eq!(met, expected, "max {max}");
        }
    }
}

pub async fn the_list_continues_before_numbers_that_no_order_bears(shop: &Shop) {
    let (orders, buyers) = some_orders(shop, 6).await;
    let gone = &orders[2];
    shop.delete_order(gone.id, as_buyer(gone.user), NOW).await.expect("deleted");
    let listed = shop.orders(OrderQuery { before: Some(gone.id), ..all_orders() }).await;
    assert_eq!((&listed.orders[..], listed.total), (&orders[3..], 5));
    for (before, count) in [(i64::MAX, 5), (0, 0), (-1, 0), (i64::MIN, 0), (1, 0), (2, 1), (1 << 40, 5)] {
        let query = OrderQuery { before: Some(OrderId::new(before)), ..all_orders() };
        let listed = shop.orders(query).await;
        assert_eq!((listed.orders.len(), listed.total), (count, 5), "before {before}");
        let listed = shop.orders(OrderQuery { of: Some(buyers[1]), ..query }).await;
        assert!(listed.orders.iter().all(|order| order.user == buyers[1]), "before {before}");
        assert_eq!(listed.total, 2, "before {before}");
    }
}

pub async fn a_user_without_orders_has_an_empty_list(shop: &Shop) {
    assert_eq!(shop.orders(all_orders()).await.orders, []);
    assert_eq!(shop.orders(OrderQuery { with_outcome: true, ..all_orders() }).await.total, 0);
    some_orders(shop, 3).await;
    let idle = shop.buyer().await;
    for user in NOBODYS.into_iter().map(UserId::new).chain([idle]) {
        for with_outcome in [false, true] {
            let listed = shop.orders(OrderQuery { with_outcome, ..orders_of(user) }).await;
            assert_eq!((listed.orders, listed.total), (Vec::new(), 0), "{user:?}");
        }
    }
}

pub async fn orders_whose_payment_came_to_something_are_listed_apart(shop: &Shop) {
    let (orders, buyers) = some_orders(shop, 12).await;
    let paid_only = OrderQuery { with_outcome: true, ..all_orders() };
    assert_eq!(shop.orders(paid_only).await.orders, []);
    for place in [1, 4, 5, 9] {
        shop.move_order(orders[place].id, OrderStatus::Paid).await.expect("paid");
    }
    for place in [4, 5] {
        shop.move_order(orders[place].id, OrderStatus::Refunded).await.expect("refunded");
    }
    shop.move_order(orders[7].id, OrderStatus::Cancelled).await.expect("cancelled");
    let mut expected = Vec::new();
    for place in [1, 4, 5, 9] {
        expected.push(shop.order(orders[place].id).await);
    }
    let listed = shop.orders(paid_only).await;
    assert_eq!((&listed.orders, listed.total), (&expected, 4));
    let part = shop.orders(OrderQuery { before: Some(expected[0].id), max: 2, ..paid_only }).await;
    assert_eq!((&part.orders[..], part.total), (&expected[1..3], 4));
    for user in buyers {
        let own = of(&expected, user);
        let listed = shop.orders(OrderQuery { of: Some(user), ..paid_only }).await;
        assert_eq!(listed.total, i64::try_from(own.len()).expect("few"));
        assert_eq!(listed.orders, own);
    }
    assert_eq!(shop.orders(all_orders()).await.total, 12);
}

pub async fn totals_are_right_after_a_crowd_placed_cancelled_and_deleted(shop: &Shop) {
    let mu = shop.product("Mu", 100_000).await;
    let mut buyers = Vec::new();
    for _ in 0..4 {
        buyers.push(shop.buyer().await);
    }
    shop.keeper().await;
    let crowd = buyers.clone();
    shop.at_once(8, move |shop, number| {
        let user = crowd[usize::try_from(number % 4).expect("small")];
        async move {
            let mut dice = Dice::new(u64::try_from(number).expect("small"));
            for _ in 0..15 {
                shop.add(user, mu, 1).await;
                let Ok(order) = shop.buy(user).await else { continue };
                // A twin may have had the same order in its hands first: a refusal is fine, a wrong count is not.
                let _ = match dice.roll(4) {
                    0 => shop.delete_order(order.id, as_buyer(user), NOW).await,
                    1 => shop.move_order(order.id, OrderStatus::Cancelled).await.map(|_| ()),
                    2 => shop.move_order(order.id, OrderStatus::Paid).await.map(|_| ()),
                    _ => Ok(()),
                };
            }
        }
    })
    .await;
    let listed = shop.orders(all_orders()).await;
    assert_eq!(listed.total, i64::try_from(listed.orders.len()).expect("few"));
    assert!(listed.total > 10);
    for user in buyers {
        let own = shop.orders(orders_of(user)).await;
        assert_eq!(own.orders, of(&listed.orders, user));
        assert_eq!(own.total, i64::try_from(own.orders.len()).expect("few"));
        let paid = shop.orders(OrderQuery { with_outcome: true, ..orders_of(user) }).await;
        assert_eq!(paid.total, i64::try_from(paid.orders.len()).expect("few"));
    }
    let held: i64 = listed
        .orders
        .iter()
        .filter(|order| matches!(order.status, OrderStatus::Pending | OrderStatus::Paid))
        .flat_map(|order| &order.lines)
        .map(|line| line.quantity)
        .sum();
    assert_eq!(shop.stock(mu).await + held, 100_000);
}

/// A thousand orders of a thousand lines would be 180 MB of answer, which anybody could prepare.
pub async fn a_list_ends_behind_the_order_that_reaches_the_bound_of_lines(shop: &Shop) {
    const LINES: usize = 500;
    let user = shop.buyer().await;
    let mut slippers = Vec::new();
    for number in 0..LINES {
        let slipper = shop.product(&format!("Mu {number}"), 99).await;
        shop.add(user, slipper, 1).await;
        slippers.push(slipper);
    }
    let orders = MAX_LISTED_LINES / LINES + 1;
    for slipper in &slippers[..orders] {
        shop.add(user, *slipper, 1).await;
        shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    }
    let listed = shop.orders(orders_of(user)).await;
    assert_eq!(listed.orders.len(), orders - 1, "the last one does not fit any more");
    assert_eq!(listed.total, i64::try_from(orders).expect("few"));
    let last = listed.orders.last().expect("an order").id;
    let rest = shop.orders(OrderQuery { before: Some(last), ..orders_of(user) }).await;
    assert_eq!(rest.orders.len(), 1, "`before` goes on from there");
}
