//! Pages show the products of now.

use slippers_core::catalog::{SearchTerm, SlipperChange, SlipperQuery};

use super::add;
use crate::given::{NOW, Shop, all, served};
use crate::model::SORTS;

/// Asks for the page in each order until it is known in every way that a store may know it, and holds it against the products one by
/// one.
async fn see(shop: &Shop, query: &SlipperQuery) {
    for sort in SORTS {
        let query = SlipperQuery { sort, ..query.clone() };
        let first = served(|| shop.list_slippers(query.clone())).await;
        for item in &first.items {
            assert_eq!(*item, shop.slipper(item.id).await);
        }
        for _ in 0..2 {
            assert_eq!(served(|| shop.list_slippers(query.clone())).await, first, "{sort:?}");
        }
    }
}

pub async fn pages_that_were_read_before_show_the_products_of_now(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 1).await, shop.product("Mu and Nu", 1).await);
    for name in ["Ёмкая Mu", "MU 😀", "émus", "ZMU", "_mu"] {
        shop.product(name, 1).await;
    }
    let query = SlipperQuery { search: SearchTerm::new("mu"), with_images: true, ..all() };
    see(shop, &query).await;
    let added = add(shop, mu, &["a", "b", "c"]).await;
    see(shop, &query).await;
    shop.set_primary_image(mu, added[1].id, NOW).await.expect("chosen");
    see(shop, &query).await;
    shop.delete_image(mu, added[1].id, NOW).await.expect("deleted");
    see(shop, &query).await;
    add(shop, nu, &["d"]).await;
    see(shop, &query).await;
    shop.delete_image(mu, added[0].id, NOW).await.expect("deleted");
    let buyer = shop.buyer_of(&[(mu, 1)]).await;
    shop.buy(buyer).await.expect("an order");
    see(shop, &query).await;
    let keeper = shop.keeper().await.user;
    let name = Some("Mu, of wool".to_owned());
    shop.update_slipper(mu, SlipperChange { name, ..SlipperChange::default() }, keeper, NOW)
        .await
        .expect("renamed");
    see(shop, &query).await;
    shop.delete_slipper(nu, NOW).await.expect("deleted");
    see(shop, &query).await;
    let unseen = SlipperQuery { with_images: false, ..query };
    let page = served(|| shop.list_slippers(unseen.clone())).await;
    assert_eq!(page.items.iter().map(|item| item.images.len()).collect::<Vec<_>>(), [0; 6]);
}
