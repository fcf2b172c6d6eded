//! What went wrong in the old shop and must not here. A story of an entry of the list of its defects has the entry's
//! letter and number at the head of its name, wherever it lives; here are those that belong to no feature alone.
//! `tests/house.rs` holds that none is missing.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crowd::at_once;
use crate::memory;
use crate::program::{run_in, successors};
use crate::scene::Scene;
use crate::shop::{Caller, PASSWORD, Shop, eventually};
use crate::tokens::{assert_about, claim, now};
use crate::wire::send_json;

#[test]
fn a1_the_program_as_it_is_built_starts_in_an_empty_folder() {
    let shop = Shop::open();
    shop.get("/slippers/").expect(200);
    shop.get("/health").expect(200);
}

#[test]
fn a2_many_that_start_at_once_on_nothing_make_one_shop() {
    let dir = TempDir::new().expect("a folder");
    let ends = at_once(6, |_| run_in(dir.path(), &[], &["migrate", "up"], ""));
    for (code, _, errors) in ends {
        assert_eq!(code, 0, "{errors}");
    }
    let shop = Shop::open_in(dir, &[]);
    shop.customer("First");
}

#[test]
fn a3_no_number_of_requests_ends_the_service() {
    let shop = Shop::open_with(&[
        ("LIMIT_MAX_REQUESTS", "60"),
        ("WORKERS", "2"),
        ("SLIPPERS_LOG", "warn,slippers=info"),
    ]);
    for _ in 0..300 {
        shop.get("/health/live").expect(200);
    }
    eventually("a fresh process has followed", || successors(&shop.said()).first().copied());
    shop.get("/slippers/").expect(200);
    shop.get("/health").expect(200);
}

#[test]
fn a5_the_cap_of_a_session_knows_no_time_zone() {
    for zone in ["Asia/Tashkent", "America/Los_Angeles"] {
        let shop = Shop::open_with(&[("TZ", zone)]);
        let first = shop.customer("Farhod");
        assert_about(claim(&first.access, "sess_exp"), now() + 8 * 3600);
        let answer = shop.post("/auth/refresh", &json!({"refresh_token": first.refresh}));
        let next = Caller::from_answer("Farhod", &answer);
        for token in [&next.access, &next.refresh] {
            assert!(claim(token, "exp") > now(), "{zone}: nobody is thrown out");
            assert_eq!(claim(token, "sess_exp"), claim(&first.access, "sess_exp"), "{zone}");
        }
        shop.call(&next, "GET", "/cart", &Value::Null).expect(200);
    }
}

#[test]
fn a6_a_shop_is_filled_by_one_command_and_has_no_admin_that_nobody_made() {
    let shop = Shop::open();
    let (code, _, errors) = shop.run(&["seed", "--products", "20"], "");
    assert_eq!(code, 0, "{errors}");
    // Another process has made them.
    let page = eventually("the seed is shown", || {
        let page = shop.get("/slippers/").expect(200).json();
        (page["total"] == 20).then_some(page)
    });
    for product in page["items"].as_array().expect("products") {
        shop.get(product["image"].as_str().expect("a picture")).expect(200);
    }
    for (name, password) in [("Admin", "admin123"), ("admin", "admin123"), ("Admin", "admin")] {
        shop.post("/auth/login", &json!({"name": name, "password": password})).expect(401);
    }
    let (code, admins, _) = shop.run(&["admin", "list"], "");
    assert!(code == 0 && !admins.contains('+'), "{admins}");
}

#[test]
fn a7_a_burst_waits_for_a_connection_and_opens_no_more_of_them() {
    let shop = Shop::open();
    let admin = shop.admin();
    shop.product(&admin, "Mu", &json!(10), 5);
    let pool = || {
        let pool = shop.call(&admin, "GET", "/admin/db-pool-status", &Value::Null).expect(200).json();
        pool["total_connections"].as_i64().expect("a number")
    };
    let before = pool();
    let statuses = at_once(150, |number| {
        let path = format!("/slippers/?limit=100&skip={}", number % 3);
        (0..4).map(|_| shop.get(&path).status).collect::<Vec<_>>()
    });
    assert!(statuses.iter().flatten().all(|status| *status == 200), "{statuses:?}");
    assert!(before <= 50 && pool() <= 50, "{before} connections, then {}", pool());
}

