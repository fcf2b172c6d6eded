//! What each verb costs, in statements. A change of these numbers is a decision.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

use std::sync::Arc;

use slippers_core::accounts::{
    AccountStore, Actor, NewSession, NewUser, PasswordHash, RefreshHash, RefreshToken, SessionId,
};
use slippers_core::audit::By;
use slippers_core::cart::CartStore;
use slippers_core::catalog::{CatalogStore, NewCategory, NewSlipper, SlipperQuery, Sort, StockedSlipper};
use slippers_core::orders::{Idempotency, OrderChange, OrderQuery, OrderStatus, OrderStore, PlaceFromCart};
use slippers_core::types::{IdempotencyKey, Money, Page, Phone, SlipperId, Timestamp, UserId};
use slippers_core::{Store, StoreError};
use slippers_store_contract::seeding::Goods;
use slippers_store_sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn new_slipper(name: &str) -> NewSlipper {
    NewSlipper {
        name: name.to_owned(),
        size: "39".to_owned(),
        price: Money::from_minor(5405),
        quantity: 100,
        category: None,
    }
}

struct Shop {
    store: SqliteStore,
    buyer: UserId,
    session: SessionId,
    slippers: Vec<SlipperId>,
    folder: tempfile::TempDir,
}

impl Shop {
    /// A buyer, and three products.
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("shop.db")).expect("a store");
        let refresh = RefreshToken { hash: RefreshHash::new([1; 32]), expires_at: NOW.plus_seconds(60) };
        let session = NewSession { id: SessionId::new([1; 16]), cap_at: None, refresh };
        let user = NewUser {
            name: "John".to_owned(),
            surname: "Doe".to_owned(),
            phone: Phone::parse("+998901112233").expect("a phone"),
            password: PasswordHash::new("hash".to_owned()),
            is_admin: false,
        };
        let buyer = store.create_user(user, NOW).await.expect("a user").id;
        store
            .open_session(buyer, &PasswordHash::new("hash".to_owned()), session, NOW)
            .await
            .expect("a session");
        let mut slippers = Vec::new();
        for name in ["Mu Comfort", "Cozy Home", "Тапки"] {
            slippers.push(
                store.create_slipper(new_slipper(name), By::CommandLine, NOW).await.expect("a product").id,
            );
        }
        Self { store, buyer, session: session.id, slippers, folder }
    }

    async fn fill_cart(&self) {
        for slipper in &self.slippers {
            self.store.add_to_cart(self.buyer, *slipper, 2, NOW).await.expect("a place in the cart");
        }
    }

    fn place(&self) -> PlaceFromCart {
        PlaceFromCart {
            user: self.buyer,
            clear_cart: false,
            idempotency: None,
            max_open: 10,
            max_quantity: 500,
        }
    }

    /// The statements that a call runs.
    async fn cost<T, E: std::fmt::Debug>(&self, call: impl Future<Output = Result<T, E>>) -> u64 {
        let before = self.store.statements_run();
        call.await.expect("a success");
        self.store.statements_run() - before
    }
}

#[tokio::test]
async fn reads_cost_one_statement_and_lists_two_or_three() {
    let shop = Shop::open().await;
    let (store, buyer) = (&shop.store, shop.buyer);
    shop.fill_cart().await;
    let order = store.place_from_cart(shop.place(), NOW).await.expect("an order").id;
    assert_eq!(shop.cost(store.find_slipper(shop.slippers[0])).await, 1);
    assert_eq!(shop.cost(store.list_images(shop.slippers[0])).await, 1);
    assert_eq!(shop.cost(store.find_credentials("John")).await, 1);
    assert_eq!(shop.cost(store.find_session_user(shop.session)).await, 1);
    assert_eq!(shop.cost(store.open_cart(buyer, NOW)).await, 1);
    assert_eq!(shop.cost(store.cart_totals(buyer)).await, 1);
    assert_eq!(shop.cost(store.find_order(order)).await, 1);
    let orders = OrderQuery { of: Some(buyer), with_outcome: false, before: None, max: 1000 };
    assert_eq!(shop.cost(store.list_orders(orders)).await, 2);
    let page = SlipperQuery {
        page: Page::new(0, 100),
        category: None,
        search: None,
        sort: Sort::PriceAsc,
        with_images: true,
    };
    assert_eq!(shop.cost(store.list_slippers(page.clone())).await, 3);
    // The rows are in memory now.
    assert_eq!(shop.cost(store.list_slippers(page)).await, 2);
}

