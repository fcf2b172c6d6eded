//! Databases for single tests: apart from each other, and copies of what was filled once.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use slippers_testbed::Error;
use slippers_testbed::postgres::{self, Database};

const TABLE: &str = "create table t as select 7 as v";

async fn filled(schema: &str, count: &AtomicU32) -> Result<Database, Error> {
    let shared = postgres::shared()?;
    let fill = async |url: String| {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let output = support::psql_process(&url, TABLE).wait_with_output().map_err(|e| e.to_string())?;
        output
            .status
            .success()
            .then_some(())
            .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    shared.database_from_template(schema, fill).await
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let cluster = postgres::shared().expect("PostgreSQL");
    let (one, other) = (cluster.database().expect("a database"), cluster.database().expect("a database"));
    one.query(TABLE).expect("a table");
    assert!(other.query("select v from t").is_err());
}

#[test]
fn a_database_is_gone_when_dropped_whoever_is_connected() {
    let cluster = postgres::shared().expect("PostgreSQL");
    let database = cluster.database().expect("a database");
    let name = database.name().to_owned();
    let connected = support::psql_process(&database.url(), "select pg_sleep(600)");
    let sessions = format!("select count(*) from pg_stat_activity where datname = '{name}'");
    support::eventually("it is connected", || cluster.query("postgres", &sessions).expect("rows") == "1");
    drop(database);
    let count = format!("select count(*) from pg_database where datname = '{name}'");
    assert_eq!(cluster.query("postgres", &count).expect("rows"), "0");
    assert!(!connected.wait_with_output().expect("psql").status.success());
}

#[tokio::test]
async fn a_template_is_filled_once_and_copied_for_each_test() {
    let count = AtomicU32::new(0);
    let schema = format!("once {}", std::process::id());
    let (one, other) = tokio::join!(filled(&schema, &count), filled(&schema, &count));
    let (one, other) = (one.expect("a database"), other.expect("a database"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    one.query("update t set v = 8").expect("written");
    assert_eq!(other.query("select v from t").expect("rows"), "7");
    filled(&format!("another {schema}"), &count).await.expect("a database");
    assert_eq!(count.load(Ordering::SeqCst), 2, "another schema is another template");
}

#[test]
fn a_template_that_could_not_be_filled_is_filled_by_the_next_test() {
    let cluster = postgres::shared().expect("PostgreSQL");
    let schema = format!("at the second try {}", std::process::id());
    let failed = cluster.database_from_template_blocking(&schema, |url| {
        support::psql_process(&url, "create table half_done ()").wait().expect("psql");
        Err("the migration is wrong")
    });
    assert!(failed.expect_err("told").to_string().contains("the migration is wrong"));
    let fill = |url: String| support::psql_process(&url, TABLE).wait().map(drop);
    let database = cluster.database_from_template_blocking(&schema, fill).expect("a database");
    assert_eq!(database.query("select v from t").expect("rows"), "7");
    assert!(database.query("select from half_done").is_err(), "the half-done template was copied");
}
