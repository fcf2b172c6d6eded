//! Stocking an empty catalogue: all of it or nothing.

use std::sync::Arc;
use std::sync::Mutex;

use slippers_core::catalog::{
    Assortment, CatalogError, Category, CategoryLabel, NewCategory, NewSlipper, SearchTerm, Slipper,
    SlipperQuery, StockedSlipper,
};
use slippers_core::types::{CategoryId, SlipperId};

use super::Goods;
use crate::given::{NOW, Shop, all, assert_is, new_category, new_slipper, served};
use crate::model::{SORTS, assert_pages};

async fn stock(shop: &Shop, goods: Goods) -> Result<(), CatalogError> {
    shop.stock_catalog(Arc::new(goods), NOW).await
}

async fn assert_empty(shop: &Shop) {
    assert_eq!(shop.list_categories(0, 100).await.expect("an answer"), []);
    assert_eq!(shop.gather(all()).await, []);
    assert_eq!(shop.total(all()).await, 0);
    for id in 1..4 {
        assert_eq!(shop.find_slipper(SlipperId::new(id)).await.expect("an answer"), None);
        let query = SlipperQuery { category: Some(CategoryId::new(id)), ..all() };
        assert_eq!(shop.total(query).await, 0);
    }
    for text in ["mu ", "mu", "m", "тап", "39"] {
        assert_eq!(shop.total(SlipperQuery { search: SearchTerm::new(text), ..all() }).await, 0, "{text:?}");
    }
}

pub async fn categories_are_numbered_from_one_in_their_order(shop: &Shop) {
    stock(shop, Goods::varied(5)).await.expect("stocked");
    let listed = shop.list_categories(0, 100).await.expect("an answer");
    let expected: Vec<Category> = (1..)
        .zip(["Home", "Пляж", "Зима"])
        .map(|(id, name)| Category {
            id: CategoryId::new(id),
            name: name.into(),
            description: None,
            is_active: true,
            created_at: NOW,
            updated_at: NOW,
        })
        .collect();
    assert_eq!(listed, expected);
}

pub async fn products_are_stocked_as_they_are_described(shop: &Shop) {
    let goods = Goods::varied(50);
    let names = goods.categories();
    stock(shop, Goods::varied(50)).await.expect("stocked");
    let stocked = shop.gather(SlipperQuery { with_images: true, ..all() }).await;
    assert_eq!(stocked.len(), 50);
    for (index, slipper) in (0..).zip(&stocked) {
        let StockedSlipper { slipper: new, images } = goods.slipper(index);
        let category = new.category.map(|id| {
            let place = usize::try_from(id.get() - 1).expect("small");
            CategoryLabel { id, name: names[place].name.clone() }
        });
        let expected = Slipper {
            id: SlipperId::new(i64::try_from(index).expect("small") + 1),
            name: new.name,
            size: new.size,
            price: new.price,
            quantity: new.quantity,
            is_paused: false,
            image: images.first().cloned().unwrap_or_default(),
            category,
            images: slipper.images.clone(),
            created_at: NOW,
            updated_at: NOW,
        };
        assert_eq!(*slipper, expected);
        assert_eq!(shop.slipper(slipper.id).await, expected);
    }
}

pub async fn the_first_picture_is_the_primary_one_and_they_keep_their_order(shop: &Shop) {
    let goods = Goods::varied(50);
    stock(shop, Goods::varied(50)).await.expect("stocked");
    let listed = shop.gather(SlipperQuery { with_images: true, ..all() }).await;
    for (index, slipper) in (0..).zip(&listed) {
        let paths = goods.slipper(index).images;
        let found: Vec<String> = slipper.images.iter().map(|image| image.path.clone()).collect();
        assert_eq!(found, paths, "product {index}");
        for (place, image) in (0..).zip(&slipper.images) {
            assert_eq!((image.order_index, image.is_primary), (place, place == 0));
            assert_eq!((&image.alt_text, image.created_at), (&None, NOW));
        }
        assert!(slipper.images.is_sorted_by(|one, next| one.id < next.id));
        let pictures = shop.list_images(slipper.id).await.expect("an answer");
        assert_eq!(pictures.as_ref(), Some(&slipper.images));
        assert_eq!(slipper.primary_image(), slipper.image);
    }
}

