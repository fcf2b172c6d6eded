//! The two stores' schemas are one: what can be compared of them is, and a database that grew up with the program is like
//! one that was made today.
#![expect(clippy::expect_used, reason = "a schema that can't be read is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_store_sqlite::SqliteStore;
use slippers_testbed::postgres::{self, Database};
use tempfile::TempDir;

/// Facts about a schema, one a line, in words that fit both stores.
type Shape = BTreeSet<String>;

/// What only SQLite has. The virtual tables of its search are left out from the first.
const SQLITE_ALONE: [&str; 4] = [
    // By which deep pages skip; the primary key of PostgreSQL is narrow by itself.
    "index slippers_by_id on slippers (id)",
    // What PostgreSQL keeps in a table of its own, so that an order need not write it.
    "slippers.pictures text not null default",
    // There one of the shards may be below zero alone.
    "order_counters names order_counters_orders_check check",
    "order_counters names order_counters_outcome_orders_check check",
];

/// What only PostgreSQL has.
const POSTGRES_ALONE: [&str; 5] = [
    // Its search is an index.
    "index slippers_search on slippers (trigrams(VARIADIC ARRAY[name_key, size_key]))",
    "index users_search on users (trigrams(VARIADIC ARRAY[name_key, surname_key, (phone_number COLLATE \"C\")]))",
    // A table on SQLite.
    "index users_digits on users (digit_runs(VARIADIC ARRAY[name_key, surname_key, (phone_number COLLATE \"C\")])) of some",
    // Of the table of changes: what another process has written to a file is seen by asking the file.
    "index changes_by_age on changes (at)",
    "index changes_by_xid on changes (xid)",
];

fn without(shape: Shape, alone: &[&str]) -> Shape {
    for line in alone {
        assert!(shape.contains(*line), "it is not there: {line}");
    }
    let of_table = |line: &str| {
        ["changes", "slipper_changes", "slipper_galleries", "user_digits"].iter().any(|table| {
            line.strip_prefix(table).is_some_and(|rest| rest.starts_with('.') || rest.starts_with(' '))
        })
    };
    shape.into_iter().filter(|line| !alone.contains(&line.as_str()) && !of_table(line)).collect()
}

#[track_caller]
fn assert_same(one: &Shape, other: &Shape) {
    let missing: Vec<&String> = one.difference(other).collect();
    let more: Vec<&String> = other.difference(one).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "only the first has {missing:#?}\nonly the second has {more:#?}"
    );
}

const OF_POSTGRES: &str = "
SELECT c.relname || '.' || a.attname || CASE t.typname
        WHEN 'int8' THEN ' number' WHEN 'bool' THEN ' number' WHEN 'text' THEN ' text' WHEN 'bytea' THEN ' bytes'
        ELSE ' ' || t.typname END
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
    || CASE WHEN a.atthasdef AND a.attidentity = '' THEN ' default' ELSE '' END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT k.conrelid::regclass || CASE k.contype WHEN 'p' THEN ' primary key (' ELSE ' unique (' END
    || (SELECT string_agg(a.attname, ', ' ORDER BY place) FROM unnest(k.conkey) WITH ORDINALITY u(number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number) || ')'
FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('p', 'u')
UNION ALL
SELECT k.conrelid::regclass || ' (' || a.attname || ') references ' || k.confrelid::regclass || ' (' || b.attname || ')'
    || CASE k.confdeltype WHEN 'c' THEN ' on delete cascade' WHEN 'n' THEN ' on delete set null' ELSE '' END
FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
WHERE k.connamespace = 'public'::regnamespace AND k.contype = 'f' AND cardinality(k.conkey) = 1
UNION ALL
SELECT k.conrelid::regclass || ' names ' || k.conname
    || CASE k.contype WHEN 'f' THEN ' foreign' WHEN 'u' THEN ' unique' ELSE ' check' END
FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace AND k.contype IN ('f', 'u', 'c')
UNION ALL
SELECT 'index ' || i.indexrelid::regclass || ' on ' || i.indrelid::regclass || ' ('
    || (SELECT string_agg(pg_get_indexdef(i.indexrelid, place, false) || CASE i.indoption[place - 1] & 1 WHEN 1 THEN ' desc' ELSE '' END,
        ', ' ORDER BY place) FROM generate_series(1, i.indnkeyatts) place)
    || ')' || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NULL THEN '' ELSE ' of some' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))";

fn shape_of_server(database: &Database) -> Shape {
    database.query(OF_POSTGRES).expect("a schema").lines().map(str::to_owned).collect()
}

const OF_SQLITE: &str = "
WITH tables AS (SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
    AND name NOT LIKE '%\\_search%' ESCAPE '\\')
