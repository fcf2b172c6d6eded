//! The commands that a person types.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::run_in;
use crate::shop::{ADMIN_PASSWORD, PASSWORD, Shop, eventually};

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// Runs a command on a folder; answers (exit code, stdout, stderr).
fn run(dir: &TempDir, arguments: &[&str], stdin: &str) -> (i32, String, String) {
    run_in(dir.path(), &[], arguments, stdin)
}

fn files(dir: &TempDir) -> Vec<String> {
    let names = std::fs::read_dir(dir.path()).expect("a folder").flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_command_explains_itself() {
    let dir = folder();
    let (code, help, _) = run(&dir, &["--help"], "");
    assert_eq!(code, 0);
    for command in ["serve", "migrate", "admin", "seed", "openapi", "healthcheck", "config"] {
        assert!(help.contains(&format!("\n  {command}")), "{command} is not in:\n{help}");
        let (code, text, errors) = run(&dir, &[command, "--help"], "");
        assert_eq!((code, errors.as_str()), (0, ""), "{command}");
        assert!(text.contains("Usage: slippers") && text.contains(command), "{text}");
    }
    for (group, command) in [
        ("migrate", "up"),
        ("migrate", "status"),
        ("admin", "create"),
        ("admin", "list"),
        ("admin", "reset-password"),
        ("config", "check"),
    ] {
        let (code, text, _) = run(&dir, &[group, command, "--help"], "");
        assert_eq!(code, 0, "{group} {command}");
        assert!(text.contains(&format!("Usage: slippers {group} {command}")), "{text}");
    }
    let (code, version, _) = run(&dir, &["--version"], "");
    assert!(code == 0 && version.starts_with("slippers "), "{version}");
    assert_eq!(files(&dir), Vec::<String>::new(), "nothing was made");
}

#[test]
fn wrong_usage_is_told_and_does_nothing() {
    let dir = folder();
    for arguments in [
        &[][..],
        &["sreve"],
        &["serve", "--dmeo"],
        &["serve", "--listen"],
        &["migrate"],
        &["migrate", "down"],
        &["admin", "create", "--password-stdin"],
        &["admin", "create", "--name", "Admin", "--password-stdin"],
        &["admin", "create", "--name", "A", "--phone", "+998900000001", "--password-stdin"],
        &["admin", "create", "--name", "Admin", "--phone", "998900000001", "--password-stdin"],
        &[
            "admin",
            "create",
            "--name",
            "Admin",
            "--phone",
            "+998900000001",
            "--password",
            "in the list of processes",
        ],
        &["seed"],
        &["seed", "--products", "0"],
        &["seed", "--products", "-1"],
        &["seed", "--products", "many"],
        &["healthcheck", "--listen", "nowhere"],
        &["config", "check", "--config", "missing.toml"],
    ] {
        let (code, said, complained) = run(&dir, arguments, "long enough\n");
        assert_eq!(code, 2, "{arguments:?}: {complained}");
        assert!(said.is_empty() && !complained.is_empty(), "{arguments:?}: {said}");
        assert!(!complained.contains("panicked"), "{complained}");
    }
    assert_eq!(files(&dir), Vec::<String>::new(), "nothing was made");
}

#[test]
fn the_schema_is_looked_at_without_a_touch_and_brought_up_once() {
    let dir = folder();
    let (code, before, _) = run(&dir, &["migrate", "status"], "");
    assert_eq!(code, 0);
    let pending = before.matches("pending").count();
    assert!(pending >= 4, "{before}");
    assert_eq!(files(&dir), Vec::<String>::new(), "a look makes no database");
    for _ in 0..2 {
        let (code, said, errors) = run(&dir, &["migrate", "up"], "");
        assert_eq!(code, 0, "{errors}");
        assert!(said.contains("up to date"), "{said}");
    }
    let (code, after, _) = run(&dir, &["migrate", "status"], "");
    assert_eq!(
        (code, after.matches("pending").count(), after.matches("applied ").count()),
        (0, 0, pending),
        "{after}"
    );
    for name in ["0001_catalog", "0002_accounts", "0003_cart", "0004_orders"] {
        assert!(after.contains(name), "{after}");
    }
}

#[test]
fn an_admin_is_made_listed_and_signs_in() {
    let shop = Shop::open();
    let (code, nobody, _) = shop.run(&["admin", "list"], "");
    assert_eq!(code, 0);
    assert!(!nobody.contains('+'), "no phone, since there is nobody: {nobody}");
    for (name, phone, newline) in [
        ("Boss", "+998900000001", "\n"),
        ("Начальник", "+998900000002", "\r\n"),
        ("Third", "+998900000003", ""),
    ] {
        let arguments = ["admin", "create", "--name", name, "--phone", phone, "--password-stdin"];
        let (code, said, errors) = shop.run(&arguments, &format!("{ADMIN_PASSWORD}{newline}"));
        assert_eq!(code, 0, "{errors}");
        assert!(!said.contains(ADMIN_PASSWORD) && !errors.contains(ADMIN_PASSWORD));
        let admin = shop.login(name, ADMIN_PASSWORD);
        shop.call(&admin, "POST", "/categories/", &json!({"name": format!("Of {name}")})).expect(200);
    }
    shop.customer("Ordinary");
    let (code, list, _) = shop.run(&["admin", "list"], "");
    assert_eq!(code, 0);
    for part in ["Boss", "Начальник", "Third", "+998900000001", "+998900000002"] {
        assert!(list.contains(part), "{part} is not in:\n{list}");
    }
    assert!(!list.contains("Ordinary") && !list.contains("argon2"), "{list}");
    let arguments = [
        "admin",
        "create",
        "--name",
        "Named",
        "--surname",
        "Fully",
        "--phone",
        "+998900000004",
        "--password-stdin",
    ];
    assert_eq!(shop.run(&arguments, "another password\n").0, 0);
    let user = shop
        .post("/auth/login", &json!({"name": "Named", "password": "another password"}))
        .expect(200)
        .json();
    assert_eq!((&user["user"]["surname"], &user["user"]["is_admin"]), (&json!("Fully"), &json!(true)));
}

#[test]
fn a_bad_password_or_a_name_that_is_taken_makes_no_admin() {
    let dir = folder();
    let create = ["admin", "create", "--name", "Boss", "--phone", "+998900000001", "--password-stdin"];
    for (stdin, code) in
        [("", 2), ("\n", 2), ("short77\n", 2), ("two lines\nof password\n", 2), ("nul\0inside it\n", 2)]
    {
        let (exit, said, complained) = run(&dir, &create, stdin);
        assert_eq!(exit, code, "{stdin:?}: {complained}");
        assert!(said.is_empty() && complained.contains("Fix:"), "{complained}");
        assert!(stdin.trim().is_empty() || !complained.contains(stdin.trim()), "echoed: {complained}");
    }
    // Without the flag nothing is read, and nothing stands in the list of processes.
    assert_eq!(run(&dir, &create[..6], "long enough\n").0, 2);
    assert!(!run(&dir, &["admin", "list"], "").1.contains("Boss"));

    assert_eq!(run(&dir, &create, "long enough\n").0, 0);
    let (code, _, complained) = run(&dir, &create, "long enough\n");
    assert!(code == 1 && complained.contains("the name is taken"), "{code}: {complained}");
    let other = ["admin", "create", "--name", "Other", "--phone", "+998900000001", "--password-stdin"];
    let (code, _, complained) = run(&dir, &other, "long enough\n");
    assert!(code == 1 && complained.contains("phone"), "{code}: {complained}");
    assert!(!run(&dir, &["admin", "list"], "").1.contains("Other"));
}

#[test]
fn a_new_password_ends_every_session_beside_a_running_shop() {
    let shop = Shop::open();
    let sessions = [shop.customer("Zuhra"), shop.login("Zuhra", PASSWORD)];
    let other = shop.customer("Fotima");
    let reset = |name: &str, stdin: &str| {
        shop.run(&["admin", "reset-password", "--name", name, "--password-stdin"], stdin)
    };
    for stdin in ["", "short77\n"] {
        assert_eq!(reset("Zuhra", stdin).0, 2);
    }
    let (code, _, complained) = reset("zuhra", "brand new password\n");
    assert!(code == 1 && complained.contains("no such user"), "names count to the letter: {complained}");
    shop.call(&sessions[0], "GET", "/cart", &Value::Null).expect(200);

    let (code, said, complained) = reset("Zuhra", "brand new password\n");
    assert_eq!(code, 0, "{complained}");
    assert!(!said.contains("brand new password"), "{said}");
    for session in &sessions {
        // Another process has done it: the shop knows a second later.
        let look = || shop.call(session, "GET", "/cart", &Value::Null);
        let refused =
            eventually("the end of the session", || Some(look()).filter(|answer| answer.status != 200));
        refused.expect_error(401, "Could not validate credentials");
        shop.post("/auth/refresh", &json!({"refresh_token": session.refresh}))
            .expect_error(401, "Invalid refresh token");
    }
    let old = shop.post("/auth/login", &json!({"name": "Zuhra", "password": PASSWORD}));
    old.expect_error(401, "Incorrect name or password");
    let back = shop.login("Zuhra", "brand new password");
    shop.call(&back, "GET", "/cart", &Value::Null).expect(200);
    shop.call(&other, "GET", "/cart", &Value::Null).expect(200);
    let user = shop.post("/auth/login", &json!({"name": "Zuhra", "password": "brand new password"})).json();
    assert_eq!(user["user"]["is_admin"], false, "a new password makes nobody an admin");
}

#[test]
fn the_openapi_document_is_printed_and_is_the_one_that_is_served() {
    let shop = Shop::open();
    let (code, printed, errors) = shop.run(&["openapi"], "");
    assert_eq!((code, errors.as_str()), (0, ""));
    let document: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(
        (&document["info"]["version"], &document["info"]["title"]),
        (&json!("2.0.0"), &json!("Slippers Order System API"))
    );
    assert_eq!(shop.get("/openapi.json").expect(200).json(), document);
    let dir = folder();
    let broken = [("SECRET_KEY".to_owned(), "short".to_owned())];
    assert_eq!(run_in(dir.path(), &broken, &["openapi"], "").0, 0, "it needs no settings");
    assert_eq!(files(&dir), Vec::<String>::new());
}

#[test]
fn a_healthcheck_tells_the_living_from_the_dead() {
    let mut shop = Shop::open();
    let address = shop.address().to_string();
    let check = |shop: &Shop| shop.run(&["healthcheck", "--listen", &address], "");
    let (code, said, errors) = check(&shop);
    assert_eq!(code, 0, "{errors}");
    assert!(said.contains("alive"), "{said}");
    let everywhere = format!("0.0.0.0:{}", shop.address().port());
    let settings = [("SLIPPERS_LISTEN".to_owned(), everywhere)];
    assert_eq!(run_in(shop.data_dir(), &settings, &["healthcheck"], "").0, 0, "as the environment names it");
    assert_eq!(shop.terminate(), Some(0));
    let (code, said, errors) = check(&shop);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(errors.contains("no living shop"), "{errors}");
}
