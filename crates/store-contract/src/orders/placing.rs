//! Placing an order: what it copies, what it takes, what it refuses.

use slippers_core::cart::rules::MAX_LINE_QUANTITY;
use slippers_core::catalog::{MAX_STOCK, NewSlipper, SlipperChange};
use slippers_core::orders::rules::PlanError;
use slippers_core::orders::{Order, OrderLine, OrderStatus, PlaceError, PlaceFromCart};
use slippers_core::types::{Money, Timestamp};

use crate::given::{NOW, Shop, all_orders, as_buyer, assert_is, buying, keeping, new_slipper};

pub async fn an_order_copies_the_products_as_they_are(shop: &Shop) {
    let user = shop.user("Азиза").await;
    let mu = shop
        .make(NewSlipper {
            size: "38½".into(),
            price: Money::from_minor(1_999),
            quantity: 9,
            ..new_slipper("Mu '%_\" Ёж 😀")
        })
        .await;
    let nu = shop.product("Nu", 5).await;
    shop.set(nu, SlipperChange { image: Some("nu/front.png".into()), ..SlipperChange::default() }).await;
    shop.add(user.id, nu, 2).await;
    shop.add(user.id, mu.id, 3).await;
    let time = Timestamp::from_micros(NOW.micros() + 7);

    let order = shop.place_from_cart(buying(user.id), time).await.expect("placed");

    let line = |place: usize, slipper, quantity, price, name: &str, size: &str, image: &str| OrderLine {
        id: order.lines[place].id,
        slipper,
        quantity,
        unit_price: Money::from_minor(price),
        total: Money::from_minor(price * quantity),
        notes: None,
        name: name.into(),
        size: size.into(),
        image: image.into(),
    };
    let expected = Order {
        id: order.id,
        user: user.id,
        user_name: "Азиза Karimova".into(),
        status: OrderStatus::Pending,
        total: Money::from_minor(20_000 + 5_997),
        notes: None,
        payment: None,
        created_at: time,
        updated_at: time,
        lines: vec![
            line(0, nu, 2, 10_000, "Nu", "39", "nu/front.png"),
            line(1, mu.id, 3, 1_999, "Mu '%_\" Ёж 😀", "38½", ""),
        ],
    };
    assert_eq!(order, expected);
    assert!(order.lines[0].id < order.lines[1].id);
    assert_eq!(shop.order(order.id).await, expected);
    assert_eq!(shop.orders(all_orders()).await.orders, [expected]);
    assert_eq!(order.id.get(), 1);
}

pub async fn its_stock_leaves_the_shelf(shop: &Shop) {
    let (mu, nu, other) =
        (shop.product("Mu", 9).await, shop.product("Nu", 2).await, shop.product("Xi", 4).await);
    shop.order_of(&[(mu, 3), (nu, 2)]).await;
    assert_eq!((shop.stock(mu).await, shop.stock(nu).await, shop.stock(other).await), (6, 0, 4));
    assert!(!shop.slipper(nu).await.is_available());
    let listed: Vec<i64> =
        shop.gather(crate::given::all()).await.iter().map(|slipper| slipper.quantity).collect();
    assert_eq!(listed, [6, 0, 4], "lists tell the same");
}

pub async fn the_cart_is_emptied_only_if_asked_for(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (empties, keeps) = (shop.buyer_of(&[(mu, 1)]).await, shop.buyer_of(&[(mu, 2)]).await);
    let (emptied_before, kept_before) = (shop.cart(empties).await, shop.cart(keeps).await);
    shop.place_from_cart(buying(empties), NOW).await.expect("placed");
    shop.place_from_cart(keeping(keeps), NOW).await.expect("placed");
    let emptied = shop.cart(empties).await;
    assert_eq!((emptied.id, emptied.lines.len()), (emptied_before.id, 0));
    assert!(emptied.version > emptied_before.version);
    assert_eq!(shop.cart(keeps).await, kept_before);
    assert_eq!(shop.stock(mu).await, 6);
}

pub async fn nothing_is_ordered_from_an_empty_cart(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (never_used, opened, cleared) =
        (shop.buyer().await, shop.buyer().await, shop.buyer_of(&[(mu, 1)]).await);
    shop.cart(opened).await;
    shop.clear_cart(cleared, NOW).await.expect("cleared");
    for user in [never_used, opened, cleared] {
        for place in [buying(user), keeping(user)] {
            assert_is!(shop.place_from_cart(place, NOW).await, Err(PlaceError::CartEmpty));
        }
    }
    assert_eq!(shop.orders(all_orders()).await.total, 0);
    assert_eq!(shop.stock(mu).await, 9);
}

pub async fn a_line_counts_for_so_many_pairs_at_most(shop: &Shop) {
    let mu = shop.product("Mu", 5000).await;
    for (in_cart, max_quantity, ordered) in [
        (900, 500, 500),
        (500, 500, 500),
        (499, 500, 499),
        (7, 1, 1),
        (7, 0, 1),
        (7, -3, 1),
        (7, i64::MAX, 7),
    ] {
        let before = shop.stock(mu).await;
        let user = shop.buyer_of(&[(mu, in_cart)]).await;
        let order =
            shop.place_from_cart(PlaceFromCart { max_quantity, ..buying(user) }, NOW).await.expect("placed");
        assert_eq!(order.lines[0].quantity, ordered, "{in_cart} with at most {max_quantity}");
        assert_eq!(order.total, Money::from_minor(10_000 * ordered));
        assert_eq!(shop.stock(mu).await, before - ordered);
    }
}