#[test]
fn b12_no_answer_shows_what_is_stored_of_a_password() {
    let mut scene = Scene::open();
    scene.prepare("{user_id}");
    let user = format!("/users/{}", scene.value("user_id"));
    for (method, path, body) in [
        ("GET", "/users/", ""),
        ("GET", user.as_str(), ""),
        ("PUT", user.as_str(), r#"{"surname":"Changed","password_hash":"mine"}"#),
        ("GET", "/users/me", ""),
        ("PUT", "/users/me", r#"{"surname":"Changed","password_hash":"mine"}"#),
        ("GET", "/orders/", ""),
        ("GET", "/admin/audit/", ""),
        ("POST", "/auth/login", r#"{"name":"Customer","password":"slippers-are-soft"}"#),
    ] {
        let text = scene.send(3, method, path, body).expect(200).text();
        for word in ["password", "argon2", "$2b$", PASSWORD, "mine"] {
            assert!(!text.contains(word), "{method} {path} shows {word}: {text}");
        }
    }
}

#[test]
fn c26_the_total_of_an_order_is_that_of_its_own_lines() {
    let shop = Shop::open();
    let admin = shop.admin();
    let dear = shop.product(&admin, "Dear", &json!(5000), 10);
    let cheap = shop.product(&admin, "Cheap", &json!(1), 10);
    let buyer = shop.customer("Dilnoza");
    shop.put_in_cart(&buyer, dear, 3);
    let placed =
        shop.call(&buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null).expect(200).json();
    let path = format!("/orders/{}", placed["order_id"].as_str().expect("a number"));
    shop.put_in_cart(&buyer, cheap, 1);
    shop.call(&admin, "PUT", &format!("/slippers/{dear}"), &json!({"price": 2})).expect(200);
    shop.call(&buyer, "PUT", &path, &json!({"notes": "later"})).expect(200);
    let kept = shop.call(&buyer, "GET", &path, &Value::Null).expect(200).json();
    assert_eq!(kept["total_amount"].to_string(), "15000.0");
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(kept["items"][0]["total_price"].to_string(), "15000.0");
}

#[test]
fn c35_no_number_breaks_the_list() {
    let shop = Shop::open();
    let admin = shop.admin();
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    let before = shop.get("/slippers/").expect(200).text();
    for (field, literal) in [
        ("price", "Infinity"),
        ("price", "-Infinity"),
        ("price", "NaN"),
        ("price", "1e300"),
        ("price", "1e400"),
        ("price", "\"Infinity\""),
        ("quantity", "2147483648"),
        ("quantity", "1e300"),
        ("quantity", "-1"),
        ("category_id", "9223372036854775808"),
    ] {
        for (method, path) in [("POST", "/slippers/".to_owned()), ("PUT", format!("/slippers/{id}"))] {
            let rest = [("price", "1"), ("quantity", "1")].into_iter().filter(|(name, _)| *name != field);
            let rest: String = rest.map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
            let body = format!(r#"{{"name":"Mu","size":"39","{field}":{literal}{rest}}}"#);
            let answer = send_json(&shop, Some(&admin), method, &path, body.as_bytes());
            assert!([404, 422].contains(&answer.status), "{method} {body}: {}", answer.status);
            assert_eq!(shop.get("/slippers/").expect(200).text(), before, "{method} {body}");
        }
    }
}

#[test]
fn d46_what_the_old_catalogue_fell_over_is_told_plainly() {
    let scene = Scene::open();
    let [men, women] = ["Men", "Women"].map(|name| scene.shop.category(scene.admin(), name));
    let (one, shelf) = (format!("/slippers/{}", scene.value("slipper_id")), format!("/categories/{men}"));
    let other = format!("/categories/{women}");
    let before = scene.everything();
    for (method, path, body, status) in [
        ("POST", "/categories/", r#"{"name":"Men"}"#, 409),
        ("PUT", &other, r#"{"name":"Men"}"#, 409),
        ("POST", "/categories/", r#"{"name":null}"#, 422),
        ("PUT", &shelf, r#"{"name":null}"#, 422),
        ("PUT", &one, r#"{"name":null}"#, 422),
        ("PUT", &one, r#"{"price":null}"#, 422),
        ("PUT", &one, r#"{"category_id":999}"#, 404),
        ("PUT", &one, r#"{"category_id":0}"#, 404),
        ("PUT", &one, r#"{"category_id":2147483648}"#, 404),
        ("POST", "/slippers/", r#"{"name":"Mu","size":"39","price":1,"quantity":1,"category_id":0}"#, 404),
        ("GET", "/slippers/2147483648", "", 404),
        ("GET", "/slippers/0", "", 404),
        ("GET", "/categories/99999999999999999999", "", 404),
        ("PUT", "/slippers/2147483648", r#"{"name":"Mu"}"#, 404),
        ("GET", "/slippers/?skip=9223372036854775807", "", 200),
        ("GET", "/categories/?skip=9223372036854775807", "", 200),
        ("GET", "/slippers/?search=%00", "", 422),
        ("GET", "/users/?search=%00", "", 422),
    ] {
        let answer = scene.send(3, method, path, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text());
    }
    assert_eq!(scene.everything(), before, "nothing changed");
}

#[test]
fn f60_whoever_comes_and_whatever_is_sold_shows_at_once() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Mu", &json!(10), 9);
    for number in 1..=3 {
        let buyer = shop.customer(&format!("Buyer {number}"));
        let users = shop.call(&admin, "GET", "/users/", &Value::Null).expect(200).json();
        assert_eq!(users["items"][0]["name"], format!("Buyer {number}"));
        shop.put_in_cart(&buyer, slipper, 2);
        shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200);
        assert_eq!(shop.stock(slipper), 9 - 2 * number);
    }
}

#[test]
fn f61_what_strangers_search_for_takes_no_memory() {
    const SEARCHES: usize = 3000;
    let shop = Shop::open();
    let admin = shop.admin();
    for number in 0..20 {
        shop.product(&admin, &format!("Mu {number}"), &json!(10), 5);
    }
    let search = |from: usize| {
        at_once(4, |hand| {
            for number in (from + hand..from + SEARCHES).step_by(4) {
                let path = format!("/slippers/?limit=100&search={}{number}", "mu".repeat(100));
                shop.get(&path).expect(200);
            }
        });
    };
    search(0);
    let before = memory::resident_mib(&shop);
    search(SEARCHES);
    let grown = memory::resident_mib(&shop).saturating_sub(before);
    assert!(grown <= 16, "{SEARCHES} searches took {grown} MiB");
}

#[test]
fn f63_what_an_admin_was_shown_is_shown_to_nobody_else() {
    let scene = Scene::open();
    for path in ["/users/", "/users/1", "/orders/", "/admin/audit/", "/users/?limit=5"] {
        for _ in 0..3 {
            scene.send(3, "GET", path, "").expect(200);
            scene.send(0, "GET", path, "").expect(401);
            let other = scene.send(2, "GET", path, "");
            assert!(other.status == 403 || other.text() == "[]", "{path}: {}", other.text());
        }
    }
}
