//! Lists of products: order, pages, categories.

use slippers_core::catalog::{NewSlipper, Slipper, SlipperChange, SlipperQuery, Sort};
use slippers_core::types::{CategoryId, Money, Page};

use crate::given::{Dice, NOBODYS, NOW, Shop, all, new_slipper};
use crate::model::{SORTS, assert_pages, matching};

async fn names(shop: &Shop, sort: Sort) -> Vec<String> {
    shop.gather(SlipperQuery { sort, ..all() }).await.into_iter().map(|slipper| slipper.name).collect()
}

/// Products whose names, prices and times come again and again.
async fn a_shelf_of_ties(shop: &Shop, count: usize) -> Vec<Slipper> {
    let categories = [None, Some(shop.category("Home").await), Some(shop.category("Beach").await)];
    let mut dice = Dice::new(7);
    let mut made = Vec::new();
    for _ in 0..count {
        let new = NewSlipper {
            price: Money::from_minor(dice.pick(&[1, 99, 100, Money::MAX_PRICE.minor()])),
            category: dice.pick(&categories),
            ..new_slipper(dice.pick(&["Mu", "mU", "мю", "МЮ", "Mu 2", "_", "Ёж"]))
        };
        let time = NOW.plus_seconds(dice.pick(&[-1_900_000_000, -1, 0, 1]));
        made.push(shop.create_slipper(new, time).await.expect("made"));
    }
    made
}

pub async fn equal_keys_are_ordered_by_number_in_the_same_direction(shop: &Shop) {
    for name in ["Mu", "MU", "mu"] {
        shop.product(name, 1).await;
    }
    for (sort, expected) in [
        (Sort::IdAsc, ["Mu", "MU", "mu"]),
        (Sort::IdDesc, ["mu", "MU", "Mu"]),
        (Sort::NameAsc, ["Mu", "MU", "mu"]),
        (Sort::NameDesc, ["mu", "MU", "Mu"]),
        (Sort::PriceAsc, ["Mu", "MU", "mu"]),
        (Sort::PriceDesc, ["mu", "MU", "Mu"]),
        (Sort::CreatedAsc, ["Mu", "MU", "mu"]),
        (Sort::CreatedDesc, ["mu", "MU", "Mu"]),
    ] {
        assert_eq!(names(shop, sort).await, expected, "{sort:?}");
    }
}

pub async fn names_are_ordered_by_the_bytes_of_their_folded_form(shop: &Shop) {
    for name in
        ["яя", "Я", "b", "B a", "a", "C", "10", "9", "_", "~", "Ё", "é", "Z", "😀", "Oʻ", "o'a", "ab", "aB "]
    {
        shop.product(name, 1).await;
    }
    let expected =
        ["10", "9", "_", "a", "ab", "aB ", "b", "B a", "C", "Oʻ", "o'a", "Z", "~", "é", "Я", "яя", "Ё", "😀"];
    assert_eq!(names(shop, Sort::NameAsc).await, expected);
    let mut reversed = expected;
    reversed.reverse();
    assert_eq!(names(shop, Sort::NameDesc).await, reversed);
}

pub async fn prices_and_times_are_ordered_as_numbers(shop: &Shop) {
    for (name, price, seconds) in
        [("a", 900, 5), ("b", 10_000, -5), ("c", 1, 0), ("d", 1 << 33, i64::MIN / 2)]
    {
        let new = NewSlipper { price: Money::from_minor(price), ..new_slipper(name) };
        shop.create_slipper(new, slippers_core::types::Timestamp::from_seconds(seconds)).await.expect("made");
    }
    assert_eq!(names(shop, Sort::PriceAsc).await, ["c", "a", "b", "d"]);
    assert_eq!(names(shop, Sort::PriceDesc).await, ["d", "b", "a", "c"]);
    assert_eq!(names(shop, Sort::CreatedAsc).await, ["d", "b", "c", "a"]);
    assert_eq!(names(shop, Sort::CreatedDesc).await, ["a", "c", "b", "d"]);
}

pub async fn every_page_of_every_order_is_right(shop: &Shop) {
    let shelf = a_shelf_of_ties(shop, 130).await;
    let categories: Vec<_> =
        shop.list_categories(0, 9).await.expect("an answer").iter().map(|c| Some(c.id)).collect();
    for sort in SORTS {
        for category in categories.iter().copied().chain([None]) {
            for limit in [7, 100] {
                assert_pages(shop, &shelf, &SlipperQuery { sort, category, ..all() }, limit).await;
            }
        }
    }
}

