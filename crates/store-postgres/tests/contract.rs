//! The store contract, kept by PostgreSQL.
#![expect(clippy::expect_used, reason = "a test without a store can only fail")]

mod support;

use std::sync::Arc;

use slippers_store_contract::{TestStore, contract_suite, payment_suite};
use slippers_store_postgres::{PostgresSettings, PostgresStore};

/// A store on an empty database of its own.
async fn fresh_store() -> TestStore {
    let database = support::database().await;
    let settings = PostgresSettings { pool_size: 8, ..PostgresSettings::new(database.url()) };
    let store = PostgresStore::open(&settings).await.expect("a new database opens");
    TestStore::with_payments(Arc::new(store), database)
}

contract_suite!(fresh_store);
payment_suite!(fresh_store);
