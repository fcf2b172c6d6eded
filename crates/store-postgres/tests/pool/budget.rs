use slippers_core::Store as _;
use slippers_store_postgres::{OpenError, PostgresSettings, PostgresStore};
use slippers_testbed::PgBouncer;

use super::{stage, support};

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_server_gives_is_refused_before_anything_is_done() {
    let database = support::database().await;
    let settings =
        PostgresSettings { pool_size: 150, max_overflow: 100, ..PostgresSettings::new(database.url()) };
    let refused = PostgresStore::open(&settings).await.expect_err("200 is all that there are");
    assert!(matches!(refused, OpenError::TooMany { size: 150, overflow: 100, .. }));
    assert_eq!(
        refused.to_string(),
        "a pool of 150 + 100 = 250 connections is more than the server gives: 197 (max_connections 200 - 3 reserved)"
    );
    let fitting = PostgresSettings { fits_server: true, ..settings };
    let status = PostgresStore::open(&fitting).await.expect("a store").pool_status();
    assert_eq!((status.size, status.max_overflow), (150, 46), "one is left for word of changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_database_counts_too() {
    let database = support::database().await;
    database.query(&format!("ALTER DATABASE {} CONNECTION LIMIT 5", database.name())).expect("altered");
    let store = PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store");
    assert_eq!(store.pool_status().size, 4, "one is left for word of changes");
}

const SETTINGS: &str =
    "statement_timeout lock_timeout idle_in_transaction_session_timeout jit max_parallel_workers_per_gather";
/// What they are inside of a verb.
const BOUND: &str = "15s 10s 15s off 0";

async fn settings_in(client: &tokio_postgres::Client) -> String {
    let sql = format!(
        "SELECT string_agg(current_setting(name), ' ') FROM unnest(string_to_array('{SETTINGS}', ' ')) name"
    );
    let rows = client.simple_query(&sql).await.expect("an answer");
    let found = rows.iter().find_map(|row| match row {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    found.expect("a row").to_owned()
}

/// What the store's statements were bound by is seen by a trigger that notes it.
fn note() -> String {
    format!(
        "CREATE TABLE noted (settings text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO noted SELECT string_agg(current_setting(name), ' ')
            FROM unnest(string_to_array('{SETTINGS}', ' ')) name;
            RETURN NULL; END $$;
        CREATE TRIGGER note AFTER INSERT ON categories EXECUTE FUNCTION note()"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_have_limits_on_connections_of_our_own() {
    let stage = stage(|_| {}).await;
    stage.stranger().await.batch_execute(&note()).await.expect("a trigger");
    stage.shop.category("Домашние").await;
    assert_eq!(stage.ask("SELECT DISTINCT settings FROM noted").await, BOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_limits_hold_for_the_transaction_and_no_longer() {
    let cluster = slippers_testbed::postgres::shared().expect("PostgreSQL");
    // One refuses what it does not know at a connection's start, the other passes over it without a word.
    for ignored in ["extra_float_digits", "extra_float_digits,options"] {
        let database = support::database().await;
        let pooler = PgBouncer::to(cluster)
            .setting("default_pool_size", 1)
            .setting("ignore_startup_parameters", ignored)
            .start()
            .expect("a PgBouncer");
        let url = database.url_through(pooler.port());
        let settings = PostgresSettings {
            direct_url: Some(database.url()),
            prepared_statements: false,
            // It is the pooler's clients that are counted, and of those it may have a thousand.
            pool_size: 500,
            ..PostgresSettings::new(url.clone())
        };
        let store = PostgresStore::open(&settings).await.expect("a store");
        assert_eq!(store.pool_status().size, 500);
        let (stranger, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        stranger.batch_execute(&note()).await.expect("a trigger");
        let before = settings_in(&stranger).await;
        slippers_store_contract::given::Shop::new(std::sync::Arc::new(store)).category("Домашние").await;
        assert_eq!(database.query("SELECT settings FROM noted").expect("noted").trim(), BOUND);
        assert_eq!(settings_in(&stranger).await, before, "others share the connection");
    }
}
