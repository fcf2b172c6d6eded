//! Which files nobody needs any more.

use slippers_core::catalog::SlipperChange;
use slippers_core::images::{ImageError, NewImage};

use super::{add, files, path, picture};
use crate::given::{NOW, Shop, assert_is};

pub async fn a_deleted_picture_frees_its_files(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let added = add(shop, mu, &["a", "b"]).await;
    assert_eq!(shop.delete_image(mu, added[0].id, NOW).await.expect("deleted"), files("a"));
    assert_is!(shop.delete_image(mu, added[0].id, NOW).await, Err(ImageError::ImageNotFound));
    assert_eq!(shop.list_images(mu).await.expect("an answer").map(|left| left.len()), Some(1));
}

pub async fn of_ten_who_delete_a_picture_at_once_one_frees_its_files(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let gone = add(shop, mu, &["a"]).await[0].id;
    let answers =
        shop.at_once(10, move |shop, _| async move { shop.delete_image(mu, gone, NOW).await }).await;
    let freed: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
    assert_eq!(freed, [files("a")]);
}

pub async fn a_file_stays_while_a_line_of_an_order_names_it(shop: &Shop) {
    let mu = shop.product("Mu", 5).await;
    let added = add(shop, mu, &["a", "b"]).await;
    let order = shop.order_of(&[(mu, 1)]).await;
    assert_eq!(order.lines[0].image, path("a"));
    assert_eq!(shop.delete_image(mu, added[0].id, NOW).await.expect("deleted"), Vec::<String>::new());
    assert_eq!(shop.delete_image(mu, added[1].id, NOW).await.expect("deleted"), files("b"));
}

pub async fn a_file_stays_while_another_product_shows_it(shop: &Shop) {
    let (mu, nu, xi) =
        (shop.product("Mu", 1).await, shop.product("Nu", 1).await, shop.product("Xi", 1).await);
    let a = add(shop, mu, &["a"]).await[0].id;
    let shared = add(shop, nu, &["a", "b"]).await;
    assert_eq!(shop.delete_image(mu, a, NOW).await.expect("deleted"), Vec::<String>::new());
    let change = SlipperChange { image: Some(path("b")), ..SlipperChange::default() };
    shop.set(xi, change).await;
    assert_eq!(shop.delete_image(nu, shared[1].id, NOW).await.expect("deleted"), Vec::<String>::new());
    assert_eq!(shop.delete_image(nu, shared[0].id, NOW).await.expect("deleted"), files("a"), "the last one");
}

pub async fn a_deleted_product_frees_the_files_that_nobody_needs(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 5).await, shop.product("Nu", 5).await);
    let bare = NewImage { path: path("c"), variants: Vec::new() };
    shop.add_images(mu, vec![picture("a"), picture("b"), bare], NOW).await.expect("added");
    shop.order_of(&[(mu, 1)]).await;
    let mut freed = shop.delete_slipper(mu, NOW).await.expect("deleted");
    freed.sort_unstable();
    let mut expected = [files("b"), vec![path("c")]].concat();
    expected.sort_unstable();
    assert_eq!(freed, expected, "the line of the order still shows the first");
    assert_eq!(shop.delete_slipper(nu, NOW).await.expect("deleted"), Vec::<String>::new());
}
