//! A database of its own for each test.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::path::Path;

use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::{Cluster, Database};

/// A database that holds the shop's tables and nothing else, in the cluster that all tests share.
pub(crate) async fn database() -> Database {
    database_on(slippers_testbed::postgres::shared().expect("PostgreSQL")).await
}

/// The same in another cluster.
pub(crate) async fn database_on(cluster: &Cluster) -> Database {
    let fill = async |url: String| PostgresStore::open(&PostgresSettings::new(url)).await.map(drop);
    cluster.database_from_template(&schema(), fill).await.expect("a database")
}

/// A name that changes with the migrations.
#[expect(clippy::disallowed_methods, reason = "a test that reads its own sources")]
fn schema() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the migrations")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let texts: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(file).expect("a migration")).collect();
    format!("store-postgres {:016x}", BuildHasherDefault::<DefaultHasher>::new().hash_one(texts))
}
