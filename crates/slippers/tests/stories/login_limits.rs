//! How often a password may be tried.

use serde_json::json;

use crate::program::run_in;
use crate::shop::{Answer, PASSWORD, Shop};

const REFUSED: &str = "Too many login attempts. Please try again later.";

/// Three attempts a name and address, behind a proxy that names the client.
fn shop_of_three(settings: &[(&str, &str)]) -> Shop {
    let own =
        [("LOGIN_RATE_LIMIT", "3"), ("LOGIN_RATE_WINDOW_SEC", "300"), ("TRUSTED_PROXIES", "127.0.0.0/8")];
    let all: Vec<_> = own.iter().chain(settings).copied().collect();
    Shop::open_with(&all)
}

fn login_from(shop: &Shop, address: &str, name: &str, password: &str) -> Answer {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    let body = json!({"name": name, "password": password}).to_string();
    shop.send("POST", "/auth/login", &headers, Some(body.as_bytes()))
}

#[test]
fn b14_a_name_is_tried_so_many_times_whether_or_not_somebody_has_it() {
    let shop = shop_of_three(&[]);
    shop.customer("Karim");
    for (name, address) in [("Karim", "203.0.113.1"), ("Nobody", "203.0.113.2")] {
        for _ in 0..3 {
            login_from(&shop, address, name, "not the password")
                .expect_error(401, "Incorrect name or password");
        }
        for _ in 0..2 {
            let refused = login_from(&shop, address, name, PASSWORD);
            let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("whole seconds");
            assert!((1..=100).contains(&wait), "{wait}");
            assert_eq!(refused.header("authorization"), None);
            assert_eq!(refused.json()["code"], "login_rate_limited");
            refused.expect_error(429, REFUSED);
        }
    }
    // Neither another name there nor the same name elsewhere pays for it.
    login_from(&shop, "203.0.113.1", "karim", PASSWORD).expect(401);
    login_from(&shop, "203.0.113.3", "Karim", PASSWORD).expect(200);
}

#[test]
fn successes_count_and_invalid_bodies_do_not() {
    let shop = shop_of_three(&[]);
    shop.customer("Karim");
    let json_type = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.1")];
    for body in ["{\"name\": \"Karim\"}", "{\"name\": \"Karim\", \"password\": 7}", "[]", "{"] {
        for _ in 0..4 {
            shop.send("POST", "/auth/login", &json_type, Some(body.as_bytes())).expect(422);
        }
    }
    for path in ["/auth/login", "/auth/login/", "/auth/login"] {
        let body = json!({"name": "Karim", "password": PASSWORD}).to_string();
        shop.send("POST", path, &json_type, Some(body.as_bytes())).expect(200);
    }
    login_from(&shop, "203.0.113.1", "Karim", PASSWORD).expect_error(429, REFUSED);
    // Nothing else is shut.
    shop.get("/slippers/").expect(200);
    shop.customer("Lola");
}

#[test]
fn b15_nobody_forges_another_address_and_a_token_opens_nothing() {
    let shop = Shop::open_with(&[("LOGIN_RATE_LIMIT", "3")]);
    let karim = shop.customer("Karim");
    let statuses: Vec<u16> =
        (0..5).map(|n| login_from(&shop, &format!("203.0.113.{n}"), "Karim", "wrong one").status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let with_token =
        shop.call(&karim, "POST", "/auth/login", &json!({"name": "Karim", "password": PASSWORD}));
    with_token.expect(429);
}

#[test]
fn a_name_from_everywhere_has_twenty_times_that() {
    let shop = shop_of_three(&[("LOGIN_RATE_LIMIT", "1"), ("LOGIN_RATE_WINDOW_SEC", "86400")]);
    let passed = (0..25)
        .filter(|n| login_from(&shop, &format!("203.0.113.{n}"), "Karim", "wrong one").status == 401)
        .count();
    assert_eq!(passed, 20);
}

#[test]
fn an_address_has_two_hundred_times_that_unless_it_is_trusted() {
    // A day, so that nothing is refilled while the story lasts.
    let settings = [
        ("LOGIN_RATE_LIMIT", "1"),
        ("LOGIN_RATE_WINDOW_SEC", "86400"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("TRUSTED_CALLERS", "203.0.113.0/25"),
    ];
    let shop = Shop::open_with(&settings);
    let tries = |address: &str| {
        (0..202).filter(|n| login_from(&shop, address, &format!("Name {n}"), "").status == 401).count()
    };
    assert_eq!((tries("203.0.113.200"), tries("203.0.113.7")), (200, 202));
}

#[test]
fn settings_that_are_wrong_are_told() {
    let shop = Shop::open();
    for (name, value) in
        [("LOGIN_RATE_LIMIT", "0"), ("LOGIN_RATE_WINDOW_SEC", "soon"), ("TRUSTED_CALLERS", "10.0.0.0/99")]
    {
        let settings = [(name.to_owned(), value.to_owned())];
        let (code, _, errors) = run_in(shop.data_dir(), &settings, &["config", "check"], "");
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains(name), "{errors}");
    }
}
