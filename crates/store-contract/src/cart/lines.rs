//! Lines of a cart: added, set, removed, summed.

use std::sync::Arc;

use slippers_core::cart::rules::{MAX_LINE_QUANTITY, MAX_LINES, MAX_REQUEST_QUANTITY};
use slippers_core::cart::{CartError, CartTotals};
use slippers_core::catalog::{NewSlipper, SlipperChange};
use slippers_core::types::{CartLineId, Money, SlipperId};

use crate::given::{NOBODYS, NOW, Shop, assert_is, new_slipper};
use crate::seeding::Goods;

pub async fn a_cart_is_made_empty_on_first_use(shop: &Shop) {
    let user = shop.buyer().await;
    assert_eq!(shop.cart_totals(user).await.expect("an answer"), CartTotals::default());
    let cart = shop.cart(user).await;
    assert_eq!(cart.lines, []);
    assert_eq!(shop.cart(user).await, cart, "opening it again changes nothing");
    assert_eq!(shop.cart_totals(user).await.expect("an answer"), CartTotals::default());
}

pub async fn every_verb_makes_the_cart_that_it_needs(shop: &Shop) {
    let slipper = shop.product("Mu", 1).await;
    let (adds, clears, sets, removes) =
        (shop.buyer().await, shop.buyer().await, shop.buyer().await, shop.buyer().await);
    let added = shop.add(adds, slipper, 1).await;
    let cleared = shop.clear_cart(clears, NOW).await.expect("a cart");
    let set = shop.set_line_quantity(sets, CartLineId::new(99), 1, NOW).await;
    assert_is!(set, Err(CartError::LineNotFound));
    let removed = shop.remove_line(removes, CartLineId::new(99), NOW).await;
    assert_is!(removed, Err(CartError::LineNotFound));
    assert_eq!(shop.cart(adds).await, added);
    assert_eq!(shop.cart(clears).await, cleared);
    assert_eq!((added.lines.len(), cleared.lines.len()), (1, 0));
    assert_ne!(added.id, cleared.id);
}

pub async fn a_product_goes_into_the_cart_as_it_is_now(shop: &Shop) {
    let user = shop.buyer().await;
    let made = shop.make(NewSlipper { price: Money::from_minor(1999), ..new_slipper("Mu Комфорт") }).await;
    let cart = shop.add(user, made.id, 3).await;
    assert_eq!(cart.lines.len(), 1);
    let line = &cart.lines[0];
    assert_eq!((line.slipper, line.quantity), (made.id, 3));
    assert_eq!((line.name.as_str(), line.price), ("Mu Комфорт", Money::from_minor(1999)));
    assert_eq!(shop.cart(user).await, cart);

    let change = SlipperChange {
        name: Some("Nu".into()),
        price: Some(Money::from_minor(5)),
        ..SlipperChange::default()
    };
    shop.set(made.id, change).await;
    let line = shop.cart(user).await.lines.remove(0);
    assert_eq!((line.name.as_str(), line.price, line.quantity), ("Nu", Money::from_minor(5), 3));
    let totals = shop.cart_totals(user).await.expect("an answer");
    assert_eq!(totals, CartTotals { items: 1, quantity: 3, amount: Money::from_minor(15) });
}

pub async fn pairs_of_one_product_add_up_in_one_line(shop: &Shop) {
    let user = shop.buyer().await;
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let first = shop.add(user, nu, 2).await.lines.remove(0);
    shop.add(user, mu, 1).await;
    let cart = shop.add(user, nu, 5).await;
    let lines: Vec<_> = cart.lines.iter().map(|line| (line.slipper, line.quantity)).collect();
    assert_eq!(lines, [(nu, 7), (mu, 1)], "lines by their numbers, in the order of the first adding");
    assert_eq!(cart.lines[0].id, first.id);
    assert!(cart.lines[1].id > first.id);
    assert_eq!(shop.cart(user).await, cart);
}

