//! On a primary with two replicas, of which one is behind: what was written is read, whoever answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use slippers_core::{Standing, Store as _};
use slippers_store_contract::{TestStore, contract_suite, payment_suite};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::{Cluster, Database, Replicated, shared_with_replicas};
use slippers_testbed::wait;

use super::support;

/// How far the replicas are behind: one as little as it can be, so that it answers much of what was just written; one so
/// much that what was just written is missing there.
const BEHIND: [Duration; 2] = [Duration::ZERO, Duration::from_millis(150)];
/// The longest that a condition is waited for; it only turns a hang into a message.
const PATIENCE: Duration = Duration::from_secs(60);

fn servers() -> &'static Replicated {
    static SERVERS: OnceLock<Replicated> = OnceLock::new();
    SERVERS.get_or_init(|| shared_with_replicas(&BEHIND).expect("PostgreSQL with replicas"))
}

async fn store_and_database() -> (PostgresStore, Database) {
    let servers = servers();
    let database = support::database_on(&servers.primary).await;
    for replica in &servers.replicas {
        has_come_to(replica, &database).await;
    }
    let settings = PostgresSettings {
        replica_urls: servers.replicas.iter().map(|replica| replica.url_of(database.name())).collect(),
        pool_size: super::POOL_SIZE,
        ..PostgresSettings::new(database.url())
    };
    let store = PostgresStore::open(&settings).await.expect("a new database opens");
    until("both replicas are used", async || {
        store.copies().iter().all(|copy| copy.standing == Standing::InUse)
    })
    .await;
    (store, database)
}

/// Waits until the database is there on the replica too.
async fn has_come_to(replica: &Cluster, database: &Database) {
    let url = replica.url_of(database.name());
    until("the database comes to the replica", async || {
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok()
    })
    .await;
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let became_so = wait::until_async(PATIENCE, async || is_so().await.then_some(()));
    assert!(became_so.await.is_some(), "not within {PATIENCE:?}: {what}");
}

async fn fresh_store() -> TestStore {
    let (store, database) = store_and_database().await;
    TestStore::with_payments(Arc::new(store), database)
}

contract_suite!(rooms fresh_store);
payment_suite!(rooms fresh_store);

/// Of which somebody reads what replicas may answer.
const TABLES: [&str; 3] = ["slippers", "carts", "orders"];

/// That the tests above are about replicas: these kinds of reads are answered there.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_answer_what_the_stories_read() {
    let (store, database) = store_and_database().await;
    let name = database.name().to_owned();
    let fresh = TestStore::with_payments(Arc::new(store), database);
    let shop = fresh.shop();
    let mut orders = Vec::new();
    for number in 0..12 {
        let product = shop.product(&format!("Тапки {number}"), 10).await;
        orders.push((product, shop.order_of(&[(product, 1)]).await));
    }
    for (replica, table) in servers().replicas.iter().flat_map(|replica| TABLES.map(|table| (replica, table)))
    {
        let sql = format!(
            "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = '{table}'"
        );
        until(&format!("a replica reads {table}"), async || {
            for (product, order) in &orders {
                assert_eq!(shop.stock(*product).await, 9);
                assert_eq!(shop.cart(order.user).await.lines, []);
                assert_eq!(shop.order(order.id).await, *order);
            }
            let counted = tokio::task::block_in_place(|| replica.query(&name, &sql));
            counted.expect("a count").trim() != "0"
        })
        .await;
    }
}
