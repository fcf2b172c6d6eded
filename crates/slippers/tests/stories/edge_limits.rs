//! The global limit: how often somebody may ask, and who counts as one.

use serde_json::{Value, json};

use crate::program::run_in;
use crate::shop::{Answer, Shop, eventually};

/// Five requests an hour: nothing comes back while a story runs.
const FIVE: [(&str, &str); 2] = [("RATE_LIMIT_REQUESTS", "5"), ("RATE_LIMIT_WINDOW_SEC", "3600")];

fn shop_of_five(more: &[(&str, &str)]) -> Shop {
    Shop::open_with(&[&FIVE[..], more].concat())
}

fn number(answer: &Answer, name: &str) -> u64 {
    let value = answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    value.parse().unwrap_or_else(|_| panic!("{name}: {value}"))
}

/// How many requests pass with these headers, of eight.
fn passing(shop: &Shop, headers: &[(&str, &str)]) -> usize {
    (0..8).filter(|_| shop.send("GET", "/slippers/", headers, None).status == 200).count()
}

#[test]
fn the_sixth_of_five_is_told_when_to_come_again() {
    let shop = shop_of_five(&[]);
    for left in (0..5).rev() {
        let answer = shop.get("/slippers/").expect(200);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 5);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        let reset = number(&answer, "x-ratelimit-reset");
        // Until the next one passes: at once, or after a fifth of the window.
        assert!(if left > 0 { reset == 0 } else { (1..=720).contains(&reset) }, "{left}: {reset}");
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.header("ratelimit"), Some(format!("\"default\";r={left};t={reset}").as_str()));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"default\";q=5;w=3600"));
    }
    for path in ["/slippers/", "/", "/nowhere", "/cart", "/auth/login"] {
        let refused = shop.send("GET", path, &[("origin", "http://localhost:3000")], None);
        assert_eq!((refused.status, refused.detail().as_str()), (429, "Too many requests"), "{path}");
        assert_eq!(number(&refused, "x-ratelimit-limit"), 5);
        assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
        let wait = number(&refused, "retry-after");
        assert!((700..=720).contains(&wait), "refused ones are not counted: {wait}");
        assert_eq!(number(&refused, "x-ratelimit-reset"), wait);
        assert_eq!(refused.header("ratelimit"), Some(format!("\"default\";r=0;t={wait}").as_str()), "{path}");
        assert_eq!(refused.header("ratelimit-policy"), Some("\"default\";q=5;w=3600"), "{path}");
        for name in ["x-content-type-options", "x-frame-options", "x-xss-protection", "referrer-policy"] {
            assert_eq!(refused.header(name), None, "{name}");
        }
        for name in ["x-process-time", "x-uptime", "x-request-id"] {
            assert!(refused.header(name).is_some(), "{name}");
        }
        assert_eq!(refused.header("access-control-allow-origin"), Some("http://localhost:3000"));
        assert_eq!(refused.header("content-type"), Some("application/json"));
    }
    // It is refused before anything is read of it.
    shop.post("/auth/login", &json!({"name": "x", "password": "y"})).expect(429);
    shop.send("HEAD", "/slippers/", &[], None).expect(429);
}

#[test]
fn a_trusted_caller_has_a_limit_of_its_own() {
    let shop = shop_of_five(&[
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("TRUSTED_CALLERS", "203.0.113.0/25"),
        ("TRUSTED_CALLERS_RATE_LIMIT", "7"),
    ]);
    let lola = shop.customer("Lola");
    let from = |address: &str| passing(&shop, &[("x-forwarded-for", address)]);
    assert_eq!((from("203.0.113.200"), from("203.0.113.7"), from("203.0.113.8")), (5, 7, 7));
    // Kept pages and others tell it alike, and Lola's own limit is hers from anywhere.
    for path in ["/slippers/", "/cart"] {
        let refused = shop.send("GET", path, &[("x-forwarded-for", "203.0.113.7")], None).expect(429);
        assert_eq!(number(&refused, "x-ratelimit-limit"), 7);
    }
    let fresh = shop.send("GET", "/slippers/", &[("x-forwarded-for", "203.0.113.9")], None).expect(200);
    assert_eq!((number(&fresh, "x-ratelimit-limit"), number(&fresh, "x-ratelimit-remaining")), (7, 6));
    assert_eq!(fresh.header("ratelimit-policy"), Some("\"default\";q=7;w=3600"));
    let probed = shop.send("GET", "/health", &[("x-forwarded-for", "203.0.113.9")], None).expect(200);
    assert_eq!((number(&probed, "x-ratelimit-limit"), number(&probed, "x-ratelimit-remaining")), (7, 6));
    let bearer = format!("Bearer {}", lola.access);
    let headers = [("x-forwarded-for", "203.0.113.7"), ("authorization", bearer.as_str())];
    assert_eq!(passing(&shop, &headers), 5);
    let unsaid = shop_of_five(&[("TRUSTED_CALLERS", "127.0.0.1")]).get("/slippers/").expect(200);
    assert_eq!(number(&unsaid, "x-ratelimit-limit"), 100, "twenty times that of others");
}

