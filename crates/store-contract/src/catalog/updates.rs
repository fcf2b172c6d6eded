//! Changes that an admin makes to products.

use slippers_core::catalog::rules::{is_available, pause_after};
use slippers_core::catalog::{CatalogError, CategoryLabel, MAX_STOCK, NewSlipper, Slipper, SlipperChange};
use slippers_core::orders::OrderStatus;
use slippers_core::types::{CategoryId, Money};

use crate::given::{NOBODYS, NOW, Shop, all, assert_is, new_slipper};

/// What a change does to the product.
type Effect = fn(&mut Slipper);

fn none() -> SlipperChange {
    SlipperChange::default()
}

pub async fn a_change_touches_only_what_it_names(shop: &Shop) {
    let (home, beach) = (shop.category("Home").await, shop.category("Beach").await);
    let by = shop.keeper().await.user;
    let bystander = shop.make(new_slipper("Bystander")).await;
    let made = shop.make(NewSlipper { category: Some(home), ..new_slipper("Mu") }).await;
    let label = |id, name: &str| Some(CategoryLabel { id, name: name.to_owned() });
    let mut expected = made.clone();
    let steps: [(SlipperChange, Effect); 7] = [
        (SlipperChange { name: Some("Му".into()), ..none() }, |s| s.name = "Му".into()),
        (SlipperChange { size: Some("XL".into()), ..none() }, |s| s.size = "XL".into()),
        (SlipperChange { price: Some(Money::from_minor(5)), ..none() }, |s| s.price = Money::from_minor(5)),
        (SlipperChange { quantity: Some(MAX_STOCK), ..none() }, |s| s.quantity = MAX_STOCK),
        (SlipperChange { image: Some("a/b.png".into()), ..none() }, |s| s.image = "a/b.png".into()),
        (SlipperChange { is_available: Some(false), ..none() }, |s| s.is_paused = true),
        (SlipperChange { category: Some(None), ..none() }, |s| s.category = None),
    ];
    for (seconds, (change, effect)) in (1..).zip(steps) {
        effect(&mut expected);
        expected.updated_at = NOW.plus_seconds(seconds);
        let answer =
            shop.update_slipper(made.id, change.clone(), by, expected.updated_at).await.expect("changed");
        assert_eq!(answer, expected, "{change:?}");
        assert_eq!(shop.slipper(made.id).await, expected, "{change:?}");
    }
    let into_beach = SlipperChange { category: Some(Some(beach)), ..none() };
    assert_eq!(shop.set(made.id, into_beach).await.category, label(beach, "Beach"));
    assert_eq!(shop.slipper(bystander.id).await, bystander, "no other product was touched");
}

pub async fn everything_can_be_changed_at_once(shop: &Shop) {
    let home = shop.category("Home").await;
    let made = shop.make(new_slipper("Mu")).await;
    let change = SlipperChange {
        image: Some("я".repeat(255)),
        name: Some("Nu".into()),
        size: Some("40".into()),
        price: Some(Money::MAX_PRICE),
        quantity: Some(0),
        category: Some(Some(home)),
        is_available: Some(false),
    };
    let expected = Slipper {
        id: made.id,
        name: "Nu".into(),
        size: "40".into(),
        price: Money::MAX_PRICE,
        quantity: 0,
        is_paused: true,
        image: "я".repeat(255),
        category: Some(CategoryLabel { id: home, name: "Home".into() }),
        images: Vec::new(),
        created_at: NOW,
        updated_at: NOW.plus_seconds(1),
    };
    assert_eq!(shop.set(made.id, change).await, expected);
    assert_eq!(shop.gather(all()).await, [expected]);
}

