//! What each verb costs, in statements. A change of these numbers is a decision.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use slippers_core::Store as _;
use slippers_core::cart::CartStore as _;
use slippers_core::catalog::{CatalogStore as _, SearchTerm, SlipperQuery, Sort};
use slippers_core::orders::{Idempotency, OrderQuery, OrderStatus, OrderStore as _, PlaceFromCart};
use slippers_core::types::{IdempotencyKey, Page, SlipperId, UserId};
use slippers_store_contract::given::{NOW, Shop, buying, keeping, to};
use slippers_store_contract::seeding::Goods;
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use slippers_testbed::wait;

struct Stage {
    store: PostgresStore,
    shop: Shop,
    buyer: UserId,
    products: Vec<SlipperId>,
    database: Database,
}

/// A buyer, three products, and two pairs of each in the cart.
async fn stage() -> Stage {
    let database = support::database().await;
    let store = PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store");
    let shop = Shop::new(Arc::new(store.clone()));
    let mut products = Vec::new();
    for name in ["Mu Comfort", "Cozy Home", "Тапки"] {
        products.push(shop.product(name, 100).await);
    }
    let lines: Vec<_> = products.iter().map(|product| (*product, 2)).collect();
    let buyer = shop.buyer_of(&lines).await;
    Stage { store, shop, buyer, products, database }
}

