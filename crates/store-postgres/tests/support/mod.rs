//! A database of its own for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use slippers_store_postgres::{PostgresSettings, PostgresStore};
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

const SERVER: &str = "postgresql://postgres@127.0.0.1:54390";

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

async fn admin(sql: &str) {
    let (client, connection) =
        tokio_postgres::connect(&format!("{SERVER}/postgres"), NoTls).await.expect("a server");
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn template() -> String {
    let name = format!("template_{}", std::process::id());
    admin(&format!("CREATE DATABASE {name}")).await;
    let settings = PostgresSettings::new(format!("{SERVER}/{name}"));
    PostgresStore::open(&settings).await.expect("a template").close().await;
    name
}

/// The URL of a database that holds the shop's tables and nothing else.
pub async fn database() -> String {
    let template = TEMPLATE.get_or_init(template).await;
    let name = format!("shop_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    admin(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    format!("{SERVER}/{name}")
}
