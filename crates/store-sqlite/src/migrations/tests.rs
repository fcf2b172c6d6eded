//! Files of all kinds are opened, or left alone.

use std::path::PathBuf;

use super::*;
use crate::SqliteStore;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    (folder, path)
}

fn names(path: &Path) -> Vec<String> {
    let conn = open_untouched(path).expect("a database");
    let mut all =
        conn.prepare("SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1").expect("a statement");
    all.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
}

fn execute(path: &Path, sql: &str) {
    Connection::open(path).expect("a database").execute_batch(sql).expect(sql);
}

fn refusal(path: &Path) -> OpenError {
    SqliteStore::open(path).map(|_| ()).expect_err("a refusal")
}

#[test]
fn a_fresh_file_gets_everything_and_a_second_time_nothing() {
    let (_folder, path) = folder();
    let before = SqliteStore::migration_status(&path).expect("a status");
    assert!(
        before.iter().all(|migration| migration.state == MigrationState::Pending)
            && before.len() == MIGRATIONS.len()
    );
    assert!(!path.exists(), "asking makes no file");

    SqliteStore::open(&path).expect("a store").close();
    let first = SqliteStore::migration_status(&path).expect("a status");
    assert!(first.iter().all(|migration| matches!(migration.state, MigrationState::Applied(_))));
    assert_eq!(first.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), MIGRATIONS.map(|(name, _)| name));

    let tables = names(&path);
    SqliteStore::open(&path).expect("a store").close();
    assert_eq!(SqliteStore::migration_status(&path).expect("a status"), first);
    assert_eq!(names(&path), tables);
}

/// Products that were there before words that meet were looked up by that are found so too.
#[test]
fn what_was_there_before_is_indexed_as_what_comes_after() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    let conn = Connection::open(&path).expect("a database");
    let statements = AtomicU64::new(0);
    let db = Db::new(&conn, &statements);
    for (id, name) in [(1, "тёплые тапки комфорт"), (2, "abc def  ghi"), (3, "short")] {
        let product = "INSERT INTO slippers (id, name, name_key, size, size_key, price_minor, quantity, created_at, updated_at)
            VALUES (?1, ?2, ?2, '42', '42', 1, 1, 1, 1)";
        conn.execute(product, params![id, name]).expect("a product");
        catalog::search::add(&db, id, name, "42").expect("its parts");
    }
    let parts = || {
        let mut all =
            conn.prepare("SELECT gram || slipper_id FROM slipper_grams ORDER BY 1").expect("a statement");
        all.query_map([], |row| row.get(0))
            .expect("rows")
            .map(|part| part.expect("a part"))
            .collect::<Vec<String>>()
    };
    let before = parts();
    assert!(before.iter().any(|part| part == "лые тапки ком1"), "{before:?}");
    execute(&path, "DELETE FROM slipper_grams WHERE length(gram) > 2");
    execute(&path, "DELETE FROM schema_migrations WHERE name = '0016_joints'");
    SqliteStore::open(&path).expect("a store").close();
    assert_eq!(parts(), before);
}

#[test]
fn a_file_of_a_newer_program_is_refused_by_name() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    execute(&path, "INSERT INTO schema_migrations VALUES ('0099_teleport', 'x', 0)");
    let error = refusal(&path);
    assert!(matches!(&error, OpenError::Newer { unknown } if unknown == "0099_teleport"));
    assert!(
        error.to_string().contains("newer than this program") && error.to_string().contains("0099_teleport")
    );
    let status = SqliteStore::migration_status(&path).expect("a status");
    assert!(matches!(status.last().map(|m| m.state), Some(MigrationState::Unknown(_))));
}

#[test]
fn an_edited_migration_is_refused_by_name() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    execute(&path, "UPDATE schema_migrations SET checksum = 'x' WHERE name = '0003_cart'");
    let error = refusal(&path);
    assert!(matches!(&error, OpenError::Edited { name } if name == "0003_cart"), "{error}");
    assert!(error.to_string().contains("edited after it was applied"));
}

#[test]
fn an_interrupted_migration_is_continued() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    let complete = names(&path);
    execute(&path, WITHOUT_USERS);
    execute(
        &path,
        "DROP INDEX slipper_images_by_path; DROP INDEX slippers_by_image; DROP INDEX order_items_by_image;
         DELETE FROM schema_migrations WHERE name = '0008_images'",
    );
    execute(&path, WITHOUT_PICTURES);
    execute(&path, "ALTER TABLE slipper_images DROP COLUMN variants");
    SqliteStore::open(&path).expect("a store").close();
    assert_eq!(names(&path), complete);
}