pub async fn a_change_into_no_such_category_changes_nothing(shop: &Shop) {
    let home = shop.category("Home").await;
    let made = shop.make(NewSlipper { category: Some(home), ..new_slipper("Mu") }).await;
    let by = shop.keeper().await.user;
    for category in NOBODYS.into_iter().map(CategoryId::new) {
        let change = SlipperChange {
            name: Some("Nu".into()),
            quantity: Some(99),
            category: Some(Some(category)),
            ..none()
        };
        let refused = shop.update_slipper(made.id, change, by, NOW.plus_seconds(9)).await;
        assert_is!(refused, Err(CatalogError::CategoryNotFound));
    }
    assert_eq!(shop.slipper(made.id).await, made);
}

pub async fn a_quantity_replaces_the_stock(shop: &Shop) {
    let id = shop.product("Mu", 10).await;
    let user = shop.buyer_of(&[(id, 4)]).await;
    shop.buy(user).await.expect("placed");
    assert_eq!(shop.stock(id).await, 6);
    for quantity in [6, 0, 1, MAX_STOCK, 3] {
        let answer = shop.set(id, SlipperChange { quantity: Some(quantity), ..none() }).await;
        assert_eq!((answer.quantity, answer.is_available()), (quantity, quantity > 0));
        assert_eq!(shop.stock(id).await, quantity);
    }
}

pub async fn the_switch_counts_as_the_rule_says(shop: &Shop) {
    for quantity in [0, 3] {
        for is_paused in [false, true] {
            for wanted in [None, Some(false), Some(true)] {
                for counted in [None, Some(0), Some(7)] {
                    let id = shop.product("Mu", 1).await;
                    if is_paused {
                        shop.pause(id).await;
                    }
                    let before = shop.set(id, SlipperChange { quantity: Some(quantity), ..none() }).await;
                    assert_eq!((before.quantity, before.is_paused), (quantity, is_paused));
                    let change = SlipperChange { is_available: wanted, quantity: counted, ..none() };
                    let after = shop.set(id, change.clone()).await;
                    let expected = pause_after(wanted, quantity, is_paused);
                    let case = format!("{quantity} pairs, paused {is_paused}, {change:?}");
                    assert_eq!(after.is_paused, expected, "{case}");
                    assert_eq!(after.quantity, counted.unwrap_or(quantity), "{case}");
                    assert_eq!(after.is_available(), is_available(after.quantity, expected), "{case}");
                    assert_eq!(shop.slipper(id).await, after, "{case}");
                }
            }
        }
    }
}

pub async fn a_paused_product_keeps_its_stock_and_its_place_in_lists(shop: &Shop) {
    let id = shop.product("Mu", 4).await;
    shop.pause(id).await;
    let listed = shop.gather(all()).await.remove(0);
    assert_eq!((listed.id, listed.quantity, listed.is_available()), (id, 4, false));
    assert_eq!(shop.total(all()).await, 1);
}

pub async fn orders_do_not_count_as_changes_of_a_product(shop: &Shop) {
    let made = shop.make(new_slipper("Mu")).await;
    let kept = shop.order_of(&[(made.id, 1)]).await;
    let cancelled = shop.order_of(&[(made.id, 2)]).await;
    let expired = shop.order_of(&[(made.id, 3)]).await;
    let refunded = shop.order_of(&[(made.id, 1)]).await;
    assert_eq!(shop.slipper(made.id).await, Slipper { quantity: 3, ..made.clone() });
    shop.move_order(cancelled.id, OrderStatus::Cancelled).await.expect("cancelled");
    shop.move_order(refunded.id, OrderStatus::Paid).await.expect("paid");
    shop.move_order(refunded.id, OrderStatus::Refunded).await.expect("refunded");
    shop.delete_order(expired.id, shop.keeper().await, NOW.plus_seconds(9)).await.expect("deleted");
    shop.expire_orders(NOW, 10, NOW.plus_seconds(9)).await.expect("expired");
    assert_eq!(shop.order(kept.id).await.status, OrderStatus::Cancelled);
    assert_eq!(shop.slipper(made.id).await, made, "the stock is back and nothing else moved");
}
