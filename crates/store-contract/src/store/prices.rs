//! What calls cost: statements are counted, and no page's price grows with what it holds.

use std::sync::Arc;

use slippers_core::catalog::{SearchTerm, SlipperQuery};
use slippers_core::orders::OrderQuery;
use slippers_core::types::{CategoryId, Page, SlipperId};

use crate::given::{NOW, Shop, all, all_orders, buying};
use crate::model::SORTS;
use crate::seeding::Goods;

pub async fn every_call_counts_its_statements(shop: &Shop) {
    let mut last = shop.statements_run();
    let user = shop.buyer().await;
    let mu = shop.product("Mu", 9).await;
    for step in 0..6 {
        match step {
            0 => drop(shop.list_slippers(all()).await.expect("a page")),
            1 => drop(shop.find_slipper(mu).await.expect("an answer")),
            2 => drop(shop.cart(user).await),
            3 => drop(shop.add(user, mu, 1).await),
            4 => drop(shop.buy(user).await.expect("placed")),
            _ => drop(shop.orders(all_orders()).await),
        }
        let now = shop.statements_run();
        assert!(now > last, "step {step}");
        last = now;
    }
    assert_eq!(shop.statements_run(), last, "asking for the count is no statement");
}

/// The count, what stands on the page, and the rows.
const DEAREST_PAGE: u64 = 3;

pub async fn a_page_of_products_costs_the_same_whatever_it_holds(shop: &Shop) {
    shop.stock_catalog(Arc::new(Goods::varied(240)), NOW).await.expect("stocked");
    for sort in SORTS {
        for (search, category) in [(None, None), (None, Some(1)), (Some("тап"), None), (Some("т"), Some(2))]
        {
            for with_images in [false, true] {
                let query = SlipperQuery {
                    sort,
                    category: category.map(CategoryId::new),
                    search: search.and_then(SearchTerm::new),
                    with_images,
                    ..all()
                };
                let mut prices = Vec::new();
                for (skip, limit) in [(3, 1), (3, 20), (3, 50), (0, 100)] {
                    let asked = SlipperQuery { page: Page::new(skip, limit), ..query.clone() };
                    // What others have read before may be in memory, and makes the first time cheaper.
                    let first = shop.price_of(shop.list_slippers(asked.clone())).await;
                    assert!(first <= DEAREST_PAGE, "{first} for {asked:?}");
                    prices.push(shop.price_of(shop.list_slippers(asked)).await);
                }
                assert!(prices.iter().all(|price| *price == prices[0]), "{prices:?} for {query:?}");
            }
        }
    }
}

pub async fn a_product_costs_the_same_whatever_pictures_it_has(shop: &Shop) {
    shop.stock_catalog(Arc::new(Goods::varied(8)), NOW).await.expect("stocked");
    let (none, three) = (SlipperId::new(1), SlipperId::new(4));
    assert_eq!(shop.price_of(shop.find_slipper(none)).await, shop.price_of(shop.find_slipper(three)).await);
    assert_eq!(shop.price_of(shop.list_images(none)).await, shop.price_of(shop.list_images(three)).await);
}

pub async fn a_list_of_orders_costs_the_same_whatever_it_holds(shop: &Shop) {
    let slippers = [shop.product("a", 999).await, shop.product("b", 999).await, shop.product("c", 999).await];
    let user = shop.buyer().await;
    for number in 0..50 {
        for slipper in &slippers[..=number % 3] {
            shop.add(user, *slipper, 1).await;
        }
        shop.buy(user).await.expect("placed");
    }
    for of in [None, Some(user)] {
        let listing = |max| shop.orders(OrderQuery { of, max, ..all_orders() });
        let (one, fifty) = (shop.price_of(listing(1)).await, shop.price_of(listing(50)).await);
        assert_eq!(one, fifty, "{of:?}");
    }
}

pub async fn a_cart_costs_the_same_whatever_it_holds(shop: &Shop) {
    shop.stock_catalog(Arc::new(Goods::plain(20)), NOW).await.expect("stocked");
    let lines: Vec<_> = (1..=20).map(|id| (SlipperId::new(id), 1)).collect();
    let (one, twenty) = (shop.buyer_of(&lines[..1]).await, shop.buyer_of(&lines).await);
    assert_eq!(shop.price_of(shop.cart(one)).await, shop.price_of(shop.cart(twenty)).await);
    assert_eq!(shop.price_of(shop.cart_totals(one)).await, shop.price_of(shop.cart_totals(twenty)).await);
    let slipper = SlipperId::new(1);
    assert_eq!(
        shop.price_of(shop.add(one, slipper, 1)).await,
        shop.price_of(shop.add(twenty, slipper, 1)).await
    );
    let full = shop.price_of(shop.clear_cart(one, NOW)).await;
    assert_eq!(full, shop.price_of(shop.clear_cart(twenty, NOW)).await);
    let empty = shop.price_of(shop.clear_cart(one, NOW)).await;
    assert!(empty < full, "an empty cart is only read: {empty} against {full}");
}

pub async fn an_order_costs_the_same_whatever_the_cart_holds(shop: &Shop) {
    shop.stock_catalog(Arc::new(Goods::plain(20)), NOW).await.expect("stocked");
    let lines: Vec<_> = (1..=20).map(|id| (SlipperId::new(id), 1)).collect();
    let (one, twenty) = (shop.buyer_of(&lines[..1]).await, shop.buyer_of(&lines).await);
    let cheap = shop.price_of(shop.place_from_cart(buying(one), NOW)).await;
    let dear = shop.price_of(shop.place_from_cart(buying(twenty), NOW)).await;
    assert_eq!(cheap, dear);
    let (repeated, other) = (shop.price_of(shop.buy(one)).await, shop.price_of(shop.buy(twenty)).await);
    assert_eq!(repeated, other, "nor does a repeat");
}
