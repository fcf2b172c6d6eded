//! The store contract, kept by PostgreSQL.
#![expect(clippy::expect_used, clippy::panic, reason = "a test without a store can only fail")]

mod support;

use std::sync::Arc;

use slippers_store_contract::{TestStore, contract_suite};
use slippers_store_postgres::{PostgresSettings, PostgresStore};

/// A store on an empty database of its own.
async fn fresh_store() -> TestStore {
    let settings = PostgresSettings { pool_size: 8, ..PostgresSettings::new(support::database().await) };
    let store = PostgresStore::open(&settings).await.expect("a new database opens");
    TestStore::new(Arc::new(store), ())
}

contract_suite!(fresh_store);
