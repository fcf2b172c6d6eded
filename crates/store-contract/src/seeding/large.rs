//! A catalogue that is larger than what a search counts to the end.

use std::sync::Arc;

use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{
    NewSlipper, SearchTerm, Slipper, SlipperPage, SlipperQuery, Sort, StockedSlipper,
};
use slippers_core::types::{CategoryId, Money, Page};

use super::Goods;
use crate::given::{NOW, Shop, all, new_category, new_slipper};
use crate::model::{SORTS, assert_pages, matching};

/// 10,050 products: all of them have "mu " in the name and 39 as size, 10,000 have "few", all but 40 are in category 1.
const COUNT: u64 = 10_050;

async fn stocked(shop: &Shop) {
    let slipper = |index| {
        let name = if index < 10_000 { format!("Mu few {index}") } else { format!("Mu {index}") };
        let category = Some(CategoryId::new(if index % 250 == 0 && index < 10_000 { 2 } else { 1 }));
        let price = Money::from_minor(i64::try_from(1 + index % 7).expect("small"));
        StockedSlipper { slipper: NewSlipper { category, price, ..new_slipper(&name) }, images: Vec::new() }
    };
    let goods = Goods { categories: ["Home", "Beach"].map(new_category).into(), count: COUNT, slipper };
    shop.stock_catalog(Arc::new(goods), NOW).await.expect("stocked");
}

async fn page(shop: &Shop, text: Option<&str>, category: Option<i64>, skip: i64) -> SlipperPage {
    let query = SlipperQuery {
        page: Page::new(skip, 10),
        category: category.map(CategoryId::new),
        search: text.and_then(SearchTerm::new),
        ..all()
    };
    shop.list_slippers(query).await.expect("a page")
}

pub async fn totals_without_a_search_are_exact_however_many_there_are(shop: &Shop) {
    stocked(shop).await;
    for (category, total) in [(None, 10_050), (Some(1), 10_010), (Some(2), 40)] {
        for skip in [0, 10_005, i64::MAX] {
            let page = page(shop, None, category, skip).await;
            assert_eq!((page.total, page.total_is_exact), (total, true), "{category:?} skip {skip}");
        }
    }
}

pub async fn a_large_category_is_deleted_while_others_write(shop: &Shop) {
    stocked(shop).await;
    let large = CategoryId::new(1);
    let answers = shop
        .at_once(10, move |shop, number| async move {
            if number < 2 {
                return shop.delete_category(large).await.is_ok();
            }
            // Who comes too late finds no such category.
            let new = NewSlipper { category: Some(large), ..new_slipper(&format!("Late {number}")) };
            shop.create_slipper(new, NOW).await.is_ok()
        })
        .await;
    assert_ne!(answers[0], answers[1], "of two who delete it one does");
    let late = i64::try_from(answers[2..].iter().filter(|made| **made).count()).expect("few");
    for (category, total) in [(None, 10_050 + late), (Some(1), 0), (Some(2), 40)] {
        assert_eq!(page(shop, None, category, 0).await.total, total, "{category:?}");
    }
    assert!(shop.find_category(large).await.expect("an answer").is_none());
    assert_eq!(page(shop, Some("few"), Some(1), 0).await.total, 0);
    let left = page(shop, None, None, 10_045).await.items;
    let is_elsewhere = |slipper: &Slipper| slipper.category.as_ref().is_none_or(|label| label.id != large);
    assert!(left.iter().all(is_elsewhere), "{left:?}");
}

pub async fn a_search_is_counted_exactly_up_to_ten_thousand(shop: &Shop) {
    stocked(shop).await;
    for (text, category, total) in [
        ("few", None, EXACT_SEARCH_TOTAL),
        ("w", None, EXACT_SEARCH_TOTAL),
        ("fe", None, EXACT_SEARCH_TOTAL),
        ("few", Some(2), 40),
        ("mu ", Some(2), 40),
        ("m", Some(2), 40),
        ("few 99", None, 111),
        ("zzz", None, 0),
    ] {
        let page = page(shop, Some(text), category, 0).await;
        assert_eq!((page.total, page.total_is_exact), (total, true), "{text:?} in {category:?}");
    }
}

pub async fn beyond_that_a_total_only_says_that_there_are_more(shop: &Shop) {
    stocked(shop).await;
    for text in ["mu ", "mu", "m", "39", "u"] {
        for category in [None, Some(1)] {
            let page = page(shop, Some(text), category, 0).await;
            assert!(!page.total_is_exact, "{text:?} in {category:?}");
            // Whether the bound itself or a number beyond it is told is left to the store.
            assert!((EXACT_SEARCH_TOTAL..=10_050).contains(&page.total), "{text:?}: {}", page.total);
            assert_eq!(page.items.len(), 10);
        }
    }
}

pub async fn deep_pages_hold_the_right_products(shop: &Shop) {
    stocked(shop).await;
    for text in [None, Some("mu "), Some("mu"), Some("m")] {
        for skip in [9_990, 9_999, 10_000, 10_001, 10_045] {
            let ids: Vec<i64> =
                page(shop, text, None, skip).await.items.iter().map(|slipper| slipper.id.get()).collect();
            let expected: Vec<i64> = (skip + 1..=10_050).take(10).collect();
            assert_eq!(ids, expected, "{text:?} skip {skip}");
            let query = SlipperQuery {
                page: Page::new(skip, 10),
                search: text.and_then(SearchTerm::new),
                sort: Sort::CreatedDesc,
                ..all()
            };
            let ids: Vec<i64> = shop
                .list_slippers(query)
                .await
                .expect("a page")
                .items
                .iter()
                .map(|slipper| slipper.id.get())
                .collect();
            let expected: Vec<i64> = (1..=10_050 - skip).rev().take(10).collect();
            assert_eq!(ids, expected, "{text:?} skip {skip} newest first");
        }
    }
}

pub async fn rare_terms_of_a_large_catalogue_are_listed_in_every_order(shop: &Shop) {
    stocked(shop).await;
    let with = |text| SlipperQuery { search: SearchTerm::new(text), ..all() };
    let shelf = matching(&shop.gather(all()).await, &with("99"));
    for text in ["99", "few 99", "99 ", "w 499", "999"] {
        for category in [None, Some(1), Some(2)].map(|id| id.map(CategoryId::new)) {
            for sort in SORTS {
                assert_pages(shop, &shelf, &SlipperQuery { category, sort, ..with(text) }, 100).await;
            }
        }
    }
}