SELECT m.name || '.' || c.name || CASE c.type WHEN 'INTEGER' THEN ' number' WHEN 'TEXT' THEN ' text' WHEN 'BLOB' THEN ' bytes'
        ELSE ' ' || c.type END
    || iif(c.\"notnull\" OR c.pk > 0, ' not null', '') || iif(c.dflt_value IS NULL, '', ' default')
FROM tables m, pragma_table_info(m.name) c
UNION ALL
SELECT m.name || ' primary key (' || (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk)) || ')'
FROM tables m WHERE EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE pk > 0)
UNION ALL
SELECT m.name || ' unique (' || (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')'
FROM tables m, pragma_index_list(m.name) i WHERE i.origin = 'u'
UNION ALL
SELECT m.name || ' (' || f.\"from\" || ') references ' || f.\"table\" || ' (' || f.\"to\" || ')'
    || iif(f.on_delete = 'NO ACTION', '', ' on delete ' || lower(f.on_delete))
FROM tables m, pragma_foreign_key_list(m.name) f
UNION ALL
SELECT 'index ' || i.name || ' on ' || m.name || ' ('
    || (SELECT group_concat(name || iif(\"desc\", ' desc', ''), ', ') FROM (SELECT * FROM pragma_index_xinfo(i.name) WHERE key ORDER BY seqno))
    || ')' || iif(i.\"unique\", ' unique', '') || iif(i.partial, ' of some', '')
FROM tables m, pragma_index_list(m.name) i WHERE i.origin = 'c'";

fn shape_of_file(path: &Path) -> Shape {
    let file = Connection::open(path).expect("the file");
    let mut statement = file.prepare(OF_SQLITE).expect("a statement");
    let mut shape: Shape =
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("a schema");
    // Names of constraints stand nowhere but in the text. A switch, which PostgreSQL has a type for, is a number of two values.
    let switch = Regex::new(r"CONSTRAINT \w+ CHECK \(\w+ IN \(0, 1\)\)").expect("a pattern");
    let named = Regex::new(r"CONSTRAINT (\w+)\s+(UNIQUE|REFERENCES|CHECK)").expect("a pattern");
    let mut texts =
        file.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").expect("a statement");
    let texts = texts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let texts: Vec<(String, String)> = texts.and_then(Iterator::collect).expect("a schema");
    for (table, sql) in texts {
        for found in named.captures_iter(&switch.replace_all(&sql, "")) {
            let kind = if &found[2] == "REFERENCES" { "foreign".to_owned() } else { found[2].to_lowercase() };
            shape.insert(format!("{table} names {} {kind}", &found[1]));
        }
    }
    shape
}

fn fresh_file(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("fresh.db");
    SqliteStore::open(&path).expect("a store");
    path
}

fn empty_database() -> Database {
    postgres::shared().expect("PostgreSQL").database().expect("an empty database")
}

async fn fresh_database() -> Database {
    let database = empty_database();
    PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store").close().await;
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_have_the_same_tables_columns_keys_and_indexes() {
    let folder = TempDir::new().expect("a folder");
    let (file, server) = (shape_of_file(&fresh_file(&folder)), shape_of_server(&fresh_database().await));
    for line in ["orders.total_minor number not null", "users names users_name_key unique"] {
        assert!(file.contains(line) && server.contains(line), "{line} is not seen in {file:#?}");
    }
    assert_same(&without(file, &SQLITE_ALONE), &without(server, &POSTGRES_ALONE));
}

/// The migrations of a store as they stand in its folder: name and text, in order.
fn migrations(store: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(store).join("migrations");
    let mut all: Vec<_> = std::fs::read_dir(&folder)
        .expect("migrations")
        .flatten()
        .filter_map(|file| {
            let name = file.file_name().to_str()?.strip_suffix(".sql")?.to_owned();
            Some((name, std::io::read_to_string(std::fs::File::open(file.path()).ok()?).ok()?))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn both_stores_have_migrations_of_the_same_names() {
    let names = |store| migrations(store).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let names_of_one = names("store-sqlite");
    assert!(names_of_one.len() >= 11, "{names_of_one:?}");
    assert_eq!(names_of_one, names("store-postgres"));
}

/// What a program that knew only these migrations recorded of them.
fn records(migrations: &[(String, String)]) -> String {
    let row = |(name, sql): &(String, String)| {
        let digest = Sha256::digest(sql.as_bytes());
        let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('{name}', '{checksum}', 1);\n"
        )
    };
    migrations.iter().map(row).collect()
}

/// Where a store's schema stood after so many migrations, as SQL of an empty database.
fn as_of(store: &str, count: usize, numbers: &str) -> String {
    let known = &migrations(store)[..count];
    let record = format!(
        "CREATE TABLE schema_migrations (name TEXT NOT NULL CONSTRAINT schema_migrations_pkey PRIMARY KEY, checksum TEXT NOT NULL, applied_at {numbers} NOT NULL)"
    );
    let texts: Vec<&str> = known.iter().map(|(_, sql)| sql.as_str()).collect();
    format!("{record};\n{};\n{}", texts.join(";\n"), records(known))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grew_up_with_the_program_is_like_a_fresh_one() {
    let folder = TempDir::new().expect("a folder");
    let fresh = shape_of_file(&fresh_file(&folder));
    for count in 1..migrations("store-sqlite").len() {
        let path = folder.path().join(format!("{count}.db"));
        let old = Connection::open(&path).expect("a file");
        let text =
            format!("{};\nPRAGMA application_id = {}", as_of("store-sqlite", count, "INTEGER"), 0x534c_5053);
        old.execute_batch(&text).expect("an old schema");
        drop(old);
        // Triggers alone leave no mark on what the stores have in common.
        let is_shaped = |(_, sql): &(String, String)| sql.contains("TABLE ") || sql.contains(" INDEX ");
        let is_to_grow = migrations("store-sqlite")[count..].iter().any(is_shaped);
        assert_eq!(shape_of_file(&path) != fresh, is_to_grow, "after {count} migrations");
        SqliteStore::open(&path).expect("it is brought up to date");
        assert_same(&shape_of_file(&path), &fresh);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_grew_up_with_the_program_is_like_a_fresh_one() {
    let fresh = shape_of_server(&fresh_database().await);
    for count in 1..migrations("store-postgres").len() {
        let database = empty_database();
        // In one piece: a function's body has semicolons of its own.
        let text = as_of("store-postgres", count, "BIGINT").replace(";\n", "; \n");
        database.query(&text).expect("an old schema");
        let store = PostgresStore::open(&PostgresSettings::new(database.url())).await;
        store.expect("it is brought up to date").close().await;
        assert_same(&shape_of_server(&database), &fresh);
    }
}

/// The last number of the first release. Migrations after it say in their name which step they are: `0021_expand_...` leaves what
/// the release before reads and writes, `0034_contract_...` takes away what no release since needs.
const FIRST_RELEASE: &str = "0020";

/// Why a text is no step that only adds; `None` = it is one.
fn not_expanding(sql: &str) -> Option<String> {
    let sql = Regex::new("--[^\n]*").expect("a pattern").replace_all(sql, " ").to_uppercase();
    for statement in sql.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let text = words.join(" ");
        let takes_away =
            [" DROP ", " RENAME ", " ALTER COLUMN ", " SET NOT NULL", " ADD CONSTRAINT ", " ADD CHECK"];
        let begins = ["CREATE TABLE", "CREATE INDEX", "CREATE VIEW", "ALTER TABLE", "INSERT INTO", "UPDATE "];
        let adds_strictly =
            text.contains(" ADD COLUMN ") && text.contains(" NOT NULL") && !text.contains(" DEFAULT ");
        if !begins.iter().any(|begin| text.starts_with(begin))
            || takes_away.iter().any(|word| text.contains(word))
            || adds_strictly
        {
            return Some(text);
        }
    }
    None
}

#[test]
fn migrations_after_the_first_release_say_whether_they_add_or_take_away_and_those_that_add_do_nothing_else() {
    for (sql, is_fine) in [
        ("CREATE TABLE gifts (id BIGINT NOT NULL); CREATE INDEX gifts_by_id ON gifts (id);", true),
        ("ALTER TABLE orders ADD COLUMN gift BIGINT; -- DROP nothing\nUPDATE orders SET gift = NULL;", true),
        ("ALTER TABLE orders ADD COLUMN gift BIGINT NOT NULL DEFAULT 0;", true),
        ("ALTER TABLE orders ADD COLUMN gift BIGINT NOT NULL;", false),
        ("ALTER TABLE orders DROP COLUMN notes;", false),
        ("ALTER TABLE orders RENAME COLUMN notes TO remarks;", false),
        ("ALTER TABLE orders ALTER COLUMN notes SET NOT NULL;", false),
        ("ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0);", false),
        ("CREATE UNIQUE INDEX one_each ON orders (user_id);", false),
        ("DELETE FROM orders;", false),
        ("DROP INDEX orders_by_user;", false),
    ] {
        assert_eq!(not_expanding(sql).is_none(), is_fine, "{sql}");
    }
    for folder in ["store-sqlite", "store-postgres"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("migrations");
        for file in std::fs::read_dir(&folder).expect("migrations") {
            let path = file.expect("a file").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            #[expect(clippy::disallowed_methods, reason = "a test")]
            let sql = std::fs::read_to_string(&path).expect("a text");
            if name.split('_').next() > Some(FIRST_RELEASE) && !name.contains("_contract_") {
                assert!(
                    slippers_core::is_expansion(&name),
                    "{name}: name it NNNN_expand_... or NNNN_contract_..."
                );
            }
            if slippers_core::is_expansion(&name) {
                assert_eq!(not_expanding(&sql), None, "{name} does more than to add");
            }
        }
    }
}