#[test]
fn every_kind_of_answer_counts() {
    let shop = shop_of_five(&[]);
    shop.get("/nowhere").expect(404);
    shop.get("/slippers/abc").expect(422);
    shop.get("/cart").expect(401);
    shop.send("DELETE", "/slippers/", &[], None).expect(405);
    let last = shop.send("HEAD", "/slippers/", &[], None).expect(200);
    assert_eq!(number(&last, "x-ratelimit-remaining"), 0);
    shop.get("/").expect(429);
}

#[test]
fn what_is_left_comes_back_a_piece_at_a_time() {
    // A piece in two seconds: a busy machine asks in time to see that there is one, not two.
    let shop = Shop::open_with(&[("RATE_LIMIT_REQUESTS", "2"), ("RATE_LIMIT_WINDOW_SEC", "4")]);
    let refused = eventually("both are used up", || {
        let answer = shop.get("/");
        (answer.status == 429).then_some(answer)
    });
    assert!((1..=2).contains(&number(&refused, "retry-after")), "{refused:?}");
    let passed = eventually("one passes again, however often it was refused", || {
        let answer = shop.get("/");
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(number(&passed, "x-ratelimit-remaining"), 0, "one, not the whole window");
}

#[test]
fn g64_a_limit_above_a_hundred_holds_too() {
    let shop = Shop::open_with(&[("RATE_LIMIT_REQUESTS", "150"), ("RATE_LIMIT_WINDOW_SEC", "86400")]);
    let statuses: Vec<u16> = (0..200).map(|_| shop.get("/").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 50);
    assert!(statuses[..150].iter().all(|status| *status != 429));
}

#[test]
fn probes_files_documents_and_preflights_are_never_counted() {
    let shop = shop_of_five(&[]);
    let preflight = [("origin", "http://localhost:3000"), ("access-control-request-method", "GET")];
    for round in 0..3 {
        for path in [
            "/static/images/none.png",
            "/static/",
            "/static",
            "/docs",
            "/redoc",
            "/openapi.json",
            "/favicon.ico",
        ] {
            let answer = shop.get(path);
            assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.status);
            for name in [
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "x-ratelimit-reset",
                "ratelimit",
                "ratelimit-policy",
            ] {
                assert_eq!(answer.header(name), None, "{path}: {name}");
            }
        }
        for path in ["/health", "/health/", "/health/live", "/health/ready"] {
            let answer = shop.get(path).expect(200);
            assert_eq!(number(&answer, "x-ratelimit-limit"), 5, "{path}");
            assert_eq!(number(&answer, "x-ratelimit-remaining"), 5, "{path}, round {round}");
        }
        for headers in [&preflight[..], &[]] {
            let answer = shop.send("OPTIONS", "/slippers/", headers, None).expect(200);
            assert_eq!(answer.header("x-ratelimit-limit"), None);
        }
    }
    assert_eq!(passing(&shop, &[]), 5, "nothing of this was counted");
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(
            number(&shop.get(path).expect(200), "x-ratelimit-remaining"),
            0,
            "{path} is never refused"
        );
    }
    shop.get("/docs").expect(200);
    shop.send("OPTIONS", "/slippers/", &preflight, None).expect(200);
    shop.get("/healthy").expect(429);
}

#[test]
fn other_paths_can_be_left_out_of_the_count() {
    let shop = shop_of_five(&[("RATE_LIMIT_EXCLUDE_PATHS", "/slippers/")]);
    assert_eq!(passing(&shop, &[]), 8);
    assert_eq!(shop.get("/slippers/").header("x-ratelimit-limit"), None);
    assert_eq!(number(&shop.get("/slippers"), "x-ratelimit-remaining"), 4, "to the letter");
    assert_eq!(number(&shop.get("/slippers/1"), "x-ratelimit-remaining"), 3, "to the letter");
    assert_eq!(number(&shop.get("/docs"), "x-ratelimit-remaining"), 2, "the list is replaced");
    assert_eq!(shop.get("/static/x").header("x-ratelimit-limit"), None, "files never are");
}

