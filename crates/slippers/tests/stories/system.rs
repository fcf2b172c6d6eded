//! `/`, `/health`, `/admin` and the documents of the API.

use serde_json::{Value, json};

use crate::shop::{Shop, keys};

#[test]
fn the_root_tells_what_this_is() {
    let shop = Shop::open();
    let answer = shop.get("/").expect(200);
    assert_eq!(
        answer.text(),
        r#"{"message":"🥿 Slippers Order System API","version":"2.0.0","docs":"/docs","status":"operational"}"#
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[test]
fn a8_health_is_what_the_database_says_and_comes_back_with_it() {
    let shop = Shop::open();
    let healthy = shop.get("/health").expect(200).json();
    assert_eq!(keys(&healthy), ["status", "timestamp", "version", "database", "cache"]);
    let timestamp = healthy["timestamp"].as_str().expect("a text").to_owned();
    assert!(is_naive_utc(&timestamp), "{timestamp}");
    assert_eq!(
        healthy,
        json!({"status": "healthy", "timestamp": timestamp, "version": "2.0.0", "database": true, "cache": true})
    );
    shop.get("/health/ready").expect(200);
    shop.get("/health/live").expect(200);

    // A table that the probe reads is taken away behind the program's back.
    shop.rows().run("ALTER TABLE schema_migrations RENAME TO hidden");
    let broken = shop.get("/health").expect(503).json();
    assert_eq!(keys(&broken), keys(&healthy), "the shape stays");
    assert_eq!((&broken["database"], &broken["version"]), (&json!(false), &json!("2.0.0")));
    assert_ne!(broken["status"], "healthy");
    let ready = shop.get("/health/ready").expect(503);
    assert!(!ready.text().contains("schema_migrations"), "the cause stays inside: {}", ready.text());
    assert!(!broken.to_string().contains("schema_migrations"), "the cause stays inside: {broken}");
    shop.get("/health/live").expect(200);

    shop.rows().run("ALTER TABLE hidden RENAME TO schema_migrations");
    shop.get("/health").expect(200);
    shop.get("/health/ready").expect(200);
}

/// `2026-11-23T07:09:04.788922`
fn is_naive_utc(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    shape == "9999-99-99T99:99:99.999999"
}

#[test]
fn only_an_admin_sees_the_pool() {
    let shop = Shop::open();
    let admin = shop.admin();
    let path = "/admin/db-pool-status";
    let stranger = shop.get(path).expect_error(401, "Could not validate credentials");
    assert_eq!(stranger.header("www-authenticate"), Some("Bearer"));
    let buyer = shop.customer("Nigora");
    shop.call(&buyer, "GET", path, &Value::Null)
        .expect_error(403, "Admin access required. You don't have permission to access this resource.");

    let pool = shop.call(&admin, "GET", path, &Value::Null).expect(200).json();
    let numbers = [
        "pool_size",
        "checked_in_connections",
        "checked_out_connections",
        "overflow",
        "total_connections",
        "max_overflow",
        "pool_timeout",
    ];
    let mut shown = keys(&pool);
    // They stand behind what the legacy told.
    shown.retain(|key| !(shop.rows().has_replicas() && *key == "replicas"));
    assert_eq!(shown, [&numbers[..], &["status"]].concat());
    let number = |key: &str| pool[key].as_i64().unwrap_or_else(|| panic!("{key} is no number: {pool}"));
    assert!(numbers.iter().all(|key| *key == "overflow" || number(key) >= 0), "{pool}");
    assert_eq!(
        number("total_connections"),
        number("checked_in_connections") + number("checked_out_connections")
    );
    assert_eq!(number("overflow"), number("total_connections") - number("pool_size"));
    assert_eq!(pool["status"], "healthy");
}

#[test]
fn the_openapi_document_names_every_path() {
    let shop = Shop::open();
    let answer = shop.get("/openapi.json").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-ratelimit-limit"), None, "it is never limited");
    let document = answer.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{document}");
    assert_eq!(document["info"]["title"], "Slippers Order System API");
    assert_eq!(document["info"]["version"], "2.0.0");
    for (path, methods) in [
        ("/", &["get"][..]),
        ("/health", &["get"]),
        ("/admin/db-pool-status", &["get"]),
        ("/auth/register", &["post"]),
        ("/auth/login", &["post"]),
        ("/auth/refresh", &["post"]),
        ("/auth/logout", &["post"]),
        ("/categories/", &["get", "post"]),
        ("/categories/{category_id}", &["get", "put", "delete"]),
        ("/slippers/", &["get", "post"]),
        ("/slippers/{slipper_id}", &["get", "put", "delete"]),
        ("/slippers/{slipper_id}/images", &["get"]),
        ("/cart", &["get"]),
        ("/cart/total", &["get"]),
        ("/cart/items", &["post"]),
        ("/cart/items/{cart_item_id}", &["put", "delete"]),
        ("/cart/clear", &["delete"]),
        ("/orders/", &["get"]),
        ("/orders/from-cart", &["post"]),
        ("/orders/{order_id}", &["get", "put", "delete"]),
    ] {
        for method in methods {
            assert!(document["paths"][path][method].is_object(), "{method} {path} is not in the document");
        }
    }
    let (code, printed, errors) = shop.run(&["openapi"], "");
    assert_eq!(code, 0, "{errors}");
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(printed, document, "the command prints what is served");
}

#[test]
fn g66_the_documents_for_people_load_nothing_from_elsewhere() {
    let shop = Shop::open();
    for path in ["/docs", "/docs/", "/redoc", "/redoc/"] {
        let page = shop.get(path).expect(200);
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
        assert_eq!(page.header("content-security-policy"), None, "{path}");
        let html = page.text();
        assert!(html.contains("Slippers"), "{path}");
        for loading in ["src=\"http", "src=\"//", "href=\"//", "href=\"http", "url(http", "@import"] {
            assert!(!html.contains(loading), "{path} loads from elsewhere: {loading}");
        }
        assert_eq!(shop.send("HEAD", path, &[], None).expect(200).body, b"", "{path}");
        shop.send("POST", path, &[], None).expect_error(405, "Method Not Allowed");
    }
    for path in ["/docs", "/redoc", "/openapi.json"] {
        assert_eq!(shop.get(path).header("x-ratelimit-limit"), None, "{path} is never limited");
    }
    assert!(shop.get("/redoc").text().contains("/orders/from-cart"), "it can be read without JavaScript");
    let page = shop.get("/docs").text();
    let files: Vec<&str> = page.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(!files.is_empty(), "{page}");
    for file in files {
        assert!(!shop.get(&format!("/docs/{file}")).expect(200).body.is_empty(), "{file}");
    }
    shop.get("/docs/../Cargo.toml").expect(404);
    shop.get("/docs/nothing.js").expect_error(404, "Not Found");
}