/// The file as it was before products had their pictures in their rows.
const WITHOUT_PICTURES: &str = "
    DROP TRIGGER slipper_images_come; DROP TRIGGER slipper_images_change; DROP TRIGGER slipper_images_go;
    DROP VIEW slipper_galleries; ALTER TABLE slippers DROP COLUMN pictures; DELETE FROM schema_migrations WHERE name = '0017_pictures'";

#[test]
fn products_that_are_there_already_get_their_pictures_into_their_rows() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    execute(
        &path,
        "INSERT INTO slippers (name, name_key, size, size_key, price_minor, quantity, created_at, updated_at)
         VALUES ('A', 'a', '42', '42', 1, 1, 0, 0), ('B', 'b', '42', '42', 1, 1, 0, 0);
         INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at, variants)
         VALUES (1, '/a', 1, 0, 7, '[[320,\"/a-320\"]]'), (1, '/b', 0, 1, 8, '[]')",
    );
    let pictures = || {
        let conn = open_untouched(&path).expect("a database");
        let mut all = conn.prepare("SELECT pictures FROM slippers ORDER BY id").expect("a statement");
        let rows = all.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        rows.collect::<Result<Vec<_>, _>>().expect("texts")
    };
    let by_triggers = pictures();
    let first = r#"[[1,"/a",1,null,0,7,[[320,"/a-320"]]],[2,"/b",0,null,1,8,[]]]"#;
    assert_eq!(by_triggers, [first, "[]"]);
    execute(&path, WITHOUT_PICTURES);
    SqliteStore::open(&path).expect("a store").close();
    assert_eq!(pictures(), by_triggers);
}

/// The file as it was before users were searched and deleted.
const WITHOUT_USERS: &str = "
    DROP TRIGGER user_digits_come; DROP TRIGGER user_digits_leave; DROP TRIGGER user_digits_change; DROP TRIGGER user_digits_go;
    DROP VIEW user_digit_runs; DROP TABLE user_digits; DELETE FROM schema_migrations WHERE name = '0019_user_digits';
    DROP TRIGGER users_come; DROP TRIGGER users_go; DROP TRIGGER users_move; DELETE FROM shop_counters WHERE name = 'user_order';
    DELETE FROM schema_migrations WHERE name = '0018_user_order';
    DROP TABLE user_grams; DROP TABLE user_search; DROP INDEX users_present; DROP INDEX users_customers;
    DROP INDEX payments_by_recorder; ALTER TABLE users DROP COLUMN name_key; ALTER TABLE users DROP COLUMN surname_key;
    ALTER TABLE users DROP COLUMN wiped_at; DELETE FROM shop_counters WHERE name = 'admins';
    DELETE FROM schema_migrations WHERE name = '0005_users'";

#[test]
fn everybody_who_is_there_already_is_made_findable() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    execute(&path, WITHOUT_USERS);
    execute(
        &path,
        "INSERT INTO users (name, surname, phone_number, password_hash, is_admin, created_at, updated_at)
         VALUES ('Дилноза', 'KARIMOVA', '+998901112233', 'x', 1, 0, 0), ('Bo', 'Li', '+998901112234', 'x', 0, 0, 0)",
    );
    SqliteStore::open(&path).expect("a store").close();
    let conn = open_untouched(&path).expect("a database");
    for (found, question) in [
        (1, "SELECT count(*) FROM user_search WHERE user_search MATCH '\"дилн\"'"),
        (2, "SELECT count(*) FROM user_search WHERE user_search MATCH '\"+998\"'"),
        (2, "SELECT count(*) FROM user_grams WHERE gram = 'bo' OR gram = 'li'"),
        (2, "SELECT count(*) FROM user_digits WHERE digits = '011122'"),
        (14, "SELECT count(*) FROM user_digits"),
        (1, "SELECT count(*) FROM users WHERE name_key = 'дилноза' AND surname_key = 'karimova'"),
        (1, "SELECT value FROM shop_counters WHERE name = 'admins'"),
    ] {
        let counted: i64 = conn.query_row(question, [], |row| row.get(0)).expect("a count");
        assert_eq!(counted, found, "{question}");
    }
}

#[test]
fn the_audit_record_is_only_added_to() {
    let (_folder, path) = folder();
    SqliteStore::open(&path).expect("a store").close();
    execute(&path, "INSERT INTO audit_records (at, action, subject, change) VALUES (0, 'x', 'y', '{}')");
    let conn = Connection::open(&path).expect("a database");
    for refused in ["DELETE FROM audit_records", "UPDATE audit_records SET action = 'z'"] {
        assert!(conn.execute(refused, []).is_err(), "{refused}");
    }
}

