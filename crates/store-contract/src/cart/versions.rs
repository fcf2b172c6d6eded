//! The cart's version: each change moves it up, nothing else does, and it never comes back.

use std::collections::BTreeSet;

use slippers_core::cart::Cart;

use crate::given::{Dice, NOW, Shop, buying, keeping};

pub async fn every_change_moves_the_version_up(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let user = shop.buyer().await;
    let mut seen = vec![shop.cart(user).await];
    seen.push(shop.add(user, mu, 1).await);
    seen.push(shop.add(user, mu, 1).await);
    seen.push(shop.add(user, nu, 1).await);
    let line = seen[3].lines[0].id;
    seen.push(shop.set_line_quantity(user, line, 5, NOW).await.expect("set"));
    seen.push(shop.set_line_quantity(user, line, 0, NOW).await.expect("removed"));
    seen.push(shop.remove_line(user, seen[3].lines[1].id, NOW).await.expect("removed"));
    seen.push(shop.add(user, nu, 1).await);
    seen.push(shop.clear_cart(user, NOW).await.expect("cleared"));
    shop.add(user, nu, 1).await;
    seen.push(shop.cart(user).await);
    shop.place_from_cart(buying(user), NOW).await.expect("placed");
    seen.push(shop.cart(user).await);
    shop.add(user, nu, 1).await;
    shop.delete_slipper(nu, NOW).await.expect("deleted");
    seen.push(shop.cart(user).await);
    let versions: Vec<i64> = seen.iter().map(|cart| cart.version).collect();
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    assert!(seen.iter().all(|cart| cart.id == seen[0].id));
}

pub async fn what_changes_nothing_leaves_the_version(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let user = shop.buyer_of(&[(mu, 3)]).await;
    let stranger = shop.buyer_of(&[(mu, 1)]).await;
    let before = shop.cart(user).await;
    let line = before.lines[0].id;
    assert_eq!(shop.set_line_quantity(user, line, 3, NOW.plus_seconds(9)).await.expect("set"), before);
    shop.cart_totals(user).await.expect("an answer");
    let _ = shop.remove_line(user, slippers_core::types::CartLineId::new(-1), NOW).await;
    let _ = shop.add_to_cart(user, slippers_core::types::SlipperId::new(-1), 1, NOW).await;
    shop.add(stranger, nu, 1).await;
    shop.clear_cart(stranger, NOW).await.expect("cleared");
    shop.place_from_cart(keeping(user), NOW).await.expect("placed");
    shop.delete_slipper(nu, NOW).await.expect("deleted");
    assert_eq!(shop.cart(user).await, before);
}

pub async fn clearing_an_empty_cart_is_no_change(shop: &Shop) {
    let user = shop.buyer_of(&[(shop.product("Mu", 9).await, 3)]).await;
    let cleared = shop.clear_cart(user, NOW).await.expect("cleared");
    for seconds in 0..5 {
        let again = shop.clear_cart(user, NOW.plus_seconds(seconds)).await.expect("an answer");
        assert_eq!(again, cleared);
    }
}

pub async fn a_version_never_comes_back(shop: &Shop) {
    let slippers = [shop.product("Mu", 9).await, shop.product("Nu", 9).await];
    let user = shop.buyer().await;
    let mut dice = Dice::new(5);
    let mut last: Cart = shop.cart(user).await;
    let mut versions = BTreeSet::from([last.version]);
    for _ in 0..80 {
        let line = last.lines.first().map(|line| line.id);
        let next = match (dice.roll(4), line) {
            (0, Some(line)) => shop.remove_line(user, line, NOW).await.expect("removed"),
            (1, Some(line)) => {
                let quantity = i64::try_from(dice.roll(3)).expect("small");
                shop.set_line_quantity(user, line, quantity, NOW).await.expect("set")
            }
            (2, _) => shop.clear_cart(user, NOW).await.expect("cleared"),
            _ => shop.add(user, dice.pick(&slippers), 1).await,
        };
        if next.lines == last.lines {
            assert_eq!(next.version, last.version, "nothing changed");
        } else {
            assert!(next.version > last.version, "{next:?} after {last:?}");
            assert!(versions.insert(next.version));
        }
        last = next;
    }
}
