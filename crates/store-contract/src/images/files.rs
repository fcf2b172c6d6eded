//! Which files nobody needs any more.

use std::collections::BTreeSet;

use slippers_core::catalog::SlipperChange;
use slippers_core::images::{GonePicture, ImageError, NewImage};

use super::{add, files, path, picture};
use crate::given::{NOW, Shop, as_buyer, assert_is};

/// The pictures that nothing names any more, by the names that they were made under.
async fn unneeded(shop: &Shop) -> Vec<GonePicture> {
    shop.list_unneeded_pictures(100).await.expect("the store answers")
}

fn gone(names: &[&str]) -> Vec<GonePicture> {
    names.iter().map(|name| GonePicture { path: path(name), files: files(name) }).collect()
}

pub async fn a_deleted_picture_frees_its_files_until_they_are_forgotten(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let added = add(shop, mu, &["a", "b", "c"]).await;
    assert_eq!(unneeded(shop).await, []);
    shop.delete_image(mu, added[0].id, NOW).await.expect("deleted");
    assert_is!(shop.delete_image(mu, added[0].id, NOW).await, Err(ImageError::ImageNotFound));
    assert_eq!(shop.list_images(mu).await.expect("an answer").map(|left| left.len()), Some(2));
    for _ in 0..2 {
        assert_eq!(unneeded(shop).await, gone(&["a"]), "whoever deletes them may be interrupted");
    }
    shop.delete_image(mu, added[1].id, NOW).await.expect("deleted");
    assert_eq!(shop.list_unneeded_pictures(1).await.expect("an answer").len(), 1);
    for _ in 0..2 {
        shop.forget_pictures(vec![path("a"), path("nobody")]).await.expect("forgotten");
        assert_eq!(unneeded(shop).await, gone(&["b"]));
    }
}

pub async fn of_ten_who_delete_a_picture_at_once_one_does(shop: &Shop) {
    let mu = shop.product("Mu", 1).await;
    let id = add(shop, mu, &["a"]).await[0].id;
    let answers = shop.at_once(10, move |shop, _| async move { shop.delete_image(mu, id, NOW).await }).await;
    assert_eq!(answers.into_iter().filter(Result::is_ok).count(), 1);
    assert_eq!(unneeded(shop).await, gone(&["a"]));
}

pub async fn a_file_stays_while_a_line_of_an_order_names_it(shop: &Shop) {
    let mu = shop.product("Mu", 5).await;
    let added = add(shop, mu, &["a", "b"]).await;
    let (first, second) = (shop.order_of(&[(mu, 1)]).await, shop.order_of(&[(mu, 1)]).await);
    assert_eq!(first.lines[0].image, path("a"));
    shop.delete_image(mu, added[0].id, NOW).await.expect("deleted");
    shop.delete_image(mu, added[1].id, NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["b"]));
    shop.delete_order(first.id, as_buyer(first.user), NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["b"]), "another order shows it");
    shop.delete_order(second.id, shop.keeper().await, NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["a", "b"]), "its last line went");
}

pub async fn a_file_stays_while_another_product_shows_it(shop: &Shop) {
    let (mu, nu, xi) =
        (shop.product("Mu", 1).await, shop.product("Nu", 1).await, shop.product("Xi", 1).await);
    let a = add(shop, mu, &["a"]).await[0].id;
    let shared = add(shop, nu, &["a", "b"]).await;
    shop.delete_image(mu, a, NOW).await.expect("deleted");
    let shows = |name: &str| SlipperChange { image: Some(path(name)), ..SlipperChange::default() };
    shop.set(xi, shows("b")).await;
    shop.delete_image(nu, shared[1].id, NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, []);
    shop.delete_image(nu, shared[0].id, NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["a"]), "the last one");
    shop.set(xi, shows("elsewhere")).await;
    assert_eq!(unneeded(shop).await, gone(&["a", "b"]), "nobody shows it any more");
    let c = add(shop, mu, &["c"]).await[0].id;
    shop.set(xi, shows("c-320")).await;
    shop.delete_image(mu, c, NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["a", "b"]), "somebody shows its smaller one");
}

pub async fn a_deleted_product_frees_the_files_that_nobody_needs(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 5).await, shop.product("Nu", 5).await);
    let bare = NewImage { path: path("c"), variants: Vec::new() };
    shop.add_images(mu, vec![picture("a"), picture("b"), bare], NOW).await.expect("added");
    let order = shop.order_of(&[(mu, 1)]).await;
    shop.delete_slipper(mu, NOW).await.expect("deleted");
    let bare = GonePicture { path: path("c"), files: vec![path("c")] };
    let free = [gone(&["b"]), vec![bare]].concat();
    assert_eq!(unneeded(shop).await, free, "the line of the order still shows the first");
    shop.delete_slipper(nu, NOW).await.expect("deleted");
    shop.forget_pictures(vec![path("b"), path("c")]).await.expect("forgotten");
    assert_eq!(unneeded(shop).await, []);
    shop.delete_order(order.id, as_buyer(order.user), NOW).await.expect("deleted");
    assert_eq!(unneeded(shop).await, gone(&["a"]));
}

/// Orders are placed, sweeps run and the product is deleted, all at once: whoever got an order keeps its picture.
pub async fn no_picture_of_an_order_is_unneeded_however_it_raced_the_deletion(shop: &Shop) {
    for round in 0..8 {
        let name = format!("p{round}");
        let mu = shop.product("Mu", 99).await;
        add(shop, mu, &[&name]).await;
        let mut buyers = Vec::new();
        for _ in 0..4 {
            buyers.push(shop.buyer_of(&[(mu, 1)]).await);
        }
        let swept = shop
            .at_once(10, move |shop, number| {
                let buyer = usize::try_from(number).ok().and_then(|at| buyers.get(at).copied());
                async move {
                    match (buyer, number) {
                        // Who comes too late finds the product gone.
                        (Some(buyer), _) => drop(shop.buy(buyer).await),
                        (None, 4) => shop.delete_slipper(mu, NOW).await.expect("deleted"),
                        _ => return unneeded(&shop).await,
                    }
                    Vec::new()
                }
            })
            .await;
        let shown: BTreeSet<String> = shop
            .orders(crate::given::all_orders())
            .await
            .orders
            .into_iter()
            .flat_map(|order| order.lines)
            .map(|line| line.image)
            .collect();
        let swept: BTreeSet<String> = swept.into_iter().flatten().map(|picture| picture.path).collect();
        assert_eq!(shown.intersection(&swept).count(), 0, "{shown:?} {swept:?}");
        let is_free = unneeded(shop).await.iter().any(|picture| picture.path == path(&name));
        assert_eq!(is_free, !shown.contains(&path(&name)), "and where nobody got one it goes");
        shop.forget_pictures(vec![path(&name)]).await.expect("forgotten");
    }
}
