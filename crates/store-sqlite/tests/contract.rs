//! The store contract, kept by SQLite.
#![expect(clippy::expect_used, reason = "a test without a store can only fail")]

use std::sync::Arc;

use slippers_store_contract::{TestStore, contract_suite, payment_suite};
use slippers_store_sqlite::SqliteStore;
use tempfile::TempDir;

/// A store on an empty directory of its own.
async fn fresh_store() -> TestStore {
    let directory = TempDir::new().expect("a temporary directory");
    let store = SqliteStore::open(&directory.path().join("slippers.db")).expect("a new database opens");
    TestStore::with_payments(Arc::new(store), directory)
}

contract_suite!(fresh_store);
payment_suite!(fresh_store);