pub async fn stock_and_sale_are_not_looked_at(shop: &Shop) {
    let user = shop.buyer().await;
    let (sold_out, paused) = (shop.product("Sold out", 0).await, shop.product("Paused", 5).await);
    shop.pause(paused).await;
    shop.add(user, sold_out, 999).await;
    let cart = shop.add(user, paused, 999).await;
    assert_eq!(cart.lines.iter().map(|line| line.quantity).collect::<Vec<_>>(), [999, 999]);
    assert_eq!((shop.stock(sold_out).await, shop.stock(paused).await), (0, 5), "nothing is reserved");
}

pub async fn what_is_not_sold_here_is_not_added(shop: &Shop) {
    let (mu, gone) = (shop.product("Mu", 1).await, shop.product("Gone", 1).await);
    shop.delete_slipper(gone, NOW).await.expect("deleted");
    let user = shop.buyer_of(&[(mu, 1)]).await;
    let before = shop.cart(user).await;
    for id in NOBODYS.into_iter().map(SlipperId::new).chain([gone]) {
        let refused = shop.add_to_cart(user, id, 1, NOW).await;
        assert_is!(refused, Err(CartError::SlipperNotFound));
    }
    assert_eq!(shop.cart(user).await, before);
}

pub async fn a_line_holds_fifty_thousand_pairs_and_no_more(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let user = shop.buyer().await;
    for _ in 0..MAX_LINE_QUANTITY / MAX_REQUEST_QUANTITY {
        shop.add(user, mu, MAX_REQUEST_QUANTITY).await;
    }
    let nearly = shop.cart(user).await;
    let rest = MAX_LINE_QUANTITY % MAX_REQUEST_QUANTITY;
    assert_is!(shop.add_to_cart(user, mu, rest + 1, NOW).await, Err(CartError::LineFull));
    assert_eq!(shop.cart(user).await, nearly, "not even a part of it goes in");
    shop.add(user, mu, rest).await;
    let full = shop.cart(user).await;
    assert_eq!(full.lines[0].quantity, MAX_LINE_QUANTITY);
    for quantity in [1, MAX_REQUEST_QUANTITY] {
        assert_is!(shop.add_to_cart(user, mu, quantity, NOW).await, Err(CartError::LineFull));
    }
    assert_eq!(shop.cart(user).await, full, "a refusal changes nothing");
}

pub async fn a_cart_holds_a_thousand_lines_and_no_more(shop: &Shop) {
    let count = u64::try_from(MAX_LINES).expect("small") + 1;
    shop.stock_catalog(Arc::new(Goods::plain(count)), NOW).await.expect("stocked");
    let user = shop.buyer().await;
    shop.at_once(10, move |shop, tenth| async move {
        for number in 1..=MAX_LINES / 10 {
            shop.add(user, SlipperId::new(tenth * MAX_LINES / 10 + number), 1).await;
        }
    })
    .await;
    let full = shop.cart(user).await;
    assert_eq!(full.lines.len(), 1000);
    let one_more = SlipperId::new(MAX_LINES + 1);
    assert_is!(shop.add_to_cart(user, one_more, 1, NOW).await, Err(CartError::CartFull));
    assert_eq!(shop.cart(user).await, full, "a refusal changes nothing");

    let added = shop.add(user, SlipperId::new(7), 2).await;
    let line = added.lines.iter().find(|line| line.slipper == SlipperId::new(7)).expect("there");
    assert_eq!((added.lines.len(), line.quantity), (1000, 3), "a line that is there still grows");
    shop.remove_line(user, line.id, NOW).await.expect("removed");
    shop.add(user, one_more, 1).await;
    let order = shop.buy(user).await.expect("a thousand lines can be ordered");
    assert_eq!(order.lines.len(), 1000);
    assert_eq!(order.total, full.totals().amount, "one line gave way to another of the same price");
}

