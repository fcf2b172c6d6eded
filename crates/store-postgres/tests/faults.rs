//! Connections that die, commits whose answer is lost, transactions in each other's way.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use slippers_core::StoreError;
use slippers_core::cart::CartStore as _;
use slippers_core::catalog::{CatalogError, CatalogStore as _, SlipperChange};
use slippers_core::orders::{OrderStore as _, PlaceError};
use slippers_core::types::{SlipperId, UserId};
use slippers_store_contract::given::{NOW, Shop, all_orders, keeping, new_category};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use slippers_testbed::proxy::{Cut, Faults, Lose, Proxy};
use slippers_testbed::wait;

const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    store: PostgresStore,
    shop: Shop,
    proxy: Proxy,
    database: Database,
}

/// A store that reaches its database by way of a proxy.
async fn stage() -> Stage {
    let database = support::database().await;
    let port = slippers_testbed::postgres::shared().expect("PostgreSQL").port();
    // On a thread that is no runtime's: it makes one of its own.
    let proxy =
        std::thread::spawn(move || Proxy::to_postgres(port, 7)).join().expect("no panic").expect("a proxy");
    let settings = PostgresSettings::new(database.url_through(proxy.port()));
    let store = PostgresStore::open(&settings).await.expect("a store");
    Stage { shop: Shop::new(Arc::new(store.clone())), store, proxy, database }
}

impl Stage {
    fn cut(&self, lose: Lose) {
        self.proxy.set(Faults { cut: Some(Cut::next(lose)), ..Faults::default() });
    }

    fn count(&self, table: &str) -> String {
        self.database.query(&format!("SELECT count(*) FROM {table}")).expect("a count").trim().to_owned()
    }

