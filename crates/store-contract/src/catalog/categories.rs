//! Categories: made, listed, renamed, deleted.

use slippers_core::catalog::{CatalogError, Category, CategoryChange, NewCategory, NewSlipper};
use slippers_core::types::{CategoryId, Timestamp};

use crate::given::{NOBODYS, NOW, Shop, all, assert_is, new_category, new_slipper};

const LATER: Timestamp = NOW.plus_seconds(3600);

fn renamed(name: &str) -> CategoryChange {
    CategoryChange { name: Some(name.to_owned()), ..CategoryChange::default() }
}

async fn list(shop: &Shop) -> Vec<Category> {
    shop.list_categories(0, 1000).await.expect("the store answers")
}

pub async fn a_category_is_kept_as_it_was_made(shop: &Shop) {
    for (number, new) in (1..).zip([
        new_category("Home"),
        NewCategory { description: Some("Warm ones".into()), is_active: false, ..new_category("Winter") },
        NewCategory { description: Some(String::new()), ..new_category("Ж".repeat(100).as_str()) },
        NewCategory { description: Some("ы".repeat(255)), ..new_category("'; DROP TABLE %_\\\"*😀 -- ") },
    ]) {
        let made = shop.create_category(new.clone(), NOW).await.expect("made");
        let expected = Category {
            id: CategoryId::new(number),
            name: new.name,
            description: new.description,
            is_active: new.is_active,
            created_at: NOW,
            updated_at: NOW,
        };
        assert_eq!(made, expected);
        assert_eq!(shop.find_category(made.id).await.expect("an answer"), Some(expected));
    }
}

pub async fn categories_are_listed_by_number_active_or_not(shop: &Shop) {
    let mut made = Vec::new();
    for (name, is_active) in
        [("Zebra", true), ("apple", false), ("Ёлка", true), ("Apple", false), ("b", true)]
    {
        let new = NewCategory { is_active, ..new_category(name) };
        made.push(shop.create_category(new, NOW).await.expect("made"));
    }
    assert_eq!(list(shop).await, made);
    for (skip, limit, rows) in [(0, 2, 0..2), (2, 2, 2..4), (4, 2, 4..5), (1, 100, 1..5), (0, 0, 0..0)] {
        let part = shop.list_categories(skip, limit).await.expect("an answer");
        assert_eq!(part, made[rows], "skip {skip} limit {limit}");
    }
}

pub async fn past_the_end_of_the_categories_there_are_none(shop: &Shop) {
    assert_eq!(list(shop).await, []);
    shop.category("Home").await;
    for skip in [1, 2, 1 << 33, i64::MAX - 1, i64::MAX] {
        assert_eq!(shop.list_categories(skip, 100).await.expect("an answer"), [], "skip {skip}");
        assert_eq!(shop.list_categories(skip, i64::MAX).await.expect("an answer"), [], "skip {skip}");
    }
    assert_eq!(shop.list_categories(0, i64::MAX).await.expect("an answer").len(), 1);
}

pub async fn a_category_that_is_not_there_is_not_found(shop: &Shop) {
    shop.category("Home").await;
    let before = shop.everything(&[]).await;
    for id in NOBODYS.into_iter().chain([2]).map(CategoryId::new) {
        assert_eq!(shop.find_category(id).await.expect("an answer"), None, "{id:?}");
        assert_is!(
            shop.update_category(id, renamed("New"), LATER).await,
            Err(CatalogError::CategoryNotFound)
        );
        // That the name is taken does not hide that there is no such category.
        assert_is!(
            shop.update_category(id, renamed("Home"), LATER).await,
            Err(CatalogError::CategoryNotFound)
        );
        assert_is!(shop.delete_category(id).await, Err(CatalogError::CategoryNotFound));
    }
    assert_eq!(shop.everything(&[]).await, before);
}

pub async fn a_name_of_a_category_is_taken_to_the_letter(shop: &Shop) {
    for name in ["Home", "home", "HOME", "Home ", " Home", "Дом", "дом", "Hоme"] {
        shop.category(name).await;
    }
    let before = list(shop).await;
    assert_eq!(before.len(), 8);
    for name in ["Home", "home ", "Дом", "Hоme"] {
        let is_taken = before.iter().any(|category| category.name == name);
        let again = shop.create_category(new_category(name), NOW).await;
        if is_taken {
            assert_is!(again, Err(CatalogError::CategoryNameTaken));
        } else {
            assert_is!(again, Ok(made) if made.name == name);
        }
    }
    assert_eq!(list(shop).await.len(), 9, "only the one that was free was made");
}

pub async fn of_twenty_categories_of_one_name_at_once_one_is_made(shop: &Shop) {
    let answers = shop
        .at_once(20, |shop, _| async move { shop.create_category(new_category("Sale"), NOW).await })
        .await;
    let made: Vec<&Category> = answers.iter().flatten().collect();
    assert_eq!(made.len(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CatalogError::CategoryNameTaken));
    }
    assert_eq!(list(shop).await, [made[0].clone()]);
}

