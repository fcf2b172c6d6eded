//! Errors as a real server tells them.

use tokio_postgres::{Client, NoTls};

use super::*;

async fn connection() -> (Client, slippers_testbed::postgres::Database) {
    let database = slippers_testbed::postgres::shared().expect("PostgreSQL").database().expect("a database");
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    (client, database)
}

/// What an error with this code means, raised by the server.
async fn meaning(client: &Client, code: &str, constraint: &str) -> (StoreError, Trouble) {
    let raise = format!(
        "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'it was \"{code}\"', ERRCODE = '{code}', CONSTRAINT = '{constraint}',
         DETAIL = 'Key (phone_number)=(+998901112233) already exists.'; END $$"
    );
    interpret_error(&client.batch_execute(&raise).await.expect_err("it is raised"))
}

#[tokio::test]
async fn a_broken_rule_is_told_by_its_name_and_without_what_it_was_about() {
    let (client, _database) = connection().await;
    for (code, rule, constraint) in [
        ("23505", "users_name_key", Constraint::UserName),
        ("23505", "users_phone_number_key", Constraint::UserPhone),
        ("23505", "categories_name_key", Constraint::CategoryName),
        ("23505", "carts_user_id_key", Constraint::Other),
        ("23514", "slippers_quantity_check", Constraint::Other),
        ("23503", "orders_user_fkey", Constraint::Other),
    ] {
        let (error, trouble) = meaning(&client, code, rule).await;
        assert!(matches!(error, StoreError::Conflict(c) if c == constraint), "{rule}: {error:?}");
        assert_eq!(trouble, Trouble::Its, "{rule}");
    }
    let (error, _) = meaning(&client, "XX000", "").await;
    assert!(!error.to_string().contains("+998"), "{error}");
}

#[tokio::test]
async fn what_passes_is_unavailable_and_says_whether_it_may_be_done_again() {
    let (client, _database) = connection().await;
    for (code, trouble) in [
        ("40P01", Trouble::Passing),
        ("40001", Trouble::Passing),
        ("26000", Trouble::Connection),
        ("57P03", Trouble::Connection),
        ("08006", Trouble::Connection),
        ("57014", Trouble::Its),
        ("55P03", Trouble::Its),
        ("53100", Trouble::Its),
        ("53300", Trouble::Its),
        ("25006", Trouble::Connection),
    ] {
        let (error, found) = meaning(&client, code, "").await;
        assert!(matches!(error, StoreError::Unavailable(_)), "{code}: {error:?}");
        assert_eq!(found, trouble, "{code}");
    }
}

#[tokio::test]
async fn damage_and_defects_are_neither() {
    let (client, _database) = connection().await;
    assert!(matches!(meaning(&client, "XX001", "").await, (StoreError::Corrupt(_), Trouble::Its)));
    assert!(matches!(meaning(&client, "42601", "").await, (StoreError::Other(_), Trouble::Its)));
    let row = client.query_one("SELECT 1::bigint", &[]).await.expect("a row");
    let wrong = row.try_get::<_, String>(0).expect_err("a number is no text");
    assert!(matches!(interpret_error(&wrong), (StoreError::Corrupt(_), Trouble::Its)));
}

#[tokio::test]
async fn a_connection_that_is_gone_is_told() {
    let (client, _database) = connection().await;
    let ended = client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").await;
    let (error, trouble) = interpret_error(&ended.expect_err("it has ended itself"));
    assert!(matches!(error, StoreError::Unavailable(_)) && trouble == Trouble::Connection, "{error:?}");
    let (error, trouble) = interpret_error(&client.batch_execute("SELECT 1").await.expect_err("it is gone"));
    assert!(matches!(error, StoreError::Unavailable(_)) && trouble == Trouble::Connection, "{error:?}");
}