#[test]
fn who_is_signed_in_counts_for_themselves() {
    let shop = shop_of_five(&[]);
    let (one, other) = (shop.customer("Nigora"), shop.customer("Sherzod"));
    let again = shop.login("Nigora", crate::shop::PASSWORD);
    // Three of the address are used; the users' own are whole.
    for left in (0..5).rev() {
        let answer = shop.call(&one, "GET", "/cart", &Value::Null).expect(200);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
    }
    shop.call(&one, "GET", "/cart", &Value::Null).expect_error(429, "Too many requests");
    shop.call(&again, "GET", "/cart", &Value::Null).expect(429);
    shop.call(&other, "GET", "/cart", &Value::Null).expect(200);
    let bearer = format!("bearer {}", one.access);
    let spellings = [("authorization", bearer.as_str()), ("authorization", one.access.as_str())];
    for (name, value) in spellings {
        assert_eq!(shop.send("GET", "/cart", &[(name, value)], None).status, 429, "{value}");
    }
    // A token that is none counts as the address, however it changes.
    let forged: Vec<String> = (0..4).map(|n| format!("Bearer {}{n}", one.access)).collect();
    let passed = forged
        .iter()
        .filter(|value| shop.send("GET", "/cart", &[("authorization", value)], None).status == 401);
    assert_eq!(passed.count(), 2);
    shop.get("/").expect(429);
    shop.call(&other, "GET", "/cart", &Value::Null).expect(200);
}

#[test]
fn b15_nobody_invents_an_address() {
    let shop = shop_of_five(&[]);
    let mut passed = 0;
    for n in 0..4 {
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"] {
            let value = if name == "forwarded" { format!("for=10.0.0.{n}") } else { format!("10.0.0.{n}") };
            passed += usize::from(shop.send("GET", "/", &[(name, &value)], None).status == 200);
        }
    }
    assert_eq!(passed, 5, "all of them are one client");
    let off = shop_of_five(&[("TRUSTED_PROXIES", "127.0.0.1"), ("TRUST_PROXY", "false")]);
    assert_eq!(passing(&off, &[("x-forwarded-for", "10.0.0.1")]), 5);
    assert_eq!(passing(&off, &[("x-forwarded-for", "10.0.0.2")]), 0);
}

#[test]
fn b15_a_trusted_proxy_names_the_client_from_the_right() {
    let shop = shop_of_five(&[("TRUSTED_PROXIES", "127.0.0.0/8, 10.1.0.0/16")]);
    for (value, passes) in [
        ("203.0.113.1", 5),
        // What a client wrote itself stands on the left and changes nothing.
        ("6.6.6.6, 203.0.113.1", 0),
        ("6.6.6.7, 127.0.0.1, 203.0.113.1", 0),
        ("203.0.113.1, 10.1.2.3, 127.0.0.1", 0),
        ("::ffff:203.0.113.1", 0),
        ("203.0.113.1:4711", 0),
        ("203.0.113.2", 5),
        // A /64 is one client.
        ("2001:db8:1:2::1", 5),
        ("2001:db8:1:2:ffff::9", 0),
        ("[2001:db8:1:2::7]:443", 0),
        ("2001:db8:1:3::1", 5),
        // Something that is no address: the proxy itself is meant.
        ("unknown", 5),
        ("203.0.113.9, nonsense", 0),
        ("", 0),
    ] {
        assert_eq!(passing(&shop, &[("x-forwarded-for", value)]), passes, "{value:?}");
    }
    let lines = [("x-forwarded-for", "6.6.6.8"), ("x-forwarded-for", "203.0.113.2")];
    assert_eq!(passing(&shop, &lines), 0, "two lines are one list");
    assert_eq!(passing(&shop, &[("x-forwarded-for", "203.0.113.77"), ("x-real-ip", "6.6.6.9")]), 5);
}

#[test]
fn proxies_are_not_trusted_without_being_named() {
    let shop = Shop::open();
    for (settings, word) in [
        (&[("TRUST_PROXY", "true")][..], "TRUSTED_PROXIES"),
        (&[("TRUSTED_PROXIES", "10.0.0.0/99")], "TRUSTED_PROXIES"),
        (&[("RATE_LIMIT_REQUESTS", "0")], "RATE_LIMIT_REQUESTS"),
        (&[("RATE_LIMIT_WINDOW_SEC", "soon")], "RATE_LIMIT_WINDOW_SEC"),
    ] {
        let settings: Vec<_> = settings.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let (code, _, errors) = run_in(shop.data_dir(), &settings, &["serve", "--listen", "127.0.0.1:0"], "");
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(word), "{errors}");
    }
}
