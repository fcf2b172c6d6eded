//! No verb reads a table that grows from one end to the other: neither with the plans for the values at hand nor with
//! those that PostgreSQL keeps for a prepared statement after five uses.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests: what fails here fails the test")]

mod outbox;
mod payments;
#[path = "../support/schema.rs"]
mod schema;
mod verbs;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::{Cluster, Database, Postgres};
use tokio_postgres::{Client, NoTls};

const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(20);
/// Enough for PostgreSQL to settle on a plan of a prepared statement.
const ROUNDS: i64 = 8;
/// Tables of a few rows, which are read at once. What changed is there for minutes only, and read beside every verb.
const SMALL: [&str; 5] = ["categories", "changes", "order_counters", "schema_migrations", "shop_counters"];

const FILL: &str = include_str!("fill.sql");

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Fills an empty database with the shop.
async fn fill(url: String) -> Result<(), String> {
    PostgresStore::open(&PostgresSettings::new(&*url)).await.map_err(|error| error.to_string())?;
    let client = connect(&url).await.map_err(|error| error.to_string())?;
    // What the migration writes for products that are there already; before the statistics, which end the other file.
    let joints = include_str!("../../migrations/0016_joints.sql");
    let (fill, statistics) = FILL.rsplit_once(";\n\n").ok_or("one part")?;
    for statement in fill.split(";\n").chain([joints]).chain(statistics.split(";\n")) {
        let done = client.batch_execute(statement).await;
        done.map_err(|error| format!("{statement}: {error:?}"))?;
    }
    Ok(())
}

/// A shop of some size, and who looks how its tables are read.
struct Stocked {
    database: Database,
    looker: Client,
    prepared: bool,
    found: Vec<String>,
}

impl Stocked {
    async fn open(prepared: bool) -> Self {
        Self::on(slippers_testbed::postgres::shared().expect("PostgreSQL"), prepared).await
    }

    /// In a cluster, which fills it once: that takes longer than most of what is looked at.
    async fn on(cluster: &Cluster, prepared: bool) -> Self {
        let key = schema::with(&[FILL]);
        let database = cluster.database_from_template(&key, fill).await.expect("a database");
        let looker = connect(&database.url()).await.expect("a connection");
        Self { database, looker, prepared, found: Vec::new() }
    }

    /// Runs a verb several times on a store of its own and notes the tables that it read from end to end.
    async fn look<T, E: std::fmt::Debug>(
        &mut self,
        name: &str,
        verb: impl AsyncFn(&PostgresStore, i64) -> Result<T, E>,
    ) {
        let settings = PostgresSettings {
            pool_size: 1,
            prepared_statements: self.prepared,
            ..PostgresSettings::new(self.database.url())
        };
        let before = self.scans().await;
        let store = PostgresStore::open(&settings).await.expect("a store");
        for round in 1..=ROUNDS {
            if let Err(error) = verb(&store, round).await {
                panic!("{name}: {error:?}");
            }
        }
        store.close().await;
        drop(store);
        let after = self.scans().await;
        for (table, scans) in after {
            if before.get(&table).copied().unwrap_or(0) != scans && !SMALL.contains(&table.as_str()) {
                self.found.push(format!("{name} reads all of {table}"));
            }
        }
    }

    /// How often each table was read from end to end by connections that are gone: those have told.
    async fn scans(&self) -> BTreeMap<String, i64> {
        let since = Instant::now();
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        while self.looker.query_one(others, &[]).await.expect("the activity").get::<_, i64>(0) > 0 {
            let who = "SELECT string_agg(concat_ws(' ', application_name, state, query), '; ') FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            let who: Option<String> = self.looker.query_one(who, &[]).await.expect("the activity").get(0);
            assert!(since.elapsed() < PATIENCE, "connections stay open: {who:?}");
            // Whoever asks without a pause has the core that they need to end.
            tokio::time::sleep(PAUSE).await;
        }
        let scans = "SELECT relname::text, seq_scan FROM pg_stat_user_tables";
        let rows = self.looker.query(scans, &[]).await.expect("the counts");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    fn done(self) {
        assert!(self.found.is_empty(), "{:#?}", self.found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_reads_a_growing_table_from_end_to_end() {
    let mut stocked = Stocked::open(true).await;
    verbs::all(&mut stocked).await;
    stocked.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_does_with_unnamed_statements() {
    let mut stocked = Stocked::open(false).await;
    verbs::all(&mut stocked).await;
    stocked.done();
}

/// That the tests above would notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_verb_whose_index_is_gone_is_noticed() {
    let mut stocked = Stocked::open(true).await;
    stocked.looker.batch_execute("DROP INDEX order_items_by_order").await.expect("it goes");
    verbs::orders(&mut stocked).await;
    assert!(stocked.found.contains(&"an order reads all of order_items".to_owned()), "{:?}", stocked.found);
}

/// PostgreSQL plans what is prepared for the values at hand five times, and goes on so where a plan for any values seems dearer to
/// it. To plan takes ten times as long as to find a few products.
#[tokio::test(flavor = "multi_thread")]
async fn rare_searches_and_lists_of_orders_are_planned_once() {
    let server = Postgres::builder()
        .setting("shared_preload_libraries", "pg_stat_statements")
        .setting("pg_stat_statements.track_planning", "on")
        // A table that is analysed makes PostgreSQL plan anew.
        .setting("autovacuum", "off")
        .start()
        .expect("PostgreSQL");
    let mut stocked = Stocked::on(&server, true).await;
    stocked.looker.batch_execute("CREATE EXTENSION pg_stat_statements").await.expect("it is installed");
    verbs::rare_searches(&mut stocked).await;
    verbs::everybodys_orders(&mut stocked).await;
    let statements = "SELECT query, plans FROM pg_stat_statements
        WHERE (query LIKE '%slipper_grams%' OR query LIKE '%order_items%') AND calls = $1";
    let statements = stocked.looker.query(statements, &[&ROUNDS]).await.expect("the statistics");
    assert_eq!(statements.len(), 3, "a count, a page of products and one of orders: {statements:?}");
    for statement in statements {
        assert_eq!(statement.get::<_, i64>("plans"), 1, "{}", statement.get::<_, String>("query"));
    }
    stocked.done();
}