pub async fn pictures_are_listed_only_when_they_are_wanted(shop: &Shop) {
    stock(shop, Goods::varied(20)).await.expect("stocked");
    for (with_images, expected) in [(false, 0), (true, 6)] {
        for search in [None, SearchTerm::new("тапочки"), SearchTerm::new("т")] {
            let listed = shop.gather(SlipperQuery { with_images, search, ..all() }).await;
            let pictures: usize = listed.iter().take(4).map(|slipper| slipper.images.len()).sum();
            assert_eq!((listed.len(), pictures), (20, expected));
            assert_eq!(listed[3].image, "0/0.png", "the picture that stands for it is told either way");
        }
    }
}

pub async fn stocked_products_are_listed_counted_and_found_like_others(shop: &Shop) {
    stock(shop, Goods::varied(60)).await.expect("stocked");
    let shelf = shop.gather(all()).await;
    assert_eq!(shelf.len(), 60);
    for sort in SORTS {
        for category in [None, Some(1), Some(2), Some(3), Some(4)].map(|id| id.map(CategoryId::new)) {
            for search in [
                None,
                SearchTerm::new("ТАП"),
                SearchTerm::new("и 3"),
                SearchTerm::new("4"),
                SearchTerm::new("48"),
            ] {
                let query = SlipperQuery { sort, category, search, ..all() };
                assert_pages(shop, &shelf, &query, 25).await;
            }
        }
    }
}

pub async fn a_catalogue_that_holds_something_is_not_stocked(shop: &Shop) {
    let category = shop.category("Mine").await;
    let before = shop.everything(&[]).await;
    assert_is!(stock(shop, Goods::varied(5)).await, Err(CatalogError::NotEmpty));
    assert_is!(stock(shop, Goods::plain(0)).await, Err(CatalogError::NotEmpty));
    assert_eq!(shop.everything(&[]).await, before);
    shop.delete_category(category).await.expect("deleted");
    shop.product("Mine", 1).await;
    let before = shop.everything(&[]).await;
    assert_is!(stock(shop, Goods::varied(5)).await, Err(CatalogError::NotEmpty));
    assert_eq!(shop.everything(&[]).await, before);
}

