//! Pages whose rows are looked for where they were seen: right whoever writes, and not looked up by numbers.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use slippers_core::catalog::{CatalogStore as _, SearchTerm, SlipperPage, SlipperQuery, Sort};
use slippers_core::types::Page;
use slippers_store_contract::given::{NOW, Shop};
use slippers_store_contract::seeding::Goods;
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use slippers_testbed::wait;

/// Three products, of which a search finds two, and nobody on the database.
async fn stocked() -> Database {
    let database = support::database().await;
    let store = open(&database).await;
    let shop = Shop::new(Arc::new(store.clone()));
    for name in ["Mu Comfort", "Cozy Home", "Тапки"] {
        shop.product(name, 100).await;
    }
    close(&database, store).await;
    database
}

async fn open(database: &Database) -> PostgresStore {
    PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store")
}

async fn close(database: &Database, store: PostgresStore) {
    store.close().await;
    be_alone(database);
}

/// Waits until all connections have told what they have counted, which they do before they are gone.
fn be_alone(database: &Database) {
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let gone = wait::until(Duration::from_secs(20), || (rows(database, others) == "0").then_some(()));
    gone.expect("nobody is left");
}

fn rows(database: &Database, sql: &str) -> String {
    database.query(sql).expect("an answer").trim().to_owned()
}

async fn search(store: &PostgresStore) -> SlipperPage {
    let search = SearchTerm::new("o");
    let page = Page::new(0, 20);
    let query = SlipperQuery { page, category: None, search, sort: Sort::PriceAsc, with_images: true };
    store.list_slippers(query).await.expect("a page")
}

/// The paths of the first product's pictures.
async fn paths(store: &PostgresStore) -> Vec<String> {
    search(store).await.items[0].images.iter().map(|image| image.path.clone()).collect()
}

fn hang(database: &Database, path: &str) {
    let insert = "INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)";
    // Each after the other, so that their rows lie in this order.
    for id in rows(database, "SELECT id FROM slippers ORDER BY id").lines() {
        rows(database, &format!("{insert} VALUES ({id}, '{path}', false, 0, 0)"));
    }
}

/// By whatever program.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_a_picture_it_is_shown() {
    let database = stocked().await;
    let store = open(&database).await;
    hang(&database, "a");
    assert_eq!(paths(&store).await, ["a"]);
    hang(&database, "b");
    assert_eq!(paths(&store).await, ["a", "b"]);
    rows(&database, "UPDATE slipper_galleries SET pictures = '[]'");
    assert_eq!(paths(&store).await, [""; 0]);
    hang(&database, "b");
    assert_eq!(paths(&store).await, ["a", "b", "b"]);
    rows(&database, "TRUNCATE slipper_images");
    assert_eq!(paths(&store).await, [""; 0]);
    hang(&database, "c");
    assert_eq!(paths(&store).await, ["c"]);
}

/// Without a search, and so far that its products are remembered: the order is only guessed before it is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_deep_page_is_right_whatever_was_guessed() {
    let database = support::database().await;
    let store = open(&database).await;
    store.stock_catalog(Arc::new(Goods::varied(400)), NOW).await.expect("stocked");
    let page = async |store: &PostgresStore| {
        let page = Page::new(240, 20);
        let sort = Sort::PriceAsc;
        let query = SlipperQuery { page, category: None, search: None, sort, with_images: true };
        store.list_slippers(query).await.expect("a page")
    };
    let mut before = page(&store).await;
    let insert = "INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)";
    for change in [
        format!("{insert} VALUES ({{id}}, 'a', false, 9, 0)"),
        "UPDATE slippers SET price_minor = 1 WHERE id = {id}".to_owned(),
        format!("{insert} VALUES ({{id}}, 'b', false, 9, 0)"),
        "UPDATE slippers SET price_minor = price_minor + 100000000 WHERE id = {id}".to_owned(),
    ] {
        for _ in 0..2 {
            assert_eq!(page(&store).await, before);
        }
        rows(&database, &change.replace("{id}", &before.items[7].id.to_string()));
        let after = page(&store).await;
        assert_ne!(after, before);
        // One that remembers nothing.
        before = page(&open(&database).await).await;
        assert_eq!(after, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_looks_nothing_up_by_numbers() {
    let database = stocked().await;
    hang(&database, "a");
    be_alone(&database);
    let scans = "SELECT string_agg(idx_scan::text, ' ' ORDER BY indexrelname) FROM pg_stat_user_indexes
        WHERE indexrelname IN ('slippers_pkey', 'slipper_galleries_pkey')";
    let scans = || -> Vec<u64> {
        rows(&database, scans).split(' ').map(|count| count.parse().expect("a count")).collect()
    };
    let mut before = scans();
    let mut costs = Vec::new();
    for times in [1, 5] {
        let store = open(&database).await;
        for _ in 0..times {
            assert_eq!(search(&store).await.items.len(), 2);
        }
        close(&database, store).await;
        let after = scans();
        costs.push(after.iter().zip(&before).map(|(after, before)| after - before).collect::<Vec<_>>());
        before = after;
    }
    assert!(costs[0].iter().all(|cost| *cost >= 2), "the first time it does: {costs:?}");
    assert_eq!(costs[0], costs[1]);
}

/// Rows move, and others come to where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_lies_elsewhere_is_found() {
    let database = stocked().await;
    let store = open(&database).await;
    hang(&database, "a");
    let before = search(&store).await;
    assert_eq!(search(&store).await, before);
    rows(&database, "UPDATE slippers SET quantity = 7 WHERE id = (SELECT min(id) FROM slippers)");
    for _ in 0..2 {
        let after = search(&store).await;
        assert_eq!(after.items[0].quantity, 7);
        assert_eq!(after.items[1], before.items[1]);
    }
    // Now the second product lies where the first one lay, and the third where the second.
    rows(&database, "VACUUM FULL slippers");
    let places = rows(&database, "SELECT string_agg(ctid::text, ' ' ORDER BY id) FROM slippers");
    assert_eq!(places, "(0,3) (0,1) (0,2)");
    let after = search(&store).await;
    assert_eq!((after.items[0].quantity, &after.items[1]), (7, &before.items[1]));
    // And so with their pictures.
    rows(
        &database,
        "UPDATE slipper_images SET alt_text = 'wool' WHERE slipper_id = (SELECT min(id) FROM slippers)",
    );
    for _ in 0..2 {
        let after = search(&store).await;
        assert_eq!(after.items[0].images[0].alt_text.as_deref(), Some("wool"));
        assert_eq!(after.items[1], before.items[1]);
    }
    rows(&database, "VACUUM FULL slipper_galleries");
    let places =
        rows(&database, "SELECT string_agg(ctid::text, ' ' ORDER BY slipper_id) FROM slipper_galleries");
    assert_eq!(places, "(0,3) (0,1) (0,2)");
    let after = search(&store).await;
    assert_eq!(after.items[0].images[0].alt_text.as_deref(), Some("wool"));
    assert_eq!(after.items[1], before.items[1]);
}
