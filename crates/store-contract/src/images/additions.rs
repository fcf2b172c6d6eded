//! Pictures are added behind those that are there.

use slippers_core::catalog::{Image, Slipper};
use slippers_core::images::ImageError;
use slippers_core::types::SlipperId;

use super::{add, path, picture};
use crate::given::{NOBODYS, NOW, Shop, assert_is};

pub async fn pictures_are_kept_as_they_were_added(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let before = shop.slipper(nu).await;
    let added = add(shop, mu, &["a", "b"]).await;
    let expected = |at: usize, name: &str| Image {
        id: added[at].id,
        path: path(name),
        is_primary: at == 0,
        alt_text: None,
        order_index: i64::try_from(at).expect("small"),
        created_at: NOW.plus_seconds(1),
        variants: picture(name).variants,
    };
    assert_eq!(added, [expected(0, "a"), expected(1, "b")]);
    assert!(added[0].id < added[1].id);
    assert_eq!(shop.slipper(mu).await.images, added);
    assert_eq!(shop.list_images(mu).await.expect("an answer"), Some(added));
    assert_eq!(shop.slipper(nu).await, before, "another product is not touched");
}

pub async fn the_first_picture_of_all_stands_for_the_product(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let before = shop.slipper(mu).await;
    add(shop, mu, &["a", "b"]).await;
    let after = shop.slipper(mu).await;
    assert_eq!((after.image.as_str(), after.primary_image()), (path("a").as_str(), path("a").as_str()));
    assert_eq!(after.updated_at, NOW.plus_seconds(1), "it is a change of the product");
    assert_eq!(Slipper { images: Vec::new(), image: String::new(), updated_at: NOW, ..after }, before);
}

pub async fn further_pictures_take_the_next_places(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    add(shop, mu, &["a", "b"]).await;
    let more = add(shop, mu, &["c", "d"]).await;
    let seen: Vec<_> = more.iter().map(|image| (image.order_index, image.is_primary)).collect();
    assert_eq!(seen, [(2, false), (3, false)]);
    assert_eq!(shop.slipper(mu).await.image, path("a"));
    let last = more[1].id;
    shop.delete_image(mu, more[0].id, NOW).await.expect("deleted");
    assert_eq!(add(shop, mu, &["e"]).await[0].order_index, 4, "behind the last, gaps or not");
    shop.delete_image(mu, last, NOW).await.expect("deleted");
    assert!(add(shop, mu, &["f"]).await[0].id > last, "a number is never given twice");
}

pub async fn nothing_is_added_to_no_product(shop: &Shop) {
    for id in NOBODYS {
        let refused = shop.add_images(SlipperId::new(id), vec![picture("a")], NOW).await;
        assert_is!(refused, Err(ImageError::SlipperNotFound));
    }
    let mu = shop.product("Mu", 1).await;
    let before = shop.slipper(mu).await;
    assert_eq!(shop.add_images(mu, Vec::new(), NOW.plus_seconds(1)).await.expect("an answer"), []);
    assert_eq!(shop.slipper(mu).await, before, "nothing added is no change");
}

pub async fn of_ten_uploads_at_once_one_brings_the_primary_one(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    shop.at_once(10, move |shop, number| async move {
        let (one, two) = (format!("{number}a"), format!("{number}b"));
        add(&shop, mu, &[&one, &two]).await
    })
    .await;
    let slipper = shop.slipper(mu).await;
    let images = shop.list_images(mu).await.expect("an answer").expect("the product");
    let places: Vec<i64> = images.iter().map(|image| image.order_index).collect();
    assert_eq!(places, (0..20).collect::<Vec<_>>(), "no place is taken twice");
    let primary: Vec<_> = images.iter().filter(|image| image.is_primary).collect();
    assert_eq!(primary.len(), 1);
    assert_eq!(primary[0].order_index, 0);
    assert_eq!(slipper.image, primary[0].path);
}