pub async fn a_total_is_exact_beyond_what_a_double_holds(shop: &Shop) {
    let user = shop.buyer().await;
    let mut total = 0;
    for (name, price) in [("a", Money::MAX_PRICE.minor() - 1), ("b", Money::MAX_PRICE.minor() - 3), ("c", 1)]
    {
        let new = NewSlipper { price: Money::from_minor(price), quantity: MAX_STOCK, ..new_slipper(name) };
        let slipper = shop.make(new).await.id;
        for _ in 0..50 {
            shop.add(user, slipper, 999).await;
        }
        shop.add(user, slipper, 49).await;
        total += price * 49_999;
    }
    assert!(total > 1 << 53 && total % 2 == 1, "{total}");
    let place = PlaceFromCart { max_quantity: MAX_LINE_QUANTITY, ..buying(user) };
    let order = shop.place_from_cart(place, NOW).await.expect("placed");
    assert_eq!(order.total.minor(), total);
    assert_eq!(order.lines[0].total.minor(), (Money::MAX_PRICE.minor() - 1) * 49_999);
    assert_eq!(shop.order(order.id).await, order);
    assert_eq!(shop.stock(order.lines[0].slipper).await, MAX_STOCK - 49_999);
}

pub async fn a_product_that_is_not_on_sale_is_refused_by_name(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let user = shop.buyer_of(&[(mu, 1), (nu, 1)]).await;
    shop.pause(nu).await;
    let before = shop.everything(&[user]).await;
    for place in [buying(user), keeping(user)] {
        let refused = shop.place_from_cart(place, NOW).await;
        assert_is!(refused, Err(PlaceError::Plan(PlanError::Paused { slipper, name, size }))
            if *slipper == nu && name == "Nu" && size == "39");
    }
    assert_eq!(shop.everything(&[user]).await, before);
    shop.set(nu, SlipperChange { is_available: Some(true), ..SlipperChange::default() }).await;
    assert_eq!(shop.buy(user).await.expect("it is on sale again").lines.len(), 2);
}

pub async fn too_few_pairs_are_refused_with_what_is_left(shop: &Shop) {
    let (mu, nu, xi) =
        (shop.product("Mu", 9).await, shop.product("Nu", 2).await, shop.product("Xi", 0).await);
    let user = shop.buyer_of(&[(mu, 4), (nu, 3), (xi, 1)]).await;
    let before = shop.everything(&[user]).await;
    let refused = shop.buy(user).await;
    assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, name, size, left: 2, wanted: 3 }))
        if *slipper == nu && name == "Nu" && size == "39");
    assert_eq!(shop.everything(&[user]).await, before, "no line's stock was taken, the cart is as it was");
    shop.remove_line(user, shop.cart(user).await.lines[1].id, NOW).await.expect("removed");
    let refused = shop.buy(user).await;
    assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, left: 0, wanted: 1, .. }))
        if *slipper == xi);
}

pub async fn the_first_line_that_cant_be_had_is_named(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 0).await, shop.product("Nu", 0).await);
    let user = shop.buyer_of(&[(nu, 1), (mu, 1)]).await;
    let refused = shop.buy(user).await;
    assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, .. })) if *slipper == nu);
    shop.pause(mu).await;
    let refused = shop.buy(user).await;
    assert_is!(refused, Err(PlaceError::Plan(PlanError::OutOfStock { slipper, .. })) if *slipper == nu);
    shop.pause(nu).await;
    assert!(!shop.slipper(nu).await.is_paused, "what is sold out is not paused by being called so");
}

pub async fn later_changes_of_a_product_leave_the_lines_of_orders(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let order = shop.order_of(&[(mu, 1), (nu, 2)]).await;
    let change = SlipperChange {
        image: Some("other.png".into()),
        name: Some("Other".into()),
        size: Some("48".into()),
        price: Some(Money::from_minor(1)),
        ..SlipperChange::default()
    };
    shop.set(mu, change).await;
    assert_eq!(shop.order(order.id).await, order);
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    assert_eq!(shop.order(order.id).await, order);
    assert_eq!(shop.orders(all_orders()).await.orders, [order]);
}

pub async fn the_number_of_an_order_is_never_given_again(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (first, last) = (shop.order_of(&[(mu, 1)]).await, shop.order_of(&[(mu, 1)]).await);
    assert!(last.id > first.id && last.lines[0].id > first.lines[0].id);
    shop.delete_order(last.id, as_buyer(last.user), NOW).await.expect("deleted");
    let next = shop.order_of(&[(mu, 1)]).await;
    assert!(next.id > last.id && next.lines[0].id > last.lines[0].id, "{next:?}");
}