#[test]
fn many_at_once_migrate_once() {
    let (_folder, path) = folder();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| SqliteStore::open(&path))).collect();
        for one in all {
            one.join().expect("no panic").expect("a store");
        }
    });
    let status = SqliteStore::migration_status(&path).expect("a status");
    assert!(status.iter().all(|migration| matches!(migration.state, MigrationState::Applied(_))));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test without an async worker")]
fn other_files_are_left_as_they_are() {
    let (_folder, path) = folder();
    let text = "This is a letter to my aunt. ".repeat(100);
    std::fs::write(&path, &text).expect("a file");
    assert!(matches!(refusal(&path), OpenError::NotADatabase { .. }));
    assert!(matches!(SqliteStore::migration_status(&path), Err(OpenError::NotADatabase { .. })));
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), text);

    let path = path.with_extension("other");
    execute(
        &path,
        "CREATE TABLE schema_migrations (version TEXT); INSERT INTO schema_migrations VALUES ('1')",
    );
    let before = std::fs::read(&path).expect("a file");
    assert!(matches!(refusal(&path), OpenError::NotSlippers { .. }));
    assert!(matches!(SqliteStore::migration_status(&path), Err(OpenError::NotSlippers { .. })));
    assert_eq!(std::fs::read(&path).expect("a file"), before);

    let nowhere = path.join("no").join("folder");
    assert!(matches!(refusal(&nowhere), OpenError::Database { .. }));
}

#[test]
fn every_connection_holds_the_rules() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).expect("a store");
    let setting = |conn: &Connection, name: &str| {
        conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).expect("a setting")
    };
    let writer = crate::connection::open_writer(&path).expect("a connection");
    assert_eq!(setting(&writer, "foreign_keys"), 1);
    assert_eq!(setting(&writer, "synchronous"), 2, "FULL");
    let reader = crate::connection::open_reader(&path).expect("a connection");
    assert_eq!((setting(&reader, "foreign_keys"), setting(&reader, "query_only")), (1, 1));
    let mode: String = reader.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
    assert!(reader.execute("DELETE FROM users", []).is_err(), "a reader can't write");
    store.close();
}

/// What admins recorded by hand before there were gateways: order 1 was paid, order 2 paid and refunded.
const RECORDED: &str = "
    INSERT INTO users (id, name, name_key, surname, surname_key, phone_number, password_hash, is_admin, created_at, updated_at)
    VALUES (1, 'Admin', 'admin', '', '', '+998711234567', 'x', 1, 5, 5);
    INSERT INTO orders (id, user_id, status, total_minor, payment_outcome, created_at, updated_at)
    VALUES (1, 1, 'PAID', 9800, 'PAID', 10, 10), (2, 1, 'REFUNDED', 500, 'REFUNDED', 10, 10);
    INSERT INTO payments (order_id, method, status, amount_minor, recorded_by, created_at)
    VALUES (1, 'manual', 'PAID', 9800, 1, 20), (2, 'manual', 'PAID', 500, 1, 30), (2, 'manual', 'REFUNDED', 500, 1, 40);";

#[tokio::test]
async fn what_was_recorded_by_hand_is_in_the_books() {
    use slippers_core::payments::ledger::expected;
    use slippers_core::payments::{AttemptStatus, PaymentQuery, PaymentStore as _};

    let (_folder, path) = folder();
    let mut conn = Connection::open(&path).expect("a database");
    let tx = conn.transaction().expect("a transaction");
    tx.execute_batch(RECORD).expect("the table of migrations");
    let before = MIGRATIONS.iter().take_while(|(name, _)| *name != "0010_payments");
    for (name, _) in before {
        apply(&tx, name, wall(5)).expect("a migration");
    }
    tx.execute_batch(RECORDED).expect("what was recorded");
    tx.commit().expect("committed");
    drop(conn);

    let store = SqliteStore::open(&path).expect("a store");
    let query = PaymentQuery { order: None, in_review: false, before: None, max: 10 };
    let attempts = store.list_payments(query).await.expect("attempts");
    let told: Vec<_> = attempts
        .iter()
        .map(|a| (a.order.get(), a.status, a.received.minor(), a.settles, a.ended_at.map(Timestamp::micros)))
        .collect();
    assert_eq!(
        told,
        [(2, AttemptStatus::Refunded, 500, true, Some(40)), (1, AttemptStatus::Paid, 9800, true, None)]
    );
    let refunds = store.list_refunds(attempts[0].id).await.expect("refunds");
    assert_eq!(refunds.iter().map(|refund| refund.amount.minor()).collect::<Vec<_>>(), [500]);
    assert_eq!(store.balances().await.expect("balances"), expected(&attempts, &refunds));
}

fn wall(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}
