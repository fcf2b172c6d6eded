//! The connections under crowds, frozen and dying servers: never more than the budget, nobody without an answer, and all is
//! well again by itself.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod budget;
mod connections;
mod crowds;
mod encrypted;
mod frozen;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use slippers_core::StoreError;
use slippers_store_contract::given::Shop;
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use slippers_testbed::proxy::Proxy;
use slippers_testbed::wait;

/// The longest that a condition is waited for; it only turns a hang into a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store on a database of its own.
struct Stage {
    store: PostgresStore,
    shop: Shop,
    database: Database,
}

async fn stage(set: impl FnOnce(&mut PostgresSettings)) -> Stage {
    let database = support::database().await;
    let mut settings = PostgresSettings::new(database.url());
    set(&mut settings);
    let store = PostgresStore::open(&settings).await.expect("a store");
    Stage { shop: Shop::new(Arc::new(store.clone())), store, database }
}

/// A stage whose store reaches the database by way of a proxy.
async fn stage_by_proxy(set: impl FnOnce(&mut PostgresSettings)) -> (Stage, Proxy) {
    let port = slippers_testbed::postgres::shared().expect("PostgreSQL").port();
    stage_by_way_of(port, |settings, _| set(settings)).await
}

/// The same, with what the proxy leads to.
async fn stage_by_way_of(port: u16, set: impl FnOnce(&mut PostgresSettings, &Database)) -> (Stage, Proxy) {
    // On a thread that is no runtime's: it makes one of its own.
    let proxy =
        std::thread::spawn(move || Proxy::to_postgres(port, 7)).join().expect("no panic").expect("a proxy");
    let database = support::database().await;
    let mut settings = PostgresSettings::new(database.url_through(proxy.port()));
    set(&mut settings, &database);
    let store = PostgresStore::open(&settings).await.expect("a store");
    (Stage { shop: Shop::new(Arc::new(store.clone())), store, database }, proxy)
}

/// The store's connections as the server counts them.
const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
     AND datname = current_database() AND application_name = 'slippers'";

impl Stage {
    /// Asks on a connection of its own, from a thread that may block.
    async fn ask(&self, sql: &str) -> String {
        tokio::task::block_in_place(|| self.database.query(sql)).expect("an answer").trim().to_owned()
    }

    async fn connections(&self) -> usize {
        self.ask(CONNECTIONS).await.parse().expect("a number")
    }

    async fn until(&self, sql: &str, expected: &str) {
        let mut got = String::new();
        let became = wait::until_async(PATIENCE, async || {
            got = self.ask(sql).await;
            (got == expected).then_some(())
        });
        assert!(became.await.is_some(), "{sql} is {got}, not {expected}");
    }

    /// Somebody else's connection to the database.
    async fn stranger(&self) -> tokio_postgres::Client {
        let url = self.database.url();
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    }
}

fn is_refused<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}
