//! Pages far into a list, which stores may find from what they read before: never a page of a list that is not any more.

use slippers_core::catalog::{NewSlipper, SearchTerm, Slipper, SlipperChange, SlipperQuery, Sort};
use slippers_core::types::{CategoryId, Money, Page, SlipperId};

use crate::given::{Dice, NOW, Shop, all, new_slipper};
use crate::model::{SORTS, matching};

const WORDS: [&str; 4] = ["Mu", "Тапки", "Cozy", "42"];

async fn make(shop: &Shop, dice: &mut Dice, category: CategoryId) -> Slipper {
    let new = NewSlipper {
        price: Money::from_minor(dice.pick(&[100, 200, 300])),
        category: dice.pick(&[None, Some(category), Some(category)]),
        ..new_slipper(&format!("{} {}", dice.pick(&WORDS), dice.roll(30)))
    };
    shop.create_slipper(new, NOW.plus_seconds(dice.pick(&[0, 1]))).await.expect("made")
}

/// Changes something that lists are ordered by, or a stock, which they are not.
async fn change(shop: &Shop, dice: &mut Dice, slippers: &mut Vec<Slipper>, category: CategoryId) {
    let at = dice.roll(slippers.len());
    let id = slippers[at].id;
    let change = match dice.roll(6) {
        0 => {
            shop.delete_slipper(id, NOW).await.expect("deleted");
            slippers.swap_remove(at);
            return;
        }
        1 => {
            let made = make(shop, dice, category).await;
            return slippers.push(made);
        }
        2 => SlipperChange {
            price: Some(Money::from_minor(dice.pick(&[1, 200, 900]))),
            ..SlipperChange::default()
        },
        3 => SlipperChange { name: Some(dice.pick(&WORDS).to_owned()), ..SlipperChange::default() },
        4 => SlipperChange { category: Some(dice.pick(&[None, Some(category)])), ..SlipperChange::default() },
        _ => SlipperChange { quantity: Some(7), ..SlipperChange::default() },
    };
    slippers[at] = shop.set(id, change).await;
}

pub async fn pages_that_were_read_before_are_those_of_now(shop: &Shop) {
    let mut dice = Dice::new(6);
    let category = shop.category("Home").await;
    let mut slippers = Vec::new();
    for _ in 0..320 {
        slippers.push(make(shop, &mut dice, category).await);
    }
    for round in 0..40 {
        let query = SlipperQuery {
            category: dice.pick(&[None, None, Some(category)]),
            search: SearchTerm::new(dice.pick(&["", "", "", "m", "ту", "тап", "42"])),
            sort: dice.pick(&SORTS),
            ..all()
        };
        let expected = matching(&slippers, &query);
        // A page, the next, both again, and others around them.
        let (skip, limit) = (180 + dice.roll(100), 1 + dice.roll(40));
        for skip in [skip, skip + limit, skip, skip + limit + 5, 0, 250, skip + limit, skip - 20, 330] {
            let [from, rows] = [skip, limit].map(|number| i64::try_from(number).expect("small"));
            let page = shop.list_slippers(SlipperQuery { page: Page::new(from, rows), ..query.clone() });
            let page = page.await.expect("a page");
            let rows: Vec<_> = expected.iter().skip(skip).take(limit).cloned().collect();
            assert_eq!(page.items, rows, "round {round}, from {skip}: {query:?}");
            assert_eq!(page.total, i64::try_from(expected.len()).expect("small"), "round {round}: {query:?}");
        }
        change(shop, &mut dice, &mut slippers, category).await;
    }
}

/// One product goes to and fro between both ends of the list; each page that is read meanwhile is a page of one of the two
/// lists.
pub async fn pages_read_while_the_list_changes_are_of_one_moment(shop: &Shop) {
    const PRODUCTS: i64 = 260;
    let mut ids = Vec::new();
    for number in 1..=PRODUCTS {
        let price = Money::from_minor(100 * number);
        ids.push(shop.make(NewSlipper { price, ..new_slipper("Mu") }).await.id);
    }
    shop.keeper().await;
    let mover = ids[0];
    let first = ids.clone();
    let last: Vec<SlipperId> = ids[1..].iter().copied().chain([mover]).collect();
    shop.at_once(4, move |shop, reader| {
        let lists = [first.clone(), last.clone()];
        async move {
            for round in 0..40_usize {
                if reader == 0 {
                    let price = Some(Money::from_minor([100 * PRODUCTS + 1, 1][round % 2]));
                    shop.set(mover, SlipperChange { price, ..SlipperChange::default() }).await;
                    continue;
                }
                let skip = 200 + round % 5 * 10;
                let search = SearchTerm::new(["", "mu"][round / 5 % 2]);
                let page = Page::new(i64::try_from(skip).expect("small"), 10);
                let query = SlipperQuery { page, search, sort: Sort::PriceAsc, ..all() };
                let read = shop.list_slippers(query).await.expect("a page").items;
                let read: Vec<SlipperId> = read.iter().map(|slipper| slipper.id).collect();
                assert!(lists.iter().any(|list| list[skip..skip + 10] == read), "from {skip}: {read:?}");
            }
        }
    })
    .await;
}