pub async fn of_four_who_stock_at_once_one_does(shop: &Shop) {
    let answers = shop
        .at_once(4, |shop, _| async move {
            served(|| async {
                match stock(&shop, Goods::varied(30)).await {
                    Err(CatalogError::Store(error)) => Err(error),
                    answer => Ok(answer),
                }
            })
            .await
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.iter().filter(|answer| answer.is_err()) {
        assert_is!(refused, Err(CatalogError::NotEmpty));
    }
    assert_eq!((shop.total(all()).await, shop.gather(all()).await.len()), (30, 30));
    assert_eq!(shop.list_categories(0, 100).await.expect("an answer").len(), 3);
}

pub async fn two_categories_of_one_name_stock_nothing(shop: &Shop) {
    let broken = Goods { categories: ["Home", "Beach", "Home"].map(new_category).into(), ..Goods::plain(9) };
    assert!(stock(shop, broken).await.is_err());
    assert_empty(shop).await;
    stock(shop, Goods::varied(9)).await.expect("the catalogue is empty still");
    assert_eq!(shop.total(all()).await, 9);
}

pub async fn a_product_in_no_such_category_stocks_nothing(shop: &Shop) {
    let last_is_broken = |index| {
        let category = Some(CategoryId::new(if index == 299 { 4 } else { 1 }));
        let images = vec!["a.png".into()];
        StockedSlipper { slipper: NewSlipper { category, ..new_slipper("Mu") }, images }
    };
    let broken = Goods { slipper: last_is_broken, ..Goods::varied(300) };
    assert!(stock(shop, broken).await.is_err());
    assert_empty(shop).await;
    stock(shop, Goods::varied(9)).await.expect("the catalogue is empty still");
    assert_eq!(shop.total(all()).await, 9);
}

pub async fn an_assortment_of_nothing_leaves_the_catalogue_empty(shop: &Shop) {
    stock(shop, Goods::plain(0)).await.expect("stocked with nothing");
    assert_empty(shop).await;
    stock(shop, Goods::varied(3)).await.expect("it is empty still");
    assert_eq!(shop.total(all()).await, 3);
}

pub async fn categories_without_products_are_stocked_too(shop: &Shop) {
    stock(shop, Goods::varied(0)).await.expect("stocked");
    assert_eq!(shop.list_categories(0, 100).await.expect("an answer").len(), 3);
    assert_eq!(shop.total(all()).await, 0);
    assert_is!(stock(shop, Goods::varied(3)).await, Err(CatalogError::NotEmpty));
}

pub async fn what_is_made_after_stocking_gets_the_next_numbers(shop: &Shop) {
    stock(shop, Goods::varied(7)).await.expect("stocked");
    assert!(shop.category("Fourth").await > CategoryId::new(3));
    assert!(shop.product("Eighth", 1).await > SlipperId::new(7));
    assert_eq!((shop.total(all()).await, shop.list_categories(0, 9).await.expect("an answer").len()), (8, 4));
}

pub async fn an_emptied_catalogue_is_stocked_from_category_one_again(shop: &Shop) {
    for name in ["a", "b"] {
        let category = shop.category(name).await;
        shop.delete_category(category).await.expect("deleted");
    }
    let sold = shop.product("Sold", 1).await;
    let order = shop.order_of(&[(sold, 1)]).await;
    shop.delete_slipper(sold, NOW).await.expect("deleted");
    stock(shop, Goods::varied(5)).await.expect("it is empty");
    let ids: Vec<i64> = shop
        .list_categories(0, 9)
        .await
        .expect("an answer")
        .iter()
        .map(|category| category.id.get())
        .collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(shop.find_slipper(sold).await.expect("an answer"), None, "its number is not given again");
    assert_eq!(shop.order(order.id).await, order);
    assert!(shop.category("next").await > CategoryId::new(3));
}

pub async fn a_stocked_product_is_deleted_with_its_pictures(shop: &Shop) {
    stock(shop, Goods::varied(8)).await.expect("stocked");
    let (gone, kept) = (SlipperId::new(4), SlipperId::new(8));
    assert_eq!(shop.list_images(gone).await.expect("an answer").map(|images| images.len()), Some(3));
    shop.delete_slipper(gone, NOW).await.expect("deleted");
    assert_eq!(shop.list_images(gone).await.expect("an answer"), None);
    assert_eq!(shop.list_images(kept).await.expect("an answer").map(|images| images.len()), Some(3));
    let query = SlipperQuery { category: Some(CategoryId::new(3)), ..all() };
    assert_eq!((shop.total(all()).await, shop.total(query).await), (7, 1));
}

/// Remembers how far the stocking told that it was.
struct Watched(Goods, Mutex<Vec<u64>>);

impl Assortment for Watched {
    fn categories(&self) -> Vec<NewCategory> {
        self.0.categories()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn slipper(&self, index: u64) -> StockedSlipper {
        self.0.slipper(index)
    }

    fn progress(&self, written: u64) {
        self.1.lock().expect("not poisoned").push(written);
    }
}

pub async fn progress_never_tells_more_than_there_is(shop: &Shop) {
    let goods = Arc::new(Watched(Goods::varied(2500), Mutex::default()));
    let watched: Arc<dyn Assortment> = goods.clone();
    shop.stock_catalog(watched, NOW).await.expect("stocked");
    let told = goods.1.lock().expect("not poisoned").clone();
    assert!(told.iter().all(|written| *written <= 2500), "{told:?}");
    assert_eq!(shop.total(all()).await, 2500);
}