    /// Waits until a statement of the store's waits for a lock.
    async fn wait_for_a_waiter(&self) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let waits = wait::until_async(PATIENCE, async || {
            (self.database.query(waiting).expect("the activity").trim() != "0").then_some(())
        });
        assert!(waits.await.is_some(), "nobody waits");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_told_and_not_done_twice() {
    let stage = stage().await;
    stage.cut(Lose::Answer);
    let made = stage.shop.create_category(new_category("Домашние"), NOW).await;
    assert!(matches!(made, Err(CatalogError::Store(StoreError::Undecided(_)))), "{made:?}");
    assert_eq!(stage.count("categories"), "1", "the server has committed it once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_never_arrived_is_told_too() {
    let stage = stage().await;
    stage.cut(Lose::Request);
    let made = stage.shop.create_category(new_category("Домашние"), NOW).await;
    assert!(matches!(made, Err(CatalogError::Store(StoreError::Undecided(_)))), "{made:?}");
    assert_eq!(stage.count("categories"), "0");
    stage.shop.create_category(new_category("Домашние"), NOW).await.expect("the next call succeeds");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_commit_was_not_answered_is_looked_for_and_found() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 10).await;
    let buyer = stage.shop.buyer_of(&[(product, 2)]).await;
    // So that its statements are prepared, and the fault meets the commit alone.
    let other = stage.shop.buyer_of(&[(product, 1)]).await;
    stage.store.place_from_cart(keeping(other), NOW).await.expect("an order");
    stage.cut(Lose::Answer);
    let placed = stage.store.place_from_cart(keeping(buyer), NOW).await.expect("the order");
    assert_eq!(placed.user, buyer);
    let again = stage.store.place_from_cart(keeping(buyer), NOW).await.expect("the order");
    assert_eq!(again, placed);
    assert_eq!(stage.shop.orders(all_orders()).await.orders.len(), 2, "one for each buyer");
    assert_eq!(stage.shop.stock(product).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_ended_are_replaced_unnoticed() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 100).await;
    let buyer = stage.shop.buyer_of(&[(product, 2)]).await;
    for round in 0..3 {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        stage.database.query(end).expect("they are ended");
        assert!(stage.store.find_slipper(product).await.expect("a read").is_some());
        stage.store.add_to_cart(buyer, product, 1, NOW).await.expect("a write");
        stage.store.place_from_cart(keeping(buyer), NOW).await.expect("an order");
        assert_eq!(stage.shop.cart(buyer).await.lines[0].quantity, 3 + round);
    }
}

/// Somebody else's transaction, which holds one product and then wants another.
async fn stranger(database: &Database) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

fn lock(product: SlipperId) -> String {
    format!("SELECT id FROM slippers WHERE id = {product} FOR UPDATE")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_survived_by_running_the_verb_again() {
    let stage = stage().await;
    let (first, second) = (stage.shop.product("Тапки", 10).await, stage.shop.product("Сабо", 10).await);
    let buyer = stage.shop.buyer_of(&[(first, 1), (second, 1)]).await;
    let stranger = stranger(&stage.database).await;
    // The stranger never gives way; the store, which waits too, is the one that is told of the deadlock.
    stranger.batch_execute("BEGIN; SET LOCAL deadlock_timeout = '100s'").await.expect("a transaction");
    stranger.batch_execute(&lock(second)).await.expect("a lock");
    let store = stage.store.clone();
    let placing = tokio::spawn(async move { store.place_from_cart(keeping(buyer), NOW).await });
    stage.wait_for_a_waiter().await;
    stranger.batch_execute(&lock(first)).await.expect("the store has given way");
    stranger.batch_execute("COMMIT").await.expect("an end");
    placing.await.expect("no panic").expect("the order is placed all the same");
    assert_eq!(stage.shop.stock(first).await, 9);
    assert_eq!(stage.shop.orders(all_orders()).await.total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_goes_on_when_its_caller_stops_waiting() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 10).await;
    let stranger = stranger(&stage.database).await;
    stranger.batch_execute("BEGIN").await.expect("a transaction");
    stranger.batch_execute(&lock(product)).await.expect("a lock");
    let store = stage.store.clone();
    let change = SlipperChange { quantity: Some(3), ..SlipperChange::default() };
    let writing =
        tokio::spawn(async move { store.update_slipper(product, change, UserId::new(1), NOW).await });
    stage.wait_for_a_waiter().await;
    writing.abort();
    assert!(writing.await.expect_err("it was aborted").is_cancelled());
    stranger.batch_execute("COMMIT").await.expect("an end");
    let since = Instant::now();
    while stage.shop.stock(product).await != 3 {
        assert!(since.elapsed() < PATIENCE, "the write was dropped with its caller");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 10).await;
    let buyer = stage.shop.buyer_of(&[(product, 1)]).await;
    stage.store.close().await;
    stage.store.close().await;
    assert!(matches!(stage.store.find_slipper(product).await, Err(StoreError::Unavailable(_))));
    let placed = stage.store.place_from_cart(keeping(buyer), NOW).await;
    assert!(matches!(placed, Err(PlaceError::Store(StoreError::Unavailable(_)))), "{placed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_beyond_the_pool_waits_no_longer_than_told() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 10).await;
    let settings = PostgresSettings {
        pool_size: 1,
        // Longer than the store itself takes to look for others' changes, on a busy machine too.
        pool_timeout: Duration::from_secs(1),
        ..PostgresSettings::new(stage.database.url())
    };
    let store = PostgresStore::open(&settings).await.expect("a store");
    let stranger = stranger(&stage.database).await;
    stranger.batch_execute("BEGIN").await.expect("a transaction");
    stranger.batch_execute(&lock(product)).await.expect("a lock");
    let (holder, change) = (store.clone(), SlipperChange::default());
    let holding =
        tokio::spawn(async move { holder.update_slipper(product, change, UserId::new(1), NOW).await });
    stage.wait_for_a_waiter().await;
    let refused = store.find_slipper(product).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    stranger.batch_execute("COMMIT").await.expect("an end");
    holding.await.expect("no panic").expect("the change");
    assert!(store.find_slipper(product).await.expect("a free connection").is_some());
}

/// Else it would be committed long after later ones.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_for_a_product_has_no_number_yet() {
    let stage = stage().await;
    let product = stage.shop.product("Тапки", 5).await;
    let buyer = stage.shop.buyer_of(&[(product, 1)]).await;
    let number_of_last = || stage.database.query("SELECT last_value, is_called FROM orders_id_seq");
    let before = number_of_last().expect("a number");
    let stranger = stranger(&stage.database).await;
    stranger.batch_execute(&format!("BEGIN; {}", lock(product))).await.expect("a lock");
    let store = stage.store.clone();
    let placing = tokio::spawn(async move { store.place_from_cart(keeping(buyer), NOW).await });
    stage.wait_for_a_waiter().await;
    assert_eq!(number_of_last().expect("a number"), before);
    stranger.batch_execute("COMMIT").await.expect("an end");
    placing.await.expect("no panic").expect("an order");
    assert_ne!(number_of_last().expect("a number"), before);
}
