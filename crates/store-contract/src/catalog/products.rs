//! Products: made, found, deleted.

use slippers_core::cart::CartTotals;
use slippers_core::catalog::{CatalogError, CategoryLabel, MAX_STOCK, NewSlipper, Slipper, SlipperChange};
use slippers_core::types::{CategoryId, Money, SlipperId, Timestamp};

use crate::given::{NOBODYS, NOW, Shop, all, assert_is, new_slipper};

pub async fn a_product_is_kept_as_it_was_made(shop: &Shop) {
    let home = shop.category("Дом").await;
    let new = NewSlipper {
        name: "Mu Комфорт 's \"%_\\*\" 😀 ".into(),
        size: "38½-39".into(),
        price: Money::from_minor(1_999),
        quantity: 7,
        category: Some(home),
    };
    let made = shop.make(new.clone()).await;
    let expected = Slipper {
        id: SlipperId::new(1),
        name: new.name,
        size: new.size,
        price: new.price,
        quantity: 7,
        is_paused: false,
        image: String::new(),
        category: Some(CategoryLabel { id: home, name: "Дом".into() }),
        images: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    };
    assert_eq!(made, expected);
    assert!(made.is_available());
    assert_eq!(shop.find_slipper(made.id).await.expect("an answer"), Some(expected.clone()));
    assert_eq!(shop.gather(all()).await, [expected]);
}

pub async fn the_longest_names_and_the_greatest_numbers_are_kept(shop: &Shop) {
    for new in [
        NewSlipper { name: "ж".repeat(100), size: "😀".repeat(20), ..new_slipper("") },
        NewSlipper { price: Money::from_minor(1), quantity: 0, ..new_slipper("x") },
        NewSlipper { price: Money::MAX_PRICE, quantity: MAX_STOCK, ..new_slipper("ы") },
        NewSlipper { price: Money::from_minor((1 << 31) + 1), quantity: 1, ..new_slipper("%") },
        NewSlipper { price: Money::from_minor(Money::MAX_PRICE.minor() - 1), ..new_slipper("'") },
    ] {
        let made = shop.make(new.clone()).await;
        let found = shop.slipper(made.id).await;
        assert_eq!(found, made);
        assert_eq!((found.name, found.size), (new.name, new.size));
        assert_eq!((found.price, found.quantity), (new.price, new.quantity));
    }
}

pub async fn times_are_kept_to_the_microsecond(shop: &Shop) {
    for micros in
        [1_795_418_259_123_457, 1, 0, -1, -86_400_000_001, -62_135_596_800_000_000, i64::MIN, i64::MAX]
    {
        let time = Timestamp::from_micros(micros);
        let made = shop.create_slipper(new_slipper("Mu"), time).await.expect("made");
        let found = shop.slipper(made.id).await;
        assert_eq!((found.created_at, found.updated_at), (time, time));
        let category = shop
            .create_category(crate::given::new_category(&format!("of {micros}")), time)
            .await
            .expect("made");
        let found = shop.find_category(category.id).await.expect("an answer").expect("there");
        assert_eq!((found.created_at, found.updated_at), (time, time));
    }
}

pub async fn a_product_of_no_such_category_is_not_made(shop: &Shop) {
    let gone = shop.category("Gone").await;
    shop.delete_category(gone).await.expect("deleted");
    for category in NOBODYS.into_iter().map(CategoryId::new).chain([gone]) {
        let new = NewSlipper { category: Some(category), ..new_slipper("Mu") };
        assert_is!(shop.create_slipper(new, NOW).await, Err(CatalogError::CategoryNotFound));
    }
    assert_eq!(shop.total(all()).await, 0);
    assert_eq!(shop.gather(all()).await, []);
}

pub async fn a_product_that_is_not_there_is_not_found(shop: &Shop) {
    let present = shop.product("Mu", 1).await;
    let by = shop.keeper().await.user;
    let before = shop.everything(&[]).await;
    for id in NOBODYS.into_iter().chain([present.get() + 1]).map(SlipperId::new) {
        assert_eq!(shop.find_slipper(id).await.expect("an answer"), None, "{id:?}");
        assert_eq!(shop.list_images(id).await.expect("an answer"), None, "{id:?}");
        assert_is!(shop.delete_slipper(id, NOW).await, Err(CatalogError::SlipperNotFound));
        let change = SlipperChange { quantity: Some(3), ..SlipperChange::default() };
        assert_is!(shop.update_slipper(id, change, by, NOW).await, Err(CatalogError::SlipperNotFound));
        // The product is looked for before the category.
        let change = SlipperChange { category: Some(Some(CategoryId::new(9))), ..SlipperChange::default() };
        assert_is!(shop.update_slipper(id, change, by, NOW).await, Err(CatalogError::SlipperNotFound));
    }
    assert_eq!(shop.everything(&[]).await, before);
}

pub async fn a_product_without_pictures_has_an_empty_list_of_them(shop: &Shop) {
    let id = shop.product("Mu", 1).await;
    assert_eq!(shop.list_images(id).await.expect("an answer"), Some(Vec::new()));
}

pub async fn a_deleted_product_is_gone_and_its_number_too(shop: &Shop) {
    let (kept, gone) = (shop.product("Kept", 1).await, shop.product("Gone", 1).await);
    shop.delete_slipper(gone, NOW).await.expect("deleted");
    assert_eq!(shop.find_slipper(gone).await.expect("an answer"), None);
    assert_eq!(shop.list_images(gone).await.expect("an answer"), None);
    assert_eq!(shop.gather(all()).await.iter().map(|slipper| slipper.id).collect::<Vec<_>>(), [kept]);
    assert_eq!(shop.total(all()).await, 1);
    assert_is!(shop.delete_slipper(gone, NOW).await, Err(CatalogError::SlipperNotFound));
    let next = shop.product("Gone", 1).await;
    assert!(next > gone, "{next:?} was given before");
}

pub async fn a_product_deleted_by_ten_at_once_is_deleted_once(shop: &Shop) {
    let (kept, gone) = (shop.product("Kept", 1).await, shop.product("Gone", 1).await);
    let answers = shop.at_once(10, move |shop, _| async move { shop.delete_slipper(gone, NOW).await }).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CatalogError::SlipperNotFound));
    }
    assert_eq!(shop.total(all()).await, 1);
    assert_eq!(shop.stock(kept).await, 1);
}

pub async fn a_deleted_product_leaves_every_cart(shop: &Shop) {
    let (kept, gone) = (shop.product("Kept", 5).await, shop.product("Gone", 5).await);
    let both = shop.buyer_of(&[(gone, 2), (kept, 3)]).await;
    let only = shop.buyer_of(&[(gone, 1)]).await;
    let other = shop.buyer_of(&[(kept, 1)]).await;
    let (both_before, only_before, other_before) =
        (shop.cart(both).await, shop.cart(only).await, shop.cart(other).await);

    shop.delete_slipper(gone, NOW).await.expect("deleted");

    let both_after = shop.cart(both).await;
    assert_eq!(both_after.lines, both_before.lines[1..], "the other line is as it was");
    assert!(both_after.version > both_before.version, "it is a change of the cart");
    let only_after = shop.cart(only).await;
    assert_eq!((only_after.id, only_after.lines.len()), (only_before.id, 0));
    assert!(only_after.version > only_before.version);
    assert_eq!(shop.cart_totals(only).await.expect("an answer"), CartTotals::default());
    assert_eq!(shop.cart(other).await, other_before, "a cart without it is not touched");
}