#[tokio::test]
async fn changes_of_a_cart_cost_few() {
    let shop = Shop::open().await;
    let (store, buyer) = (&shop.store, shop.buyer);
    assert_eq!(shop.cost(store.open_cart(buyer, NOW)).await, 3, "made once");
    assert_eq!(shop.cost(store.clear_cart(buyer, NOW)).await, 1, "an empty cart is read only");
    assert_eq!(shop.cost(store.add_to_cart(buyer, shop.slippers[0], 1, NOW)).await, 3);
    let line = store.open_cart(buyer, NOW).await.expect("a cart").lines[0].id;
    assert_eq!(shop.cost(store.set_line_quantity(buyer, line, 5, NOW)).await, 4);
    assert_eq!(shop.cost(store.set_line_quantity(buyer, line, 5, NOW)).await, 2, "no change");
    assert_eq!(shop.cost(store.clear_cart(buyer, NOW)).await, 4);
}

#[tokio::test]
async fn an_order_costs_eight_and_two_for_each_wish() {
    let shop = Shop::open().await;
    shop.fill_cart().await;
    assert_eq!(shop.cost(shop.store.place_from_cart(shop.place(), NOW)).await, 8);
    assert_eq!(shop.cost(shop.store.place_from_cart(shop.place(), NOW)).await, 3, "the same again");
    shop.store.add_to_cart(shop.buyer, shop.slippers[0], 1, NOW).await.expect("another cart");
    let key = IdempotencyKey::parse("one").expect("a key");
    let idempotency = Some(Idempotency { key, request: "from-cart".to_owned() });
    let wishes = PlaceFromCart { clear_cart: true, idempotency, ..shop.place() };
    assert_eq!(shop.cost(shop.store.place_from_cart(wishes.clone(), NOW)).await, 12);
    assert_eq!(shop.cost(shop.store.place_from_cart(wishes, NOW)).await, 2, "the same key again");
}

#[tokio::test]
async fn a_large_category_is_deleted_in_parts() {
    let shop = Shop::open().await;
    for (products, cost) in [(0, 3), (999, 3), (1000, 5)] {
        let new = NewCategory { name: format!("{products}"), description: None, is_active: true };
        let id = shop.store.create_category(new, By::CommandLine, NOW).await.expect("a category").id;
        for _ in 0..products {
            let new = NewSlipper { category: Some(id), ..new_slipper("Mu") };
            shop.store.create_slipper(new, By::CommandLine, NOW).await.expect("a product");
        }
        assert_eq!(shop.cost(shop.store.delete_category(id, By::CommandLine, NOW)).await, cost, "{products}");
    }
}

#[tokio::test]
async fn giving_orders_up_costs_the_same_for_many() {
    let shop = Shop::open().await;
    let mut last = None;
    for _ in 0..5 {
        shop.fill_cart().await;
        last = Some(shop.store.place_from_cart(shop.place(), NOW).await.expect("an order").id);
    }
    let owner = Actor { user: shop.buyer, is_admin: false };
    let last = last.expect("an order");
    let cancel = OrderChange { status: Some(OrderStatus::Cancelled), ..OrderChange::default() };
    let cost = shop.cost(shop.store.change_order(last, owner, cancel, NOW)).await;
    assert_eq!(cost, 5, "one asks whether a gateway holds the order, and one tells");
    let cost = shop.cost(shop.store.delete_order(last, owner, NOW)).await;
    assert_eq!(cost, 7, "one asks for attempts, and one forgets them");
    assert_eq!(shop.cost(shop.store.expire_orders(NOW, 100, NOW)).await, 4);
    assert_eq!(shop.cost(shop.store.expire_orders(NOW, 100, NOW)).await, 1, "nothing left");
}

#[tokio::test]
async fn a_closed_store_is_unavailable_and_keeps_what_it_answered() {
    let shop = Shop::open().await;
    shop.fill_cart().await;
    shop.store.close();
    shop.store.close();
    assert!(matches!(shop.store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(shop.store.open_cart(shop.buyer, NOW).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(shop.store.clear_cart(shop.buyer, NOW).await, Err(StoreError::Unavailable(_))));
    let again = SqliteStore::open(&shop.folder.path().join("shop.db")).expect("the same file");
    assert_eq!(again.open_cart(shop.buyer, NOW).await.expect("a cart").lines.len(), 3);
}

#[tokio::test]
async fn a_search_of_a_stocked_shop_has_one_place_to_look() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let store = SqliteStore::open(&path).expect("a store");
    // Enough to be written in several parts.
    let slipper = |index: u64| {
        let name: String =
            (1..=12_u64).map(|word| format!("{:05x}", index * word * 7_919 % 1_048_573)).collect();
        StockedSlipper { slipper: new_slipper(&name), images: Vec::new() }
    };
    let goods = Goods { categories: Vec::new(), count: 8_000, slipper };
    store.stock_catalog(Arc::new(goods), NOW).await.expect("stocked");
    let file = rusqlite::Connection::open(path).expect("the same file");
    let segments = "SELECT count(DISTINCT segid) FROM slipper_search_idx";
    let segments: i64 = file.query_row(segments, [], |row| row.get(0)).expect("a count");
    assert_eq!(segments, 1);
}