pub async fn of_many_renamed_to_one_name_at_once_one_is(shop: &Shop) {
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(shop.category(&format!("Shelf {number}")).await);
    }
    let answers = shop
        .at_once(10, move |shop, number| {
            let id = ids[usize::try_from(number).expect("small")];
            async move { shop.update_category(id, renamed("Sale"), LATER).await }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CatalogError::CategoryNameTaken));
    }
    let names: Vec<String> = list(shop).await.into_iter().map(|category| category.name).collect();
    assert_eq!(names.iter().filter(|name| *name == "Sale").count(), 1);
    assert_eq!(names.iter().filter(|name| name.starts_with("Shelf ")).count(), 9, "{names:?}");
}

pub async fn a_rename_to_a_taken_name_changes_nothing(shop: &Shop) {
    let (home, _) = (shop.category("Home").await, shop.category("Beach").await);
    let before = list(shop).await;
    let change = CategoryChange {
        name: Some("Beach".into()),
        description: Some(Some("new".into())),
        is_active: Some(false),
    };
    assert_is!(shop.update_category(home, change, LATER).await, Err(CatalogError::CategoryNameTaken));
    assert_eq!(list(shop).await, before);
}

pub async fn a_category_may_keep_its_own_name(shop: &Shop) {
    let id = shop.category("Home").await;
    let kept = shop.update_category(id, renamed("Home"), LATER).await.expect("its own name is free to it");
    assert_eq!((kept.name.as_str(), kept.updated_at), ("Home", LATER));
    let recased = shop.update_category(id, renamed("HOME"), LATER).await.expect("so is another spelling");
    assert_eq!(recased.name, "HOME");
}

pub async fn a_change_of_a_category_touches_only_what_it_names(shop: &Shop) {
    let new = NewCategory { description: Some("Warm".into()), ..new_category("Home") };
    let made = shop.create_category(new, NOW).await.expect("made");
    let mut expected = Category { updated_at: LATER, ..made.clone() };
    let steps = [
        CategoryChange::default(),
        renamed("Дом"),
        CategoryChange { is_active: Some(false), ..CategoryChange::default() },
        CategoryChange { description: Some(Some("Тёплые".into())), ..CategoryChange::default() },
        CategoryChange { description: Some(None), ..CategoryChange::default() },
        CategoryChange { is_active: Some(true), ..CategoryChange::default() },
    ];
    for (seconds, change) in (3600..).zip(steps) {
        expected.updated_at = NOW.plus_seconds(seconds);
        if let Some(name) = &change.name {
            expected.name.clone_from(name);
        }
        if let Some(description) = &change.description {
            expected.description.clone_from(description);
        }
        expected.is_active = change.is_active.unwrap_or(expected.is_active);
        let answer = shop.update_category(made.id, change, expected.updated_at).await.expect("changed");
        assert_eq!(answer, expected);
        assert_eq!(shop.find_category(made.id).await.expect("an answer"), Some(expected.clone()));
    }
    assert_eq!((expected.name.as_str(), expected.description, expected.is_active), ("Дом", None, true));
}

pub async fn products_show_the_present_name_of_their_category(shop: &Shop) {
    let id = shop.category("Home").await;
    let slipper = shop.make(NewSlipper { category: Some(id), ..new_slipper("Mu") }).await;
    assert_eq!(slipper.category.expect("a category").name, "Home");
    shop.update_category(id, renamed("Дом"), LATER).await.expect("renamed");
    let label = shop.slipper(slipper.id).await.category.expect("a category");
    assert_eq!((label.id, label.name.as_str()), (id, "Дом"));
    let listed = shop.gather(all()).await.remove(0).category.expect("a category");
    assert_eq!(listed.name, "Дом");
}

pub async fn a_deleted_category_leaves_its_products_without_one(shop: &Shop) {
    let (home, beach) = (shop.category("Home").await, shop.category("Beach").await);
    let mut made = Vec::new();
    for (name, category) in [("a", Some(home)), ("b", Some(beach)), ("c", Some(home)), ("d", None)] {
        made.push(shop.make(NewSlipper { category, ..new_slipper(name) }).await);
    }
    shop.delete_category(home).await.expect("deleted");

    assert_eq!(shop.find_category(home).await.expect("an answer"), None);
    assert_eq!(list(shop).await.iter().map(|category| category.id).collect::<Vec<_>>(), [beach]);
    let left: Vec<_> = shop
        .gather(all())
        .await
        .into_iter()
        .map(|slipper| (slipper.id, slipper.category.map(|c| c.id)))
        .collect();
    assert_eq!(left, [(made[0].id, None), (made[1].id, Some(beach)), (made[2].id, None), (made[3].id, None)]);
    for slipper in [&made[0], &made[2]] {
        let now = shop.slipper(slipper.id).await;
        assert_eq!((&now.name, now.price, now.quantity), (&slipper.name, slipper.price, slipper.quantity));
    }
    assert_is!(shop.delete_category(home).await, Err(CatalogError::CategoryNotFound));
}

pub async fn a_deleted_category_frees_its_name_but_not_its_number(shop: &Shop) {
    let (first, last) = (shop.category("Home").await, shop.category("Beach").await);
    assert_eq!((first.get(), last.get()), (1, 2));
    shop.delete_category(last).await.expect("deleted");
    let again = shop.category("Beach").await;
    assert!(again > last, "{again:?} was given before");
    assert_eq!(shop.find_category(last).await.expect("an answer"), None);
}
