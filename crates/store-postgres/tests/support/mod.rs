//! A database of its own for each test.

mod schema;

use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::{Cluster, Database};

/// A database that holds the shop's tables and nothing else, in the cluster that all tests share.
pub(crate) async fn database() -> Database {
    database_on(slippers_testbed::postgres::shared().expect("PostgreSQL")).await
}

/// The same in another cluster.
pub(crate) async fn database_on(cluster: &Cluster) -> Database {
    let fill = async |url: String| PostgresStore::open(&PostgresSettings::new(url)).await.map(drop);
    cluster.database_from_template(&schema::with(&[]), fill).await.expect("a database")
}
