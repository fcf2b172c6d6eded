//! What the program refuses to start with, and how it says so.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use slippers_testbed::{PgBouncer, postgres};
use tempfile::TempDir;

use crate::program::run_in;
use crate::shop::Shop;

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn owned(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Runs a command that must fail; answers (exit code, stderr).
#[track_caller]
fn fails(dir: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let (code, said, complained) = run_in(dir, &owned(settings), arguments, "");
    assert!(code > 0, "{arguments:?} succeeded, or was killed ({code}): {said}{complained}");
    assert!(!complained.contains("panicked"), "{complained}");
    assert!(complained.contains("Fix:"), "{complained}");
    (code, complained)
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn write(path: &Path, text: &str) {
    File::create(path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a file");
}

#[test]
fn everything_that_is_wrong_with_the_settings_is_told_at_once() {
    let dir = folder();
    let secret = "this-is-too-short";
    let wrong = [
        ("SECRET_KEY", secret),
        ("RATE_LIMIT_REQUESTS", "0"),
        ("ORDER_MAX_OPEN", "many"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "-5"),
        ("ALGORITHM", "none"),
        ("TRUST_PROXY", "true"),
        ("ALLOWED_ORIGIN_REGEX", "("),
        ("SLIPPERS_LISTEN", "somewhere"),
    ];
    for arguments in [&["config", "check"][..], &["serve"], &["serve", "--demo"]] {
        let (code, complained) = fails(dir.path(), &wrong, arguments);
        assert_eq!(code, 2);
        for (name, _) in wrong {
            assert!(complained.contains(name), "{name} is not told:\n{complained}");
        }
        assert_eq!(complained.matches("Fix:").count(), wrong.len(), "{complained}");
        assert!(!complained.contains(secret), "{complained}");
    }
    assert!(!dir.path().join("shop.db").exists());
}

#[test]
fn good_settings_are_shown_with_their_sources_and_without_secrets() {
    let dir = folder();
    write(
        &dir.path().join("shop.toml"),
        "ORDER_MAX_OPEN = 7\nallowed_origins = ['https://a.uz', 'https://b.uz']\n",
    );
    write(&dir.path().join(".env"), "ORDER_PENDING_TTL_MIN=5\nexport RATE_LIMIT_REQUESTS=\"55\"\n");
    let settings =
        owned(&[("SECRET_KEY", "0123456789abcdef0123456789abcdef-canary"), ("RATE_LIMIT_REQUESTS", "66")]);
    let arguments = ["config", "check", "--config", "shop.toml", "--listen", "127.0.0.1:8123"];
    let (code, said, complained) = run_in(dir.path(), &settings, &arguments, "");
    assert_eq!(code, 0, "{complained}");
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    for (name, value, from) in [
        ("ORDER_MAX_OPEN", "7", "shop.toml"),
        ("ALLOWED_ORIGINS ", "https://a.uz,https://b.uz", "shop.toml"),
        ("ORDER_PENDING_TTL_MIN", "5", ".env"),
        ("RATE_LIMIT_REQUESTS", "66", "environment"),
        ("SLIPPERS_LISTEN", "127.0.0.1:8123", "flag"),
        ("ORDER_MAX_QTY_PER_ITEM", "500", "default"),
    ] {
        assert!(line(name).contains(value) && line(name).contains(from), "{name}: {said}");
    }
    assert!(!said.contains("canary") && !complained.contains("canary"), "{said}");
    assert!(
        !dir.path().join("shop.db").exists() && !dir.path().join("secret_key").exists(),
        "a check makes nothing"
    );
}

#[test]
fn unknown_names_and_sections_of_a_file_are_errors_and_its_text_is_not_repeated() {
    let dir = folder();
    let file = dir.path().join("shop.toml");
    write(&file, "RATE_LIMT_REQUESTS = 5\nPASSWORD_OF_ADMIN = 'hunter2hunter2'\n[server]\nport = 1\n");
    let (code, complained) = fails(dir.path(), &[], &["config", "check", "--config", "shop.toml"]);
    assert_eq!(code, 2);
    for part in ["RATE_LIMT_REQUESTS", "RATE_LIMIT_REQUESTS", "PASSWORD_OF_ADMIN", "server"] {
        assert!(complained.contains(part), "{part}: {complained}");
    }
    assert!(!complained.contains("hunter2"), "{complained}");
    write(&file, "ORDER_MAX_OPEN = 5\nSECRET_KEY = hunter2hunter2\n");
    let (_, complained) = fails(dir.path(), &[], &["serve", "--config", "shop.toml"]);
    assert!(complained.contains("line 2") && !complained.contains("hunter2"), "{complained}");
}

#[test]
fn a_signing_key_is_made_once_for_its_owner_alone() {
    let mut shop = Shop::on_a_file(folder(), &[], &[]);
    let path = shop.data_dir().join("secret_key");
    let mode = std::fs::metadata(&path).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read = || {
        let mut text = String::new();
        File::open(&path)
            .and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut text))
            .expect("a key");
        text
    };
    let key = read();
    assert!(key.trim().len() >= 32, "{} bytes", key.len());
    let caller = shop.customer("Dilnoza");
    assert_eq!(shop.terminate(), Some(0));
    shop.restart();
    assert_eq!(read(), key);
    shop.call(&caller, "GET", "/cart", &Value::Null).expect(200);
    // A key that others can read is no secret.
    assert_eq!(shop.terminate(), Some(0));
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("rights");
    let (_, complained) = fails(shop.data_dir(), &[], &SERVE);
    assert!(complained.contains("chmod 600") && !complained.contains(key.trim()), "{complained}");
}

#[test]
fn the_database_is_for_its_owner_alone() {
    let shop = Shop::on_a_file(folder(), &[], &[]);
    shop.customer("Dilnoza");
    for name in ["shop.db", "shop.db-wal", "shop.db-shm"] {
        let file = std::fs::metadata(shop.data_dir().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a4_default_and_short_signing_keys_are_refused() {
    let dir = folder();
    for key in [
        "supersecretkey",
        "SuperSecretKey",
        "changeme",
        "supersecretkeysupersecretkeysupersecretkey",
        "0123456789abcdef0123456789abcde",
    ] {
        let (code, complained) = fails(dir.path(), &[("SECRET_KEY", key)], &SERVE);
        assert_eq!(code, 2);
        assert!(complained.contains("SECRET_KEY") && !complained.contains(key), "{complained}");
    }
    // Also when it stands in `.env`, which the legacy did not read for this.
    write(&dir.path().join(".env"), "SECRET_KEY=supersecretkey\n");
    let (_, complained) = fails(dir.path(), &[], &SERVE);
    assert!(complained.contains(".env") && complained.contains("known default"), "{complained}");
    assert!(!dir.path().join("shop.db").exists());
}

/// A shop's folder whose program has ended.
fn closed_shop() -> Shop {
    let mut shop = Shop::on_a_file(folder(), &[], &[]);
    shop.customer("Dilnoza");
    assert_eq!(shop.terminate(), Some(0));
    shop
}

fn tamper(shop: &Shop, sql: &str) {
    shop.rows().run(sql);
}

#[test]
fn a_schema_of_a_newer_program_is_left_alone() {
    let shop = closed_shop();
    tamper(
        &shop,
        "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('9999_tomorrow', 'x', 1)",
    );
    for arguments in [&SERVE[..], &["migrate", "up"], &["seed", "--products", "3"], &["admin", "list"]] {
        let (code, complained) = fails(shop.data_dir(), &[], arguments);
        assert!(
            code == 1 && complained.contains("9999_tomorrow") && complained.contains("newer"),
            "{complained}"
        );
    }
    let (code, status, _) = shop.run(&["migrate", "status"], "");
    assert!(code == 0 && status.contains("9999_tomorrow"), "{status}");
}

#[test]
fn a_migration_that_was_edited_is_refused() {
    let shop = closed_shop();
    tamper(&shop, "UPDATE schema_migrations SET checksum = 'another' WHERE name = '0003_cart'");
    for arguments in [&SERVE[..], &["migrate", "up"], &["admin", "list"]] {
        let (code, complained) = fails(shop.data_dir(), &[], arguments);
        assert!(
            code == 1 && complained.contains("0003_cart") && complained.contains("edited"),
            "{complained}"
        );
    }
    let (_, status, _) = shop.run(&["migrate", "status"], "");
    assert!(status.contains("edited"), "{status}");
}

#[test]
fn a_file_that_is_no_shop_is_not_touched() {
    let dir = folder();
    let path = dir.path().join("shop.db");
    let text =
        "a letter to grandmother, much longer than any header of a database would have to be to be one";
    write(&path, text);
    let (code, complained) = fails(dir.path(), &[], &SERVE);
    assert!(code == 1 && complained.contains("not an SQLite database"), "{complained}");
    assert_eq!(std::fs::metadata(&path).expect("it is there").len(), text.len() as u64);
    let dir = folder();
    let foreign = Connection::open(dir.path().join("shop.db")).expect("a database");
    foreign.execute_batch("CREATE TABLE letters (text TEXT)").expect("a table");
    drop(foreign);
    let (code, complained) = fails(dir.path(), &[], &["migrate", "up"]);
    assert!(code == 1 && complained.contains("not one of Slippers"), "{complained}");
}

#[test]
fn a_data_folder_that_can_not_be_used_is_told_with_the_way_out() {
    let dir = folder();
    write(&dir.path().join("file"), "");
    let file = dir.path().join("file");
    for data in [file.clone(), file.join("below"), "/proc/slippers".into()] {
        let data = data.to_str().expect("text");
        for arguments in [&SERVE[..], &["migrate", "up"], &["seed", "--products", "3"]] {
            let (_, complained) = fails(dir.path(), &[("SLIPPERS_DATA_DIR", data)], arguments);
            assert!(complained.contains(data), "{complained}");
            let names_it = complained.contains("SLIPPERS_DATA_DIR");
            assert!(names_it || arguments[0] == "migrate", "{complained}");
        }
    }
}

#[test]
fn an_address_that_is_taken_is_told() {
    let shop = Shop::open();
    let dir = folder();
    let address = shop.address().to_string();
    let (code, complained) = fails(dir.path(), &[], &["serve", "--listen", &address]);
    assert!(code == 1 && complained.contains(&address) && complained.contains("in use"), "{complained}");
    shop.get("/health").expect(200);
}

#[test]
fn what_stands_before_a_server_is_asked_and_told() {
    let dir = folder();
    let cluster = postgres::shared().expect("PostgreSQL");
    let database = cluster.database().expect("a database");
    let pooler = PgBouncer::to(cluster).start().expect("a PgBouncer");
    let pooled = database.url_through(pooler.port());
    let check = |url: &str, more: &[(&str, &str)]| {
        let key = ("SECRET_KEY", "a-key-of-stories-that-is-not-used-anywhere-else");
        run_in(dir.path(), &owned(&[&[("DATABASE_URL", url), key], more].concat()), &["config", "check"], "")
    };
    let unnamed = ("DATABASE_PREPARED_STATEMENTS", "false");
    let direct = database.url();
    let past = ("DATABASE_DIRECT_URL", direct.as_str());
    for (url, more, code, told) in [
        (direct.as_str(), &[][..], 0, "and each connection is its own"),
        (&pooled, &[unnamed], 0, "behind PgBouncer 1."),
        (&pooled, &[unnamed], 0, "DATABASE_DIRECT_URL past it would do better"),
        (&pooled, &[unnamed, past], 0, "none is prepared, migrations and word of changes go past it"),
        (&pooled, &[past], 2, "set DATABASE_PREPARED_STATEMENTS=false"),
        ("postgresql://nobody@127.0.0.1:1/shop", &[], 0, "The server was not asked what stands before it"),
        (
            &format!("{direct}?sslmode=yes"),
            &[],
            2,
            r#"DATABASE_URL: the database's URL can't be read: sslmode is "yes""#,
        ),
        (&format!("{direct}?sslmode=require"), &[], 0, "in DATABASE_URL: set ssl=on in the server"),
    ] {
        let (exit, said, complained) = check(url, more);
        let all = format!("{said}{complained}");
        assert!(exit == code && all.contains(told), "{told} is not in ({exit}):\n{all}");
        assert!(!all.contains(cluster.password()), "{all}");
    }
    let wrong = ("DATABASE_DIRECT_URL", format!("{direct}?sslmode=verify-full&sslrootcert=/nowhere/ca.crt"));
    let (exit, _, complained) = check(&direct, &[(wrong.0, &wrong.1)]);
    assert!(exit == 2 && complained.contains("DATABASE_DIRECT_URL"), "{complained}");
    assert!(complained.contains("sslrootcert=/nowhere/ca.crt can't be read"), "{complained}");
}