pub async fn pages_that_start_inside_of_others_are_right_too(shop: &Shop) {
    let shelf = a_shelf_of_ties(shop, 40).await;
    for sort in SORTS {
        let query = SlipperQuery { sort, ..all() };
        let expected = matching(&shelf, &query);
        for (skip, limit) in [(0, 1), (1, 1), (3, 10), (17, 5), (39, 1), (39, 100), (35, 100)] {
            let asked = SlipperQuery { page: Page::new(skip, limit), ..query.clone() };
            let page = shop.list_slippers(asked).await.expect("a page");
            let from = usize::try_from(skip).expect("small");
            let upto = expected.len().min(from + usize::try_from(limit).expect("small"));
            assert_eq!(page.items, expected[from..upto], "{sort:?} skip {skip} limit {limit}");
            assert_eq!(page.total, 40);
        }
    }
}

pub async fn past_the_end_there_is_nothing_but_the_right_total(shop: &Shop) {
    let home = shop.category("Home").await;
    for number in 0..5 {
        let category = (number < 2).then_some(home);
        shop.make(NewSlipper { category, ..new_slipper("Mu") }).await;
    }
    for sort in SORTS {
        for (category, total) in [(None, 5), (Some(home), 2)] {
            for skip in [5, 6, 10_000, 10_001, 1 << 32, i64::MAX - 100, i64::MAX - 1, i64::MAX] {
                for limit in [1, 100] {
                    let query = SlipperQuery { page: Page::new(skip, limit), sort, category, ..all() };
                    let page = shop.list_slippers(query).await.expect("a page");
                    assert_eq!(page.items, [], "{sort:?} skip {skip}");
                    assert_eq!((page.total, page.total_is_exact), (total, true), "{sort:?} skip {skip}");
                }
            }
        }
    }
}

pub async fn an_empty_catalogue_has_empty_pages(shop: &Shop) {
    for sort in SORTS {
        for skip in [0, 1, i64::MAX] {
            let page = shop
                .list_slippers(SlipperQuery { page: Page::new(skip, 20), sort, ..all() })
                .await
                .expect("a page");
            assert_eq!((page.items, page.total, page.total_is_exact), (Vec::new(), 0, true));
        }
    }
}

pub async fn a_category_that_is_not_there_has_no_products(shop: &Shop) {
    shop.product("Mu", 1).await;
    let empty = shop.category("Empty").await;
    let gone = shop.category("Gone").await;
    shop.make(NewSlipper { category: Some(gone), ..new_slipper("Nu") }).await;
    shop.delete_category(gone).await.expect("deleted");
    for category in NOBODYS.into_iter().map(CategoryId::new).chain([empty, gone]) {
        for sort in SORTS {
            let query = SlipperQuery { category: Some(category), sort, ..all() };
            let page = shop.list_slippers(query).await.expect("a page");
            assert_eq!((page.items, page.total, page.total_is_exact), (Vec::new(), 0, true), "{category:?}");
        }
    }
    assert_eq!(shop.total(all()).await, 2);
}

pub async fn changes_move_products_to_their_new_places(shop: &Shop) {
    let mut shelf = a_shelf_of_ties(shop, 30).await;
    let mut dice = Dice::new(11);
    let home = shelf.iter().find_map(|slipper| slipper.category.clone()).map(|label| label.id);
    for _ in 0..40 {
        let at = dice.roll(shelf.len());
        let change = match dice.roll(4) {
            0 => SlipperChange {
                name: Some(dice.pick(&["ёж", "Zz", "mu"]).into()),
                ..SlipperChange::default()
            },
            1 => SlipperChange { price: Some(Money::from_minor(50)), ..SlipperChange::default() },
            2 => SlipperChange { category: Some(home), ..SlipperChange::default() },
            _ => SlipperChange { category: Some(None), ..SlipperChange::default() },
        };
        shelf[at] = shop.set(shelf[at].id, change).await;
    }
    for at in [25, 13, 0] {
        shop.delete_slipper(shelf.remove(at).id, NOW).await.expect("deleted");
    }
    for sort in SORTS {
        assert_pages(shop, &shelf, &SlipperQuery { sort, ..all() }, 10).await;
        assert_pages(shop, &shelf, &SlipperQuery { sort, category: home, ..all() }, 10).await;
    }
}