impl Stage {
    async fn cost<T, E: std::fmt::Debug>(&self, call: impl Future<Output = Result<T, E>>) -> u64 {
        let before = self.store.statements_run();
        call.await.expect("a success");
        self.store.statements_run() - before
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_cost_one_statement_and_lists_at_most_two() {
    let stage = stage().await;
    let (store, buyer) = (&stage.store, stage.buyer);
    let order = stage.shop.buy(buyer).await.expect("an order").id;
    assert_eq!(stage.cost(store.find_slipper(stage.products[0])).await, 1);
    assert_eq!(stage.cost(store.open_cart(buyer, NOW)).await, 1);
    assert_eq!(stage.cost(store.cart_totals(buyer)).await, 1);
    assert_eq!(stage.cost(store.find_order(order)).await, 1);
    let orders = OrderQuery { of: Some(buyer), with_outcome: false, before: None, max: 1000 };
    assert_eq!(stage.cost(store.list_orders(orders)).await, 2);
    let page = |search| SlipperQuery {
        page: Page::new(0, 100),
        category: None,
        search,
        sort: Sort::PriceAsc,
        with_images: true,
    };
    assert_eq!(stage.cost(store.list_slippers(page(None))).await, 1, "its total comes with it");
    assert_eq!(stage.cost(store.list_slippers(page(SearchTerm::new("comfort")))).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_cart_cost_few() {
    let stage = stage().await;
    let (store, buyer) = (&stage.store, stage.buyer);
    assert_eq!(stage.cost(store.add_to_cart(buyer, stage.products[0], 1, NOW)).await, 2);
    let line = store.open_cart(buyer, NOW).await.expect("a cart").lines[0].id;
    assert_eq!(stage.cost(store.set_line_quantity(buyer, line, 5, NOW)).await, 4);
    assert_eq!(stage.cost(store.set_line_quantity(buyer, line, 5, NOW)).await, 2, "no change");
    assert_eq!(stage.cost(store.clear_cart(buyer, NOW)).await, 5);
    assert_eq!(stage.cost(store.clear_cart(buyer, NOW)).await, 1, "an empty cart is read only");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_costs_four_whatever_its_lines() {
    let stage = stage().await;
    let (store, buyer) = (&stage.store, stage.buyer);
    assert_eq!(stage.cost(store.place_from_cart(keeping(buyer), NOW)).await, 4);
    assert_eq!(stage.cost(store.place_from_cart(keeping(buyer), NOW)).await, 4, "the same again");
    let other = stage.shop.buyer_of(&[(stage.products[0], 1)]).await;
    let clearing = PlaceFromCart { clear_cart: true, ..keeping(other) };
    assert_eq!(stage.cost(store.place_from_cart(clearing, NOW)).await, 4);
}

/// A connection forgets the oldest of its statements beyond some hundreds. Whatever it has forgotten, an order is written before
/// its COMMIT: a key that is kept for an order which is not there would undo all.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_whole_whatever_its_connection_has_forgotten() {
    let database = support::database().await;
    let settings =
        PostgresSettings { pool_size: 1, max_overflow: 0, ..PostgresSettings::new(database.url()) };
    let store = PostgresStore::open(&settings).await.expect("a store");
    let shop = Shop::new(Arc::new(store.clone()));
    let (product, buyer) = (shop.product("Mu", 1_000).await, shop.buyer().await);
    let sorts = [Sort::IdAsc, Sort::IdDesc, Sort::NameAsc, Sort::NameDesc, Sort::PriceAsc, Sort::PriceDesc];
    let mut forms = (1..=100).flat_map(|limit| sorts.map(|sort| (limit, sort)));
    let mut ask = async |count: usize| {
        for (limit, sort) in forms.by_ref().take(count) {
            let page = Page::new(0, limit);
            let query = SlipperQuery { page, category: None, search: None, sort, with_images: true };
            store.list_slippers(query).await.expect("a page");
        }
    };
    for number in 0..60 {
        // Behind the first order's statements so many come that its own are the next to be forgotten.
        ask(if number == 1 { 460 } else { 1 }).await;
        shop.add(buyer, product, 1).await;
        let key = IdempotencyKey::parse(&format!("order-number-{number}")).expect("a key");
        let idempotency = Some(Idempotency { key, request: "the same".to_owned() });
        let place = PlaceFromCart { idempotency, ..buying(buyer) };
        store.place_from_cart(place, NOW).await.expect("an order");
        assert_eq!((shop.stock(product).await, shop.cart(buyer).await.lines.len()), (999 - number, 0));
    }
}

const LOOKED_AT: &str = "SELECT sum(idx_scan) >= 2, sum(idx_tup_read) FROM pg_stat_user_indexes
    WHERE indexrelname IN ('orders_pending_by_age', 'orders_pending_by_user')";

/// A plan that was made when few orders were pending is kept until there are new statistics: behind the first thousands of a sale.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_looks_at_its_buyers_pending_orders_alone_however_many_others_have() {
    let stage = stage().await;
    let rows = |sql: &str| stage.database.query(sql).expect("an answer").trim().to_owned();
    rows("VACUUM ANALYZE orders");
    stage.shop.buy(stage.buyer).await.expect("the first order");
    rows(
        "INSERT INTO orders (user_id, status, total_minor, created_at, updated_at)
          SELECT (SELECT min(id) FROM users), 'PENDING', 1, n, n FROM generate_series(1, 3000) n",
    );
    let buyer = stage.shop.buyer_of(&[(stage.products[0], 1)]).await;
    stage.shop.buy(buyer).await.expect("another order");
    // A connection tells what it has counted when it ends.
    stage.store.close().await;
    let counted =
        wait::until(Duration::from_secs(20), || Some(rows(LOOKED_AT)).filter(|seen| seen.starts_with("t|")));
    assert_eq!(counted.as_deref(), Some("t|0"));
}

/// Without statistics a list of a stocked catalogue is planned as one of an empty table, until autovacuum comes by.
#[tokio::test(flavor = "multi_thread")]
async fn a_stocked_catalogue_is_known_to_plans_at_once() {
    let database = support::database().await;
    let store = PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store");
    store.stock_catalog(Arc::new(Goods::varied(1200)), NOW).await.expect("stocked");
    let known = "SELECT string_agg(relname || ' ' || reltuples, ', ' ORDER BY relname) FROM pg_class
        WHERE relname IN ('categories', 'slippers', 'slipper_images')";
    let known = database.query(known).expect("an answer");
    assert_eq!(known.trim(), "categories 3, slipper_images 1800, slippers 1200");
    let grams = "SELECT reltuples > 1200 FROM pg_class WHERE relname = 'slipper_grams'";
    assert_eq!(database.query(grams).expect("an answer").trim(), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_shares_its_statements() {
    let stage = stage().await;
    let mut buyers = Vec::new();
    for _ in 0..40 {
        buyers.push(stage.shop.buyer_of(&[(stage.products[0], 1)]).await);
    }
    let before = stage.store.statements_run();
    let placed = buyers.iter().map(|buyer| stage.store.place_from_cart(keeping(*buyer), NOW));
    for order in futures_util::future::join_all(placed).await {
        order.expect("an order");
    }
    let cost = stage.store.statements_run() - before;
    // Nearly all are there before the first two are placed; alone they would cost 160.
    assert!(cost <= 160 / 2, "{cost} statements");
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_orders_up_costs_the_same_for_many() {
    let stage = stage().await;
    let keeper = stage.shop.keeper().await;
    let first = stage.shop.buy(stage.buyer).await.expect("an order").id;
    for _ in 0..5 {
        stage.shop.add(stage.buyer, stage.products[0], 1).await;
        stage.shop.buy(stage.buyer).await.expect("an order");
    }
    let cancelled = stage.store.change_order(first, keeper, to(OrderStatus::Cancelled), NOW);
    assert_eq!(stage.cost(cancelled).await, 7, "one asks whether a gateway holds the order, and one tells");
    assert_eq!(stage.cost(stage.store.expire_orders(NOW, 100, NOW)).await, 4);
    assert_eq!(stage.cost(stage.store.expire_orders(NOW, 100, NOW)).await, 1, "nothing left");
}
