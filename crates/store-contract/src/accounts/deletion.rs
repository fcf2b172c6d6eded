//! Deleting somebody: what goes, and what stays.

use slippers_core::accounts::{AccountError, DELETED_USER};
use slippers_core::orders::OrderStatus;
use slippers_core::types::Timestamp;

use super::users::{rotate, session, token, whose};
use crate::given::{NOW, Shop, assert_is, new_user, orders_of};

const LATER: Timestamp = NOW.plus_seconds(60);

pub async fn somebody_without_orders_is_gone_with_their_cart_and_sessions(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let anna = shop.user("Anna").await;
    let slipper = shop.product("Mu", 5).await;
    shop.add(anna.id, slipper, 2).await;
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    shop.delete_user(anna.id, keeper, LATER).await.expect("deleted");

    assert_eq!(shop.find_user(anna.id).await.expect("an answer"), None);
    assert_eq!(shop.find_password(anna.id).await.expect("an answer"), None);
    assert_eq!(shop.find_credentials("Anna").await.expect("an answer"), None);
    assert_eq!(whose(shop, 1).await, None);
    assert_is!(rotate(shop, 1, 2, 10, LATER).await, slippers_core::accounts::Rotation::Refused);
    assert_is!(shop.open_session(anna.id, session(3), LATER).await, Err(AccountError::NotFound));
    assert_is!(shop.delete_user(anna.id, keeper, LATER).await, Err(AccountError::NotFound));
    assert_eq!(shop.stock(slipper).await, 5);
    let again = shop.create_user(new_user("Anna", anna.phone.as_str()), LATER).await.expect("both are free");
    assert!(again.id > anna.id, "a number is never given twice");
    assert_eq!(shop.cart(again.id).await.lines, []);
}

pub async fn orders_stay_when_their_buyer_is_deleted_and_nothing_else_does(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let slipper = shop.product("Mu", 5).await;
    let anna = shop.user("Anna").await;
    shop.add(anna.id, slipper, 2).await;
    let before = shop.buy(anna.id).await.expect("an order");
    shop.add(anna.id, slipper, 1).await;
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    shop.delete_user(anna.id, keeper, LATER).await.expect("deleted");

    let order = shop.order(before.id).await;
    assert_eq!(order.user_name, DELETED_USER);
    assert_eq!(slippers_core::orders::Order { user_name: before.user_name.clone(), ..order }, before);
    let listed = shop.orders(orders_of(anna.id)).await;
    assert_eq!((listed.total, listed.orders[0].user_name.as_str()), (1, DELETED_USER));

    assert_eq!(shop.find_user(anna.id).await.expect("an answer"), None);
    assert_eq!(shop.find_password(anna.id).await.expect("an answer"), None);
    assert_eq!(shop.find_credentials("Anna").await.expect("an answer"), None);
    assert_eq!(shop.find_credentials(DELETED_USER).await.expect("an answer"), None);
    assert_eq!(whose(shop, 1).await, None);
    let renewed = shop.rotate_refresh(token(1).hash, token(2), 10, LATER).await.expect("an answer");
    assert_is!(renewed, slippers_core::accounts::Rotation::Refused);
    assert_is!(shop.open_session(anna.id, session(3), LATER).await, Err(AccountError::NotFound));
    assert_is!(shop.delete_user(anna.id, keeper, LATER).await, Err(AccountError::NotFound));
    let change = slippers_core::accounts::UserChange::default();
    assert_is!(shop.update_user(anna.id, change, keeper, LATER).await, Err(AccountError::NotFound));
    shop.create_user(new_user("Anna", anna.phone.as_str()), LATER).await.expect("both are free");

    shop.move_order(before.id, OrderStatus::Cancelled).await.expect("it can still be worked on");
    assert_eq!(shop.stock(slipper).await, 5);
}

pub async fn many_with_orders_can_be_deleted_one_after_the_other(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let slipper = shop.product("Mu", 100).await;
    for _ in 0..5 {
        let order = shop.order_of(&[(slipper, 1)]).await;
        shop.delete_user(order.user, keeper, LATER).await.expect("deleted");
        assert_eq!(shop.order(order.id).await.user_name, DELETED_USER);
    }
    // Nor does anybody who likes the words get into the way.
    shop.user(DELETED_USER).await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    shop.delete_user(order.user, keeper, LATER).await.expect("deleted");
}

pub async fn an_admin_who_recorded_payments_can_be_deleted_and_the_payments_stay(shop: &Shop) {
    let keeper = shop.keeper().await;
    let new = slippers_core::accounts::NewUser { is_admin: true, ..new_user("Second", "+998711234568") };
    let second = shop.create_user(new, NOW).await.expect("made").id;
    let slipper = shop.product("Mu", 5).await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
    shop.delete_user(keeper.user, second, LATER).await.expect("deleted");
    let order = shop.order(order.id).await;
    assert_eq!(order.payment, Some(slippers_core::orders::PaymentOutcome::Paid));
    let admins = shop.list_admins().await.expect("an answer");
    assert_eq!(admins.iter().map(|admin| admin.id).collect::<Vec<_>>(), [second]);
}

pub async fn deleting_somebody_costs_the_same_whatever_they_leave(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let slipper = shop.product("Mu", 100).await;
    let mut prices = Vec::new();
    for orders in [1, 9] {
        let buyer = shop.buyer().await;
        for number in 0..orders {
            shop.add(buyer, slipper, 1).await;
            shop.buy(buyer).await.expect("an order");
            let number = u8::try_from(buyer.get() * 10 + number).expect("small");
            shop.open_session(buyer, session(number), NOW).await.expect("opened");
        }
        prices.push(shop.price_of(shop.delete_user(buyer, keeper, LATER)).await);
    }
    assert_eq!(prices[0], prices[1]);
}
