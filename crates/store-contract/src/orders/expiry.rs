//! Orders that nobody paid in time.

use slippers_core::orders::{Order, OrderStatus};
use slippers_core::types::{OrderId, SlipperId, Timestamp};

use crate::given::{NOW, Shop, all_orders, as_buyer, buying};

const LATER: Timestamp = NOW.plus_seconds(7200);

/// An order of one pair placed at this time.
async fn placed_at(shop: &Shop, slipper: SlipperId, time: Timestamp) -> Order {
    let user = shop.buyer_of(&[(slipper, 1)]).await;
    shop.place_from_cart(buying(user), time).await.expect("placed")
}

async fn expire(shop: &Shop, placed_before: Timestamp, limit: i64) -> Vec<OrderId> {
    let mut gone = shop.expire_orders(placed_before, limit, LATER).await.expect("the store answers");
    gone.sort();
    gone
}

pub async fn an_order_placed_at_the_bound_expires_and_one_placed_after_it_does_not(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let at = placed_at(shop, mu, NOW).await;
    let after = placed_at(shop, mu, Timestamp::from_micros(NOW.micros() + 1)).await;
    let before = placed_at(shop, mu, NOW.plus_seconds(-1)).await;
    assert_eq!(expire(shop, NOW.plus_seconds(-2), 10).await, []);
    assert_eq!(shop.stock(mu).await, 6);
    assert_eq!(expire(shop, NOW, 10).await, [at.id, before.id]);
    assert_eq!(shop.stock(mu).await, 8);
    assert_eq!(shop.order(after.id).await, after);
    assert_eq!(expire(shop, NOW, 10).await, [], "it is done");
    assert_eq!(shop.stock(mu).await, 8);
}

pub async fn an_expired_order_is_cancelled_and_gives_its_stock_back(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 5).await);
    let order = shop.order_of(&[(mu, 4), (nu, 5)]).await;
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (5, 0));
    assert_eq!(expire(shop, NOW, 10).await, [order.id]);
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await), (9, 5));
    let expected = Order { status: OrderStatus::Cancelled, updated_at: LATER, ..order };
    assert_eq!(shop.order(expected.id).await, expected);
    assert_eq!(shop.orders(all_orders()).await.orders, [expected]);
}

pub async fn the_oldest_expire_first_and_at_most_so_many(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let mut by_age = Vec::new();
    // The later they are made, the earlier they were placed: age goes by time, not by number.
    for seconds in [50, 40, 30, 20, 10] {
        by_age.insert(0, placed_at(shop, mu, NOW.plus_seconds(seconds)).await.id);
    }
    assert_eq!(expire(shop, LATER, 0).await, []);
    assert_eq!(expire(shop, LATER, 1).await, by_age[..1]);
    let mut next: Vec<OrderId> = by_age[1..3].to_vec();
    next.sort();
    assert_eq!(expire(shop, LATER, 2).await, next);
    assert_eq!(shop.stock(mu).await, 99 - 2);
    assert_eq!(expire(shop, LATER, 100).await.len(), 2);
    assert_eq!(expire(shop, LATER, 100).await, []);
    assert_eq!(shop.stock(mu).await, 99);
}

pub async fn only_pending_orders_expire(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let mut others = Vec::new();
    for status in [OrderStatus::Paid, OrderStatus::Cancelled, OrderStatus::Refunded] {
        let order = placed_at(shop, mu, NOW).await;
        if status == OrderStatus::Refunded {
            shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
        }
        others.push(shop.move_order(order.id, status).await.expect("moved"));
    }
    let deleted = placed_at(shop, mu, NOW).await;
    shop.delete_order(deleted.id, as_buyer(deleted.user), NOW).await.expect("deleted");
    let stock = shop.stock(mu).await;
    assert_eq!(stock, 98, "the paid one holds its pair");
    assert_eq!(expire(shop, LATER, 100).await, []);
    for order in others {
        assert_eq!(shop.order(order.id).await, order);
    }
    assert_eq!(shop.find_order(deleted.id).await.expect("an answer"), None);
    assert_eq!(shop.stock(mu).await, stock);
}

pub async fn orders_from_before_1970_expire_too(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let old = placed_at(shop, mu, Timestamp::from_micros(-1)).await;
    let older = placed_at(shop, mu, Timestamp::from_seconds(-2_000_000_000)).await;
    assert_eq!(shop.order(old.id).await.created_at, Timestamp::from_micros(-1));
    assert_eq!(expire(shop, Timestamp::from_micros(-2), 10).await, [older.id]);
    assert_eq!(expire(shop, Timestamp::from_micros(-1), 10).await, [old.id]);
    assert_eq!(shop.stock(mu).await, 9);
}

pub async fn four_who_expire_at_once_expire_each_order_once(shop: &Shop) {
    let mu = shop.product("Mu", 99).await;
    let mut placed = Vec::new();
    for _ in 0..20 {
        placed.push(placed_at(shop, mu, NOW).await.id);
    }
    let answers = shop
        .at_once(4, |shop, _| async move {
            let mut gone = Vec::new();
            loop {
                let mut some = expire(&shop, NOW, 3).await;
                if some.is_empty() {
                    return gone;
                }
                assert!(some.len() <= 3);
                gone.append(&mut some);
            }
        })
        .await;
    let mut gone: Vec<OrderId> = answers.into_iter().flatten().collect();
    gone.sort();
    assert_eq!(gone, placed);
    assert_eq!(shop.stock(mu).await, 99);
}

pub async fn an_order_of_a_deleted_product_expires(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let order = shop.order_of(&[(mu, 1), (nu, 2)]).await;
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    assert_eq!(expire(shop, NOW, 10).await, [order.id]);
    assert_eq!(shop.stock(nu).await, 9);
    let now = shop.order(order.id).await;
    assert_eq!((now.status, now.lines), (OrderStatus::Cancelled, order.lines));
    assert_eq!(shop.find_slipper(mu).await.expect("an answer"), None, "the product does not come back");
}
