//! How a database's schema is brought up to the program's.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

use std::time::Duration;

use slippers_core::audit::By;
use slippers_core::catalog::{CatalogStore as _, NewSlipper};
use slippers_core::types::{Money, Timestamp};
use slippers_store_postgres::{MigrationState, OpenError, PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;

fn empty() -> (Database, PostgresSettings) {
    let database = slippers_testbed::postgres::shared().expect("PostgreSQL").database().expect("a database");
    let settings = PostgresSettings::new(database.url());
    (database, settings)
}

async fn states(settings: &PostgresSettings) -> Vec<MigrationState> {
    let all = PostgresStore::migration_status(settings).await.expect("the status");
    all.into_iter().map(|one| one.state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_empty_database_is_told_without_a_touch() {
    let (database, settings) = empty();
    assert!(states(&settings).await.iter().all(|state| *state == MigrationState::Pending));
    let tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(database.query(tables).expect("a count").trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_applies_all_and_opening_again_nothing() {
    let (database, settings) = empty();
    PostgresStore::open(&settings).await.expect("a store");
    let first = states(&settings).await;
    assert!(first.iter().all(|state| matches!(state, MigrationState::Applied(_))), "{first:?}");
    database.query("UPDATE schema_migrations SET applied_at = 7").expect("an update");
    PostgresStore::open(&settings).await.expect("the same store");
    assert!(
        states(&settings).await.iter().all(|s| matches!(s, MigrationState::Applied(at) if at.micros() == 7))
    );
}

/// Products that were there before words that meet were looked up by that are found so too.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_is_indexed_as_what_comes_after() {
    let (database, settings) = empty();
    let store = PostgresStore::open(&settings).await.expect("a store");
    for (name, size) in [
        ("Тёплые тапки Комфорт", "XXXL EUR 42"),
        ("abc def  ghi", "a"),
        (" abcd  efghi jkl ", "42"),
        ("abc x-x-x-x-x-x-x-x-x-x-x-x-x def", "42"),
        ("abc xxxxxxxxxxxxxxxxxxxxxxxx def", "abc"),
        ("short", ""),
    ] {
        let new = NewSlipper {
            name: name.to_owned(),
            size: size.to_owned(),
            price: Money::from_minor(1),
            quantity: 1,
            category: None,
        };
        store.create_slipper(new, By::CommandLine, Timestamp::from_seconds(1)).await.expect("made");
    }
    store.close().await;
    let parts = "SELECT string_agg(slipper_id || gram, '|' ORDER BY slipper_id, gram) FROM slipper_grams";
    let before = database.query(parts).expect("the parts");
    assert!(before.contains("1лые тапки ком") && before.contains("1xxl eur"), "{before}");
    database.query("DELETE FROM slipper_grams WHERE length(gram) > 2").expect("as before");
    database.query("DELETE FROM schema_migrations WHERE name = '0016_joints'").expect("as before");
    PostgresStore::open(&settings).await.expect("a store").close().await;
    assert_eq!(database.query(parts).expect("the parts"), before);
}

const PRODUCTS: &str = "
    INSERT INTO slippers (name, name_key, size, size_key, price_minor, quantity, created_at, updated_at)
    SELECT 'A', 'a', '42', '42', 1, 1, 0, 0 FROM generate_series(1, 3)";
const GALLERIES: &str = "
    SELECT string_agg(slipper_id || ': ' || pictures::jsonb, '; ' ORDER BY slipper_id) FROM slipper_galleries
    WHERE pictures <> '[]'";

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_were_there_before_are_shown_as_those_that_come_after() {
    let (database, settings) = empty();
    PostgresStore::open(&settings).await.expect("a store").close().await;
    let run = |sql: &str| database.query(sql).expect(sql).trim().to_owned();
    run(PRODUCTS);
    run("INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at, variants)
         VALUES (1, '/a', TRUE, 0, 7, '[[320,\"/a-320\"]]'), (2, '/b', TRUE, 0, 8, '[]'), (1, '/c', FALSE, 1, 9, '[]')");
    let first = r#"1: [[1, "/a", 1, null, 0, 7, [[320, "/a-320"]]], [3, "/c", 0, null, 1, 9, []]]"#;
    assert_eq!(run(GALLERIES), format!(r#"{first}; 2: [[2, "/b", 1, null, 0, 8, []]]"#));
    run("UPDATE slipper_images SET order_index = 5 WHERE slipper_id = 2");
    let both = format!(r#"{first}; 2: [[2, "/b", 1, null, 5, 8, []]]"#);
    assert_eq!(run(GALLERIES), both);
    run("DROP TABLE slipper_galleries");
    run("DROP FUNCTION hang_pictures() CASCADE");
    run("DROP FUNCTION take_pictures_down() CASCADE");
    run("DELETE FROM schema_migrations WHERE name = '0017_pictures'");
    PostgresStore::open(&settings).await.expect("a store").close().await;
    assert_eq!(run(GALLERIES), both);
    run("DELETE FROM slippers WHERE id = 2");
    assert_eq!(run(GALLERIES), first);
    run("TRUNCATE slipper_images");
    assert_eq!(run(GALLERIES), "");
}

/// Neither knows of the other's picture until the other is done.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_pictures_that_are_added_at_once_both_are_shown() {
    let (database, settings) = empty();
    PostgresStore::open(&settings).await.expect("a store").close().await;
    database.query(PRODUCTS).expect("products");
    let connect = async || {
        let url = database.url();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("one");
        tokio::spawn(connection);
        client
    };
    let add = |path: &str| {
        format!(
            "INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)
             VALUES (1, '{path}', FALSE, 0, 0)"
        )
    };
    let (one, other) = (connect().await, connect().await);
    one.batch_execute(&format!("BEGIN; {}", add("/a"))).await.expect("added");
    let (second, waits) = (
        add("/b"),
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    let adding = tokio::spawn(async move { other.batch_execute(&second).await });
    let is_waiting = || (database.query(waits).expect("a count").trim() == "1").then_some(());
    slippers_testbed::wait::until(Duration::from_secs(20), is_waiting).expect("it waits for the first");
    one.batch_execute("COMMIT").await.expect("committed");
    adding.await.expect("no panic").expect("added");
    let shown = database.query(GALLERIES).expect("galleries");
    assert!(shown.contains("/a") && shown.contains("/b"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_open_an_empty_database_at_once_one_fills_it() {
    let (_database, settings) = empty();
    let all = (0..8).map(|_| {
        let settings = settings.clone();
        tokio::spawn(async move { PostgresStore::open(&settings).await.map(drop) })
    });
    for opened in futures_util::future::join_all(all).await {
        opened.expect("no panic").expect("a store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_left_alone() {
    let (database, settings) = empty();
    database.query("CREATE TABLE alembic_version (version_num TEXT)").expect("a table");
    assert!(matches!(PostgresStore::open(&settings).await, Err(OpenError::NotSlippers)));
    assert!(matches!(PostgresStore::migration_status(&settings).await, Err(OpenError::NotSlippers)));
    let (database, settings) = empty();
    database.query("CREATE TABLE schema_migrations (version BIGINT)").expect("a table");
    assert!(matches!(PostgresStore::open(&settings).await, Err(OpenError::NotSlippers)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_program_does_not_know_is_refused_by_name() {
    let (database, settings) = empty();
    PostgresStore::open(&settings).await.expect("a store");
    let newer = "INSERT INTO schema_migrations VALUES ('9999_later', 'x', 1)";
    database.query(newer).expect("an insert");
    let refused = PostgresStore::open(&settings).await;
    assert!(matches!(&refused, Err(OpenError::Newer { unknown }) if unknown == "9999_later"), "{refused:?}");
    let edit = "UPDATE schema_migrations SET checksum = 'y' WHERE name = '0003_cart'";
    database.query("DELETE FROM schema_migrations WHERE name = '9999_later'").expect("a deletion");
    database.query(edit).expect("an update");
    let refused = PostgresStore::open(&settings).await;
    assert!(matches!(&refused, Err(OpenError::Edited { name }) if name == "0003_cart"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_none_is_told_without_the_password() {
    for url in ["", "postgresql", "mysql://u:secret@h/d", "postgresql://u:secret@h:port/d"] {
        let refused = PostgresStore::open(&PostgresSettings::new(url)).await;
        let Err(error @ OpenError::Url { .. }) = refused else { panic!("{url}: {refused:?}") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let (database, _) = empty();
    let legacy = database.url().replace("postgresql://", "postgresql+asyncpg://");
    PostgresStore::open(&PostgresSettings::new(legacy)).await.expect("the driver's name is passed over");
}
