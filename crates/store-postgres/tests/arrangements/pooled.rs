//! Behind a PgBouncer that gives each transaction another connection and knows no prepared statements.

use std::sync::{Arc, OnceLock};

use slippers_store_contract::given::Shop;
use slippers_store_contract::{TestStore, contract_suite, payment_suite};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::PgBouncer;

use super::support;

/// One for all stores of this process; the transactions of each share two connections of the server's.
fn pooler() -> &'static PgBouncer {
    static POOLER: OnceLock<PgBouncer> = OnceLock::new();
    POOLER.get_or_init(|| {
        let cluster = slippers_testbed::postgres::shared().expect("PostgreSQL");
        PgBouncer::to(cluster).setting("default_pool_size", 2).start().expect("a PgBouncer")
    })
}

async fn pooled(prepared_statements: bool) -> TestStore {
    let database = support::database().await;
    let settings = PostgresSettings {
        direct_url: Some(database.url()),
        prepared_statements,
        pool_size: super::POOL_SIZE,
        ..PostgresSettings::new(database.url_through(pooler().port()))
    };
    let store = PostgresStore::open(&settings).await.expect("a new database opens");
    TestStore::with_payments(Arc::new(store), database)
}

async fn fresh_store() -> TestStore {
    pooled(false).await
}

contract_suite!(rooms fresh_store);
payment_suite!(rooms fresh_store);

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

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_found_by_what_it_does() {
    let database = support::database().await;
    let cluster = slippers_testbed::postgres::shared().expect("PostgreSQL");
    let look = async |url: String| {
        let way = PostgresStore::look_at_way(&PostgresSettings::new(url)).await.expect("it answers");
        assert!(way.server.starts_with(|first: char| first.is_ascii_digit()), "{way:?}");
        way.pooler
    };
    for settings in [&[("default_pool_size", "1")][..], &[], &[("server_round_robin", "1")]] {
        let builder = PgBouncer::to(cluster);
        let builder = settings.iter().fold(builder, |builder, (name, value)| builder.setting(name, value));
        let pooler = builder.start().expect("a PgBouncer");
        let found = look(database.url_through(pooler.port())).await.expect("a pooler");
        assert!(found.name.as_ref().is_some_and(|name| name.starts_with("PgBouncer 1.")), "{found:?}");
        assert!(!found.keeps_prepared, "{settings:?}: {found:?}");
    }
    let of_sessions = PgBouncer::to(cluster).setting("pool_mode", "session").start().expect("a PgBouncer");
    assert_eq!(look(database.url_through(of_sessions.port())).await, None, "a connection is its own there");
    assert_eq!(look(database.url()).await, None);
}