pub async fn a_line_is_set_and_zero_removes_it(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let user = shop.buyer_of(&[(mu, 1), (nu, 2)]).await;
    let line = shop.cart(user).await.lines[0].id;
    for quantity in [999, 1, 500] {
        let cart = shop.set_line_quantity(user, line, quantity, NOW).await.expect("set");
        assert_eq!((cart.lines[0].id, cart.lines[0].quantity, cart.lines[1].quantity), (line, quantity, 2));
        assert_eq!(shop.cart(user).await, cart);
    }
    let cart = shop.set_line_quantity(user, line, 0, NOW).await.expect("removed");
    assert_eq!(cart.lines.iter().map(|line| line.slipper).collect::<Vec<_>>(), [nu]);
    assert_eq!(shop.cart(user).await, cart);
    let again = shop.set_line_quantity(user, line, 0, NOW).await;
    assert_is!(again, Err(CartError::LineNotFound));
}

pub async fn a_removed_line_is_gone_and_its_number_too(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let user = shop.buyer_of(&[(mu, 1), (nu, 2)]).await;
    let line = shop.cart(user).await.lines[1].id;
    let cart = shop.remove_line(user, line, NOW).await.expect("removed");
    assert_eq!(cart.lines.iter().map(|line| line.slipper).collect::<Vec<_>>(), [mu]);
    assert_is!(shop.remove_line(user, line, NOW).await, Err(CartError::LineNotFound));
    let again = shop.add(user, nu, 2).await;
    assert!(again.lines[1].id > line, "{:?} was given before", again.lines[1].id);
}

pub async fn nobody_reaches_anothers_lines(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let (anna, bella) = (shop.buyer_of(&[(mu, 3)]).await, shop.buyer_of(&[(mu, 4)]).await);
    let (annas, bellas) = (shop.cart(anna).await, shop.cart(bella).await);
    assert_ne!(annas.id, bellas.id);
    for id in NOBODYS.into_iter().map(CartLineId::new).chain([bellas.lines[0].id]) {
        assert_is!(shop.set_line_quantity(anna, id, 1, NOW).await, Err(CartError::LineNotFound));
        assert_is!(shop.set_line_quantity(anna, id, 0, NOW).await, Err(CartError::LineNotFound));
        assert_is!(shop.remove_line(anna, id, NOW).await, Err(CartError::LineNotFound));
    }
    assert_eq!((shop.cart(anna).await, shop.cart(bella).await), (annas, bellas.clone()));
    shop.clear_cart(anna, NOW).await.expect("cleared");
    assert_eq!(shop.cart(bella).await, bellas, "clearing one's own leaves the other's");
}

pub async fn a_cleared_cart_is_the_same_cart_without_lines(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let user = shop.buyer_of(&[(mu, 1), (nu, 2)]).await;
    let before = shop.cart(user).await;
    let cleared = shop.clear_cart(user, NOW).await.expect("cleared");
    assert_eq!((cleared.id, cleared.lines.len()), (before.id, 0));
    assert_eq!(shop.cart(user).await, cleared);
    assert_eq!(shop.cart_totals(user).await.expect("an answer"), CartTotals::default());
}

pub async fn sums_are_exact_beyond_what_a_double_holds(shop: &Shop) {
    let user = shop.buyer().await;
    let mut amount = 0;
    for (name, price) in [("a", Money::MAX_PRICE.minor() - 1), ("b", Money::MAX_PRICE.minor()), ("c", 1)] {
        let new = NewSlipper { price: Money::from_minor(price), ..new_slipper(name) };
        let slipper = shop.make(new).await.id;
        for _ in 0..50 {
            shop.add(user, slipper, 999).await;
        }
        amount += price * 999 * 50;
    }
    assert!(amount > 1 << 53 && amount % 2 == 0, "{amount}");
    let cart = shop.cart(user).await;
    let expected = CartTotals { items: 3, quantity: 3 * 49_950, amount: Money::from_minor(amount) };
    assert_eq!(cart.totals(), expected);
    assert_eq!(shop.cart_totals(user).await.expect("an answer"), expected);
    shop.set_line_quantity(user, cart.lines[2].id, 1, NOW).await.expect("set");
    let odd = shop.cart_totals(user).await.expect("an answer").amount.minor();
    assert_eq!((odd, odd % 2), (amount - 49_950 + 1, 1), "to the last minor unit");
}
