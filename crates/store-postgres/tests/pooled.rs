//! Behind a PgBouncer that gives each transaction another connection and knows no prepared statements.
#![expect(clippy::expect_used, reason = "a test without a store can only fail")]

mod support;

use std::sync::Arc;

use slippers_store_contract::given::Shop;
use slippers_store_contract::{
    TestStore, accounts, audit, cart, catalog, images, orders, search, seeding, stock,
};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::PgBouncer;

/// A store whose transactions share two connections of the server's.
async fn pooled(prepared_statements: bool) -> TestStore {
    let database = support::database().await;
    let cluster = slippers_testbed::postgres::shared().expect("PostgreSQL");
    let pooler = PgBouncer::to(cluster).setting("default_pool_size", 2).start().expect("a PgBouncer");
    let settings = PostgresSettings {
        direct_url: Some(database.url()),
        prepared_statements,
        pool_size: 8,
        ..PostgresSettings::new(database.url_through(pooler.port()))
    };
    let store = PostgresStore::open(&settings).await.expect("a new database opens");
    TestStore::new(Arc::new(store), (pooler, database))
}

macro_rules! stories {
    ($($feature:ident $room:ident $story:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $story() {
            let fresh = pooled(false).await;
            slippers_store_contract::tell($feature::$room::$story(fresh.shop())).await;
        }
    )*};
}

// One or two of each feature, the crowds among them.
stories! {
    catalog lists every_page_of_every_order_is_right;
    catalog counts totals_are_right_after_a_crowd_of_writers;
    images additions of_ten_uploads_at_once_one_brings_the_primary_one;
    search terms a_change_of_the_name_or_the_size_is_found_at_once;
    seeding stocking an_emptied_catalogue_is_stocked_from_category_one_again;
    accounts sessions a_session_tells_whose_it_is;
    audit records every_action_of_an_admin_leaves_one_record;
    cart crowd fifty_additions_of_one_product_at_once_add_up;
    orders placing an_order_copies_the_products_as_they_are;
    orders repeats six_calls_at_once_place_one_order;
    stock crowds sixty_buyers_of_thirty_seven_pairs_make_thirty_seven_orders;
}

/// That the tests above would notice.
#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_fail_there() {
    let fresh = pooled(true).await;
    let shop: &Shop = fresh.shop();
    // Each call is run again where that may help, so that not every crowd has one that fails.
    for _ in 0..50 {
        let asked = (0..40_i64).map(|page| shop.list_categories(page, 1));
        if futures_util::future::join_all(asked).await.iter().any(Result::is_err) {
            return;
        }
    }
    panic!("this PgBouncer knows prepared statements");
}
