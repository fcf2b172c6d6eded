//! The maintained counts: what a total says is what a walk through the list counts.

use slippers_core::catalog::{CatalogError, CategoryChange, NewSlipper, SlipperChange, SlipperQuery};
use slippers_core::types::CategoryId;

use crate::given::{Dice, NOW, Shop, all, assert_is, new_category, new_slipper};

async fn count(shop: &Shop, category: Option<CategoryId>) -> i64 {
    shop.total(SlipperQuery { category, ..all() }).await
}

/// Compares every total with a walk.
async fn assert_counts(shop: &Shop) {
    let slippers = shop.gather(all()).await;
    assert_eq!(count(shop, None).await, i64::try_from(slippers.len()).expect("few"));
    for category in shop.list_categories(0, 1000).await.expect("an answer") {
        let walked =
            slippers.iter().flat_map(|slipper| &slipper.category).filter(|c| c.id == category.id).count();
        let listed = shop.gather(SlipperQuery { category: Some(category.id), ..all() }).await.len();
        assert_eq!(listed, walked, "{category:?}");
        let total = count(shop, Some(category.id)).await;
        assert_eq!(total, i64::try_from(walked).expect("few"), "{category:?}");
    }
}

pub async fn totals_follow_each_change(shop: &Shop) {
    let (home, beach) = (shop.category("Home").await, shop.category("Beach").await);
    let totals =
        async || (count(shop, None).await, count(shop, Some(home)).await, count(shop, Some(beach)).await);
    assert_eq!(totals().await, (0, 0, 0));
    let at_home = shop.make(NewSlipper { category: Some(home), ..new_slipper("a") }).await.id;
    let nowhere = shop.make(new_slipper("b")).await.id;
    assert_eq!(totals().await, (2, 1, 0));
    let into = |category| SlipperChange { category: Some(category), ..SlipperChange::default() };
    shop.set(at_home, into(Some(beach))).await;
    assert_eq!(totals().await, (2, 0, 1));
    shop.set(nowhere, into(Some(beach))).await;
    assert_eq!(totals().await, (2, 0, 2));
    shop.set(nowhere, into(Some(beach))).await;
    assert_eq!(totals().await, (2, 0, 2), "it is there already");
    shop.set(at_home, into(None)).await;
    assert_eq!(totals().await, (2, 0, 1));
    shop.set(at_home, into(None)).await;
    assert_eq!(totals().await, (2, 0, 1), "it has none already");
    shop.set(nowhere, SlipperChange { name: Some("c".into()), ..SlipperChange::default() }).await;
    assert_eq!(totals().await, (2, 0, 1), "a name moves no count");
    shop.delete_category(beach).await.expect("deleted");
    assert_eq!(totals().await, (2, 0, 0));
    shop.delete_slipper(nowhere, NOW).await.expect("deleted");
    assert_eq!(totals().await, (1, 0, 0));
    assert_counts(shop).await;
}

pub async fn refused_changes_count_nothing(shop: &Shop) {
    let home = shop.category("Home").await;
    let id = shop.make(NewSlipper { category: Some(home), ..new_slipper("a") }).await.id;
    let nowhere = Some(CategoryId::new(99));
    let by = shop.keeper().await.user;
    assert_is!(
        shop.create_slipper(NewSlipper { category: nowhere, ..new_slipper("b") }, NOW).await,
        Err(CatalogError::CategoryNotFound)
    );
    let change = SlipperChange { category: Some(nowhere), ..SlipperChange::default() };
    assert_is!(shop.update_slipper(id, change, by, NOW).await, Err(CatalogError::CategoryNotFound));
    assert_is!(shop.create_category(new_category("Home"), NOW).await, Err(CatalogError::CategoryNameTaken));
    assert_eq!(
        (count(shop, None).await, count(shop, Some(home)).await, count(shop, nowhere).await),
        (1, 1, 0)
    );
}

pub async fn totals_are_right_after_a_crowd_of_writers(shop: &Shop) {
    let mut categories = vec![None];
    for number in 0..4 {
        categories.push(Some(shop.category(&format!("Shelf {number}")).await));
    }
    for number in 0..30 {
        let category = categories[number % categories.len()];
        shop.make(NewSlipper { category, ..new_slipper("Mu") }).await;
    }
    let by = shop.keeper().await.user;
    let known = shop.gather(all()).await;
    shop.at_once(8, move |shop, number| {
        let (categories, known) = (categories.clone(), known.clone());
        async move {
            let mut dice = Dice::new(u64::try_from(number).expect("small"));
            for _ in 0..25 {
                // Others may have deleted what this one is about to change: a refusal is fine, a wrong count is not.
                let (id, category) = (known[dice.roll(known.len())].id, dice.pick(&categories));
                let _ = match dice.roll(8) {
                    0..=2 => shop
                        .create_slipper(NewSlipper { category, ..new_slipper("Nu") }, NOW)
                        .await
                        .map(|_| ()),
                    3..=5 => {
                        let change = SlipperChange { category: Some(category), ..SlipperChange::default() };
                        shop.update_slipper(id, change, by, NOW).await.map(|_| ())
                    }
                    6 => shop.delete_slipper(id, NOW).await.map(drop),
                    _ => match category.filter(|_| number == 3) {
                        Some(category) => shop.delete_category(category).await,
                        None => Ok(()),
                    },
                };
            }
        }
    })
    .await;
    assert_counts(shop).await;
}

pub async fn a_category_deleted_while_products_move_into_it_leaves_right_counts(shop: &Shop) {
    let by = shop.keeper().await.user;
    for round in 0..5 {
        let doomed = shop.category(&format!("Doomed {round}")).await;
        let safe = shop.category(&format!("Safe {round}")).await;
        let id = shop.make(NewSlipper { category: Some(safe), ..new_slipper("Mu") }).await.id;
        shop.at_once(4, move |shop, number| async move {
            let change = SlipperChange { category: Some(Some(doomed)), ..SlipperChange::default() };
            let new = NewSlipper { category: Some(doomed), ..new_slipper("Nu") };
            let _ = match number {
                0 => shop.delete_category(doomed).await,
                1 => shop.create_slipper(new, NOW).await.map(|_| ()),
                2 => shop.update_slipper(id, change, by, NOW).await.map(|_| ()),
                _ => shop.update_category(doomed, CategoryChange::default(), NOW).await.map(|_| ()),
            };
        })
        .await;
        assert_eq!(shop.find_category(doomed).await.expect("an answer"), None);
        assert_eq!(count(shop, Some(doomed)).await, 0);
        let labels = shop.gather(all()).await.into_iter().filter_map(|slipper| slipper.category);
        assert!(labels.into_iter().all(|label| label.id != doomed), "no product is left in it");
        assert_counts(shop).await;
    }
}
