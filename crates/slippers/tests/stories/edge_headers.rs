//! What every answer carries, and paths and methods that lead nowhere.

use std::io::Read as _;

use serde_json::{Value, json};

use crate::shop::{Answer, Shop, eventually};
use crate::wire;

const SITE: &str = "http://localhost:3000";
const SECURITY: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

#[test]
fn every_answer_is_guarded_timed_and_named() {
    let shop = Shop::open();
    let mut ids = Vec::new();
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/slippers/", 200),
        ("GET", "/slippers/abc", 422),
        ("GET", "/slippers/1", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/static/none.png", 404),
        ("DELETE", "/slippers/", 405),
        ("GET", "/cart", 401),
        ("POST", "/auth/refresh", 400),
        ("POST", "/auth/logout", 200),
        ("GET", "/health", 200),
        ("GET", "/openapi.json", 200),
        ("HEAD", "/slippers/", 200),
    ] {
        let answer = shop.send(method, path, &[], None).expect(status);
        for (name, value) in SECURITY {
            assert_eq!(answer.header_list(name).join(","), value, "{method} {path}: {name}");
        }
        assert_eq!(answer.header("content-security-policy"), None, "{method} {path}");
        let time =
            answer.header("x-process-time").unwrap_or_else(|| panic!("{method} {path}: no X-Process-Time"));
        let digits = time.strip_suffix('s').and_then(|time| time.split_once('.')).expect("seconds");
        assert!(
            digits.0.parse::<u32>().is_ok() && digits.1.len() == 3 && digits.1.parse::<u32>().is_ok(),
            "{time}"
        );
        let timing = answer.header("server-timing").expect("Server-Timing");
        let duration = timing.strip_prefix("app;dur=").unwrap_or_else(|| panic!("{timing}"));
        assert!(duration.parse::<f64>().is_ok_and(|ms| (0.0..60_000.0).contains(&ms)), "{timing}");
        assert!(answer.header("x-uptime").is_some_and(|up| up.parse::<u32>().is_ok()), "{method} {path}");
        assert_eq!(answer.header("set-cookie"), None, "{method} {path}");
        assert_eq!(answer.header("server"), None, "{method} {path}: it does not tell what it runs on");
        let id = answer.header("x-request-id").expect("an id").to_owned();
        if status >= 400 {
            let body = answer.json();
            assert_eq!(body["request_id"], id.as_str(), "{method} {path}");
            assert!(body["code"].is_string(), "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        }
        ids.push(id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 13, "each request has an id of its own");
    let own = shop.send("GET", "/", &[("x-request-id", "chosen by the client")], None);
    assert_ne!(own.header("x-request-id"), Some("chosen by the client"));
    eventually("the uptime counts seconds", || {
        let up: u32 = shop.get("/").header("x-uptime")?.parse().ok()?;
        (1..60).contains(&up).then_some(())
    });
}

#[test]
fn d47_a_fault_of_ours_is_told_without_its_cause() {
    let shop = Shop::open_with(&[("DEBUG", "true")]);
    let admin = shop.admin();
    let buyer = shop.customer("Nigora");
    // A table is taken away behind the program's back.
    shop.rows().run("ALTER TABLE categories RENAME TO hidden_away");
    let answers = [
        shop.send("GET", "/categories/", &[("origin", SITE)], None),
        shop.call(&admin, "POST", "/categories/", &json!({"name": "Men"})),
    ];
    for answer in answers {
        let answer = answer.expect(500);
        let body = answer.json();
        assert_eq!(body["detail"], "Internal server error");
        assert_eq!(body["message"], "Something went wrong");
        assert_eq!(body["request_id"], answer.header("x-request-id").expect("an id"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        for word in ["categories", "hidden_away", "SQL", "sqlite", "no such table", "relation", "src/", ".rs"]
        {
            assert!(!answer.text().contains(word), "{word}: {}", answer.text());
        }
        assert_eq!(answer.header("connection"), None, "the connection stays");
    }
    let seen = shop.send("GET", "/categories/", &[("origin", SITE)], None);
    assert_eq!(seen.header("access-control-allow-origin"), Some(SITE), "a page can read what went wrong");
    shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200);
    shop.rows().run("ALTER TABLE hidden_away RENAME TO categories");
    assert_eq!(shop.get("/categories/").expect(200).text(), "[]", "as before, without a restart");
    shop.category(&admin, "Men");
}

#[test]
fn g65_a_large_answer_is_packed_for_who_unpacks() {
    let shop = Shop::open();
    let admin = shop.admin();
    let small = shop.send("GET", "/slippers/", &[("accept-encoding", "gzip")], None).expect(200);
    assert_eq!((small.header("content-encoding"), small.header("x-compress-hint")), (None, None));
    for n in 0..12 {
        shop.product(&admin, &format!("Тапочки {n}"), &json!(10), 5);
    }
    let plain = shop.get("/slippers/").expect(200);
    assert!(plain.body.len() > 1024);
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("x-compress-hint"), Some("true"));
    assert_eq!(plain.header("content-length"), Some(plain.body.len().to_string().as_str()));
    for accepted in ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "*", "GZIP"] {
        let packed = shop.send("GET", "/slippers/", &[("accept-encoding", accepted)], None).expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{accepted}");
        assert!(packed.header_list("vary").contains(&"Accept-Encoding"), "{accepted}");
        assert_eq!(packed.header("content-type"), Some("application/json"), "{accepted}");
        assert!(packed.body.len() < plain.body.len(), "{accepted}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body, "{accepted}");
    }
    for refused in ["identity", "br", "gzip;q=0", "deflate", ""] {
        let answer = shop.send("GET", "/slippers/", &[("accept-encoding", refused)], None).expect(200);
        assert_eq!(answer.header("content-encoding"), None, "{refused:?}");
        assert_eq!(answer.body, plain.body, "{refused:?}");
    }
}

#[test]
fn head_is_get_without_its_body() {
    let shop = Shop::open();
    let admin = shop.admin();
    for n in 0..12 {
        shop.product(&admin, &format!("Mu {n}"), &json!(10), 5);
    }
    let bearer = format!("Bearer {}", admin.access);
    let changing = [
        "date",
        "x-request-id",
        "x-process-time",
        "server-timing",
        "x-uptime",
        "x-ratelimit-remaining",
        "ratelimit",
    ];
    for path in [
        "/",
        "/health",
        "/health/live",
        "/health/ready",
        "/slippers/",
        "/slippers/1",
        "/slippers/99",
        "/slippers/abc",
        "/slippers/1/images",
        "/categories",
        "/cart",
        "/cart/total",
        "/orders/",
        "/admin/db-pool-status",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/nowhere",
        "/static/none.png",
    ] {
        for coding in ["identity", "gzip"] {
            let headers = [("authorization", bearer.as_str()), ("accept-encoding", coding), ("origin", SITE)];
            let get = wire::send(&shop, "GET", path, &headers, b"");
            let head = wire::send(&shop, "HEAD", path, &headers, b"");
            assert_eq!(head.status, get.status, "{path}");
            let kept = |answer: &Answer| -> Vec<(String, String)> {
                let mut kept = answer.headers.clone();
                // An error's body holds its id, and the pool's its figures of the moment: each may be a digit longer than before.
                let is_of_now = answer.status >= 400 || path == "/admin/db-pool-status";
                let varies = |name: &str| is_of_now && name == "content-length";
                kept.retain(|(name, _)| !changing.contains(&name.as_str()) && !varies(name));
                kept.sort_unstable();
                kept
            };
            assert_eq!(kept(&head), kept(&get), "{path} {coding}");
        }
    }
    let mut line = wire::Line::open(&shop);
    line.say(b"HEAD / HTTP/1.1\r\nHost: shop\r\n\r\nGET /health/live HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
    assert!(line.hear_head().is_some_and(|head| head.header("content-length") != Some("0")));
    assert_eq!(
        line.hear().expect("the next answer").json(),
        json!({"status": "ok"}),
        "no body lies in between"
    );
    for path in ["/auth/login", "/cart/items", "/orders/from-cart", "/cart/clear"] {
        assert_eq!(shop.send("HEAD", path, &[], None).status, 405, "{path}");
    }
}
