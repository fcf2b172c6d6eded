//! Which picture stands for the product.

use slippers_core::catalog::{Image, SlipperChange};
use slippers_core::images::ImageError;
use slippers_core::types::ImageId;

use super::{add, path};
use crate::given::{NOBODYS, NOW, Shop, assert_is};

pub async fn a_chosen_picture_stands_for_the_product(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let added = add(shop, mu, &["a", "b", "c"]).await;
    for at in [2, 0, 0] {
        let chosen = shop.set_primary_image(mu, added[at].id, NOW.plus_seconds(9)).await.expect("chosen");
        assert_eq!(chosen, Image { is_primary: true, ..added[at].clone() });
        let after = shop.slipper(mu).await;
        assert_eq!(after.images[0], chosen, "the primary one comes first");
        assert_eq!(after.images.iter().filter(|image| image.is_primary).count(), 1);
        assert_eq!((after.image, after.updated_at), (chosen.path, NOW.plus_seconds(9)));
    }
}

pub async fn the_next_follows_a_deleted_primary_one(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let added = add(shop, mu, &["a", "b", "c"]).await;
    shop.set_primary_image(mu, added[2].id, NOW).await.expect("chosen");
    for (gone, next) in [(2, "a"), (0, "b")] {
        shop.delete_image(mu, added[gone].id, NOW.plus_seconds(5)).await.expect("deleted");
        let after = shop.slipper(mu).await;
        assert_eq!((after.image.as_str(), after.primary_image()), (path(next).as_str(), path(next).as_str()));
        assert!(after.images[0].is_primary);
        assert_eq!(after.updated_at, NOW.plus_seconds(5));
    }
    shop.delete_image(mu, added[1].id, NOW).await.expect("deleted");
    let bare = shop.slipper(mu).await;
    assert_eq!((bare.image.as_str(), bare.images.len()), ("", 0));
    assert!(add(shop, mu, &["d"]).await[0].is_primary, "the next to come stands for it again");
}

pub async fn another_picture_goes_without_a_change_of_the_primary_one(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let added = add(shop, mu, &["a", "b"]).await;
    shop.delete_image(mu, added[1].id, NOW).await.expect("deleted");
    let after = shop.slipper(mu).await;
    assert_eq!((after.image, after.images), (path("a"), vec![added[0].clone()]));
    let b = add(shop, mu, &["b"]).await[0].clone();
    let change = SlipperChange { image: Some(b.path.clone()), ..SlipperChange::default() };
    shop.set(mu, change).await;
    shop.delete_image(mu, b.id, NOW).await.expect("deleted");
    assert_eq!(shop.slipper(mu).await.image, path("a"), "`image` named the one that is gone");
}

pub async fn pictures_of_others_are_not_there(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Nu", 1).await);
    let (mine, other) = (add(shop, mu, &["a"]).await, add(shop, nu, &["b"]).await);
    let before = (shop.slipper(mu).await, shop.slipper(nu).await);
    let nobodys = NOBODYS.map(ImageId::new);
    for id in nobodys.into_iter().chain([other[0].id]) {
        assert_is!(shop.delete_image(mu, id, NOW).await, Err(ImageError::ImageNotFound));
        assert_is!(shop.set_primary_image(mu, id, NOW).await, Err(ImageError::ImageNotFound));
    }
    for id in NOBODYS.map(slippers_core::types::SlipperId::new) {
        assert_is!(shop.delete_image(id, mine[0].id, NOW).await, Err(ImageError::ImageNotFound));
        assert_is!(shop.set_primary_image(id, mine[0].id, NOW).await, Err(ImageError::ImageNotFound));
    }
    assert_eq!((shop.slipper(mu).await, shop.slipper(nu).await), before);
}

pub async fn pictures_chosen_and_deleted_at_once_leave_one_in_front(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let added = add(shop, mu, &names).await;
    let ids: Vec<ImageId> = added.iter().map(|image| image.id).collect();
    shop.at_once(24, move |shop, number| {
        let id = ids[usize::try_from(number).expect("small") / 2];
        async move {
            if number % 2 == 0 {
                let _ = shop.set_primary_image(mu, id, NOW).await;
            } else if number < 22 {
                shop.delete_image(mu, id, NOW).await.expect("deleted once");
            }
        }
    })
    .await;
    let after = shop.slipper(mu).await;
    assert_eq!(after.images.len(), 1);
    assert!(after.images[0].is_primary);
    assert_eq!(
        (after.image.as_str(), &after.images[0]),
        (path("p11").as_str(), &Image { is_primary: true, ..added[11].clone() })
    );
}
