//! A real nginx with its cache on, in front of the shop: it keeps what is everybody's, for as long as it is told, and
//! nothing that is one caller's.

use serde_json::{Value, json};
use slippers_testbed::Nginx;

use crate::shop::{Answer, Shop, eventually};

/// nginx in front of a shop, which keeps what the shop lets it keep.
fn nginx(shop: &Shop) -> Nginx {
    let shop = shop.address();
    Nginx::start(|port, folder| {
        let folder = folder.display();
        format!(
            "proxy_cache_path {folder}/cache keys_zone=shop:1m;
             server {{
                 listen 127.0.0.1:{port};
                 location / {{
                     proxy_pass http://{shop};
                     proxy_http_version 1.1;
                     proxy_set_header Connection '';
                     proxy_cache shop;
                     proxy_cache_key $request_method$request_uri;
                     proxy_cache_revalidate on;
                     proxy_cache_background_update on;
                     add_header X-Cache $upstream_cache_status always;
                 }}
             }}"
        )
    })
    .expect("nginx")
}

/// Asks through nginx; answers what its cache says too.
fn ask(nginx: &Nginx, path: &str, headers: &[(&str, &str)]) -> (String, Answer) {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .build();
    let agent: ureq::Agent = config.into();
    let mut request = agent.get(format!("http://127.0.0.1:{}{path}", nginx.port()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, mut body) = request.call().expect("an answer").into_parts();
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = body.with_config().limit(1 << 20).read_to_vec().expect("a body");
    let answer = Answer { status: parts.status.as_u16(), headers, body };
    (answer.header("x-cache").unwrap_or("").to_owned(), answer)
}

/// Asks until the cache says so.
fn until(nginx: &Nginx, path: &str, says: &str) -> Answer {
    eventually(says, || {
        let (said, answer) = ask(nginx, path, &[]);
        (said == says).then_some(answer)
    })
}

fn price_of(product: &Value) -> f64 {
    product["price"].as_f64().expect("a price")
}

#[test]
fn by_default_every_page_is_asked_for() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Комфорт", &json!(25), 3);
    let nginx = nginx(&shop);
    for price in 1..=5 {
        let path = format!("/slippers/{slipper}");
        shop.call(&admin, "PUT", &path, &json!({"price": price})).expect(200);
        let (said, answer) = ask(&nginx, &path, &[]);
        assert_eq!((said.as_str(), price_of(&answer.json())), ("MISS", f64::from(price)));
        assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    }
}

#[test]
fn pages_are_kept_in_each_form_and_asked_for_by_their_tag() {
    let shop = Shop::open_with(&[("CACHE_S_MAXAGE_SEC", "2")]);
    let admin = shop.admin();
    for number in 0..20 {
        shop.product(&admin, &format!("Комфорт {number}"), &json!(25), 3);
    }
    let nginx = nginx(&shop);
    let plain = until(&nginx, "/slippers/", "HIT");
    assert_eq!((plain.status, plain.header("content-encoding")), (200, None));
    // Vary keeps the packed form apart.
    let packed = eventually("HIT, packed", || {
        let (said, answer) = ask(&nginx, "/slippers/", &[("accept-encoding", "gzip")]);
        (said == "HIT").then_some(answer)
    });
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 2);
    let (tag, packed_tag) = (plain.header("etag").expect("a tag"), packed.header("etag").expect("a tag"));
    assert_ne!(tag, packed_tag);
    let (said, unchanged) = ask(&nginx, "/slippers/", &[("if-none-match", tag)]);
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{said}");
    // When its time is over nginx asks by the tag, and the shop says that it is the same.
    let again = until(&nginx, "/slippers/", "REVALIDATED");
    assert_eq!((again.status, &again.body), (200, &plain.body));
    // After a change it is another one, at the latest when its time is over.
    let id = plain.json()["items"][0]["id"].clone();
    shop.call(&admin, "PUT", &format!("/slippers/{id}"), &json!({"price": 77})).expect(200);
    eventually("the change comes through", || {
        let (_, answer) = ask(&nginx, "/slippers/", &[]);
        (price_of(&answer.json()["items"][0]) > 76.0).then_some(())
    });
}

#[test]
fn what_is_one_caller_s_is_never_kept() {
    let shop = Shop::open_with(&[
        ("CACHE_S_MAXAGE_SEC", "600"),
        ("CACHE_STALE_IF_ERROR_SEC", "600"),
        ("CACHE_STALE_WHILE_REVALIDATE_SEC", "600"),
    ]);
    let (anna, bella) = (shop.customer("Anna"), shop.customer("Bella"));
    let nginx = nginx(&shop);
    for path in ["/cart", "/orders/", "/users/me"] {
        for caller in [&anna, &bella, &anna] {
            let bearer = format!("Bearer {}", caller.access);
            let (said, answer) = ask(&nginx, path, &[("authorization", &bearer)]);
            assert_eq!((said.as_str(), answer.status), ("MISS", 200), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
        let (said, answer) = ask(&nginx, path, &[]);
        assert_eq!((said.as_str(), answer.status), ("MISS", 401), "{path}");
    }
    for path in ["/slippers/999", "/categories/999", "/slippers/?skip=-1", "/health"] {
        for _ in 0..2 {
            assert_eq!(ask(&nginx, path, &[]).0, "MISS", "{path}");
        }
    }
}

#[test]
fn an_old_page_bridges_a_question_and_a_shop_that_is_down_when_the_settings_say_so() {
    let mut shop = Shop::open_with(&[
        ("CACHE_S_MAXAGE_SEC", "1"),
        ("CACHE_STALE_WHILE_REVALIDATE_SEC", "600"),
        ("CACHE_STALE_IF_ERROR_SEC", "600"),
    ]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Комфорт", &json!(25), 3);
    let (path, nginx) = (format!("/slippers/{slipper}"), nginx(&shop));
    until(&nginx, &path, "HIT");
    shop.call(&admin, "PUT", &path, &json!({"price": 26})).expect(200);
    let is_new = |answer: &Answer| price_of(&answer.json()) > 25.5;
    // Either the old one goes out while the new one is asked for, or that was done already.
    eventually("the new price comes through", || {
        let (said, answer) = ask(&nginx, &path, &[]);
        assert!(["HIT", "STALE", "UPDATING"].contains(&said.as_str()), "{said}: nobody waits for the shop");
        is_new(&answer).then_some(())
    });
    shop.terminate();
    let bridged = until(&nginx, &path, "STALE");
    assert!(bridged.status == 200 && is_new(&bridged), "{bridged:?}");
    assert_eq!(bridged.json()["id"], Value::from(slipper));
}
