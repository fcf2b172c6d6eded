//! Pages of the catalogue that are kept: never older than the last answer, and the same as if they were made anew.

use serde_json::{Value, json};

use crate::memory::resident_mib;
use crate::metrics::{scrape, value, watched_with};
use crate::shop::{Answer, Caller, Shop, eventually};
use crate::wire;

/// What differs from one answer to the next.
const CHANGING: [&str; 8] = [
    "date",
    "x-request-id",
    "x-process-time",
    "server-timing",
    "x-uptime",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit",
];

fn change(shop: &Shop, admin: &Caller, slipper: i64, what: &Value) {
    shop.call(admin, "PUT", &format!("/slippers/{slipper}"), what).expect(200);
}

/// A product as the list shows it.
fn listed(shop: &Shop, slipper: i64) -> Value {
    let page = shop.get("/slippers/?limit=100").expect(200).json();
    let items = page["items"].as_array().expect("items");
    items.iter().find(|item| item["id"] == slipper).expect("it is listed").clone()
}

/// What of an answer must be the same each time.
fn lasting(answer: &Answer) -> (u16, Vec<(String, String)>, &[u8]) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !CHANGING.contains(&name.as_str()));
    headers.sort();
    (answer.status, headers, &answer.body)
}

#[test]
fn a_page_is_the_same_whether_it_is_made_or_was_kept() {
    let shop = Shop::open();
    let admin = shop.admin();
    let category = shop.category(&admin, "Men");
    for number in 0..14 {
        let name = format!("Тапочки {number}");
        let body = json!({"name": name, "size": "39", "price": 9.5, "quantity": 3, "category_id": category});
        shop.call(&admin, "POST", "/slippers/", &body).expect(200);
    }
    // Everything that is kept is of no use after it.
    let forget = || shop.call(&admin, "PUT", "/categories/1", &json!({"name": "Men"})).expect(200);
    for path in [
        "/slippers/",
        "/slippers?limit=5",
        "/slippers/?limit=14&sort=price_desc&include_images=false",
        "/slippers/?page=2&limit=3",
        "/slippers/?search=%D1%82%D0%B0%D0%BF&category_id=1",
        "/slippers/?sort=unknown",
        "/slippers/1",
        "/slippers/1/?include_images=0",
        "/slippers/1/images",
        "/categories/",
        "/categories/1",
        "/slippers/99",
        "/slippers/x",
        "/slippers/?limit=0",
    ] {
        for method in ["GET", "HEAD"] {
            for headers in [
                &[][..],
                &[("accept-encoding", "gzip")][..],
                &[("origin", "http://localhost:3000"), ("accept-encoding", "br, gzip;q=0.5")][..],
                &[("origin", "https://elsewhere.example"), ("if-none-match", "*")][..],
                &[("range", "bytes=0-3"), ("authorization", "Bearer nonsense")][..],
            ] {
                forget();
                let made = shop.send(method, path, headers, None);
                let kept = shop.send(method, path, headers, None);
                if made.status < 400 {
                    assert_eq!(lasting(&made), lasting(&kept), "{method} {path} {headers:?}");
                } else {
                    assert_eq!(made.status, kept.status);
                }
                for name in CHANGING {
                    assert_eq!(made.header(name).is_some(), kept.header(name).is_some(), "{path}: {name}");
                }
            }
        }
    }
}

#[test]
fn who_has_a_page_is_told_so_until_it_changes() {
    let shop = Shop::open();
    let admin = shop.admin();
    for number in 0..12 {
        shop.product(&admin, &format!("Mu {number}"), &json!(10), 5);
    }
    for (path, encoding) in [("/slippers/", "gzip"), ("/slippers/", "identity"), ("/slippers/1", "identity")]
    {
        let ask = |tag: &str| {
            shop.send("GET", path, &[("accept-encoding", encoding), ("if-none-match", tag)], None)
        };
        let first = ask("\"something else\"").expect(200);
        let tag = first.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with('"'), "{tag} is strong");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"a\", {tag}"), "*".to_owned()] {
            let unchanged = ask(&known).expect(304);
            assert_eq!(unchanged.body, b"");
            for name in ["etag", "cache-control", "vary", "surrogate-key", "x-frame-options"] {
                assert_eq!(unchanged.header(name), first.header(name), "{path}: {name}");
            }
            for name in ["content-type", "content-encoding"] {
                assert_eq!(unchanged.header(name), None, "{path}: {name}");
            }
        }
        let quantity = shop.stock(1) + 1;
        change(&shop, &admin, 1, &json!({"quantity": quantity}));
        let changed = ask(&tag).expect(200);
        assert_ne!(changed.header("etag"), Some(tag.as_str()), "{path}");
    }
    let plain = shop.get("/slippers/");
    let packed = shop.send("GET", "/slippers/", &[("accept-encoding", "gzip")], None);
    assert_ne!(plain.header("etag"), packed.header("etag"), "they are other bytes");
}

#[test]
fn every_answer_says_who_may_keep_it() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Mu", &json!(10), 5);
    let rule =
        |path: &str| shop.call(&admin, "GET", path, &Value::Null).header("cache-control").map(str::to_owned);
    for path in ["/slippers/", "/slippers/1", "/slippers/1/images", "/categories/"] {
        assert_eq!(rule(path).as_deref(), Some("public, no-cache"), "{path}");
    }
    for path in ["/cart", "/orders/", "/users/me", "/health", "/nowhere", "/slippers/99", "/slippers/x"] {
        assert_eq!(rule(path).as_deref(), Some("no-store"), "{path}");
    }
    let page = shop.get(&format!("/slippers/{slipper}"));
    assert_eq!(page.header("surrogate-key"), Some(format!("slipper-{slipper} categories").as_str()));
    let shared = Shop::open_with(&[("CACHE_S_MAXAGE_SEC", "60"), ("CACHE_STALE_IF_ERROR_SEC", "600")]);
    let rule = shared.get("/slippers/").header("cache-control").map(str::to_owned);
    assert_eq!(rule.as_deref(), Some("public, max-age=0, s-maxage=60, stale-if-error=600"));
}

#[test]
fn the_count_in_a_list_follows_an_order() {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Dilnoza");
    let slipper = shop.product(&admin, "Mu", &json!(10), 9);
    assert_eq!(listed(&shop, slipper)["quantity"], 9);
    shop.put_in_cart(&buyer, slipper, 2);
    shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200);
    eventually("the list shows what is left", || (listed(&shop, slipper)["quantity"] == 7).then_some(()));
}

#[test]
fn a_write_whose_client_has_gone_is_seen_too() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Mu", &json!(1), 1);
    let path = format!("/slippers/{slipper}");
    let bearer = format!("Bearer {}", admin.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for round in 2..30 {
        shop.get(&path).expect(200);
        let body = json!({"quantity": round}).to_string();
        let request = wire::request("PUT", &path, &headers, body.as_bytes());
        let mut socket = std::net::TcpStream::connect(shop.address()).expect("it listens");
        std::io::Write::write_all(&mut socket, &request).expect("it takes the request");
        drop(socket);
        // Who is gone so early may have asked for nothing; but what is stored must be shown, sooner than a kept page
        // ends by its age.
        eventually("the page shows what is stored", || {
            let shown = shop.stock(slipper);
            let stored = shop.rows().number(&format!("SELECT quantity FROM slippers WHERE id = {slipper}"));
            (shown == stored).then_some(())
        });
    }
}

#[test]
fn what_another_program_writes_is_seen() {
    // Of a server's rows only what a shop has written is seen: it says so in a table.
    let shop = Shop::on_a_file(tempfile::TempDir::new().expect("a folder"), &[], &[]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Mu", &json!(1), 1);
    assert_eq!(listed(&shop, slipper)["quantity"], 1);
    shop.rows().run("UPDATE slippers SET quantity = 77");
    eventually("its own page shows it", || (shop.stock(slipper) == 77).then_some(()));
    eventually("the list shows it", || (listed(&shop, slipper)["quantity"] == 77).then_some(()));
}

#[test]
fn kept_pages_count_for_the_limit_like_others() {
    let shop = Shop::open_with(&[("RATE_LIMIT_REQUESTS", "5"), ("RATE_LIMIT_WINDOW_SEC", "3600")]);
    for left in (0..5).rev() {
        let answer = shop.get("/slippers/").expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.to_string().as_str()));
        assert_eq!(answer.header("x-ratelimit-limit"), Some("5"));
        let told = answer.header("ratelimit").unwrap_or_default();
        assert!(told.starts_with(&format!("\"default\";r={left};t=")), "{told}");
        assert!(answer.header("ratelimit-policy").is_some_and(|told| told.starts_with("\"default\";q=5;w=")));
    }
    let refused = shop.get("/slippers/").expect_error(429, "Too many requests");
    assert!(refused.header("retry-after").is_some() && refused.header("x-request-id").is_some());
    assert_eq!(refused.header("etag"), None);
}

#[test]
fn ten_thousand_junk_queries_stay_within_the_bound_and_cost_real_pages_nothing() {
    const BOUND: f64 = 2_097_152.0;
    let (shop, metrics) = watched_with(&[("CACHE_MAX_BYTES", "2097152"), ("CACHE_TTL_SEC", "3600")]);
    let admin = shop.admin();
    for number in 0..30 {
        shop.product(&admin, &format!("Mu {number}"), &json!(10), 5);
    }
    let real = ["/slippers/", "/slippers/?skip=20", "/slippers/1", "/slippers/2", "/categories/"];
    let look = || real.iter().for_each(|path| drop(shop.get(path).expect(200)));
    (0..3).for_each(|_| look());
    let hits = || value(&scrape(metrics), "slippers_cache_hits_total");
    let (mut missed, mut resident) = (0.0, 0);
    for round in 0..100 {
        let before = hits();
        look();
        missed += 5.0 - (hits() - before);
        for number in round * 100..round * 100 + 100 {
            // Half of them mean nothing and are the first page; the others are pages of their own.
            let path = match number % 2 {
                0 => format!("/slippers/?junk{number}={number}&_={number}"),
                _ => format!("/slippers/?search={number:0>700}"),
            };
            shop.get(&path).expect(200);
        }
        let bytes = value(&scrape(metrics), "slippers_cache_bytes");
        assert!(bytes <= BOUND, "{bytes} bytes of {BOUND}");
        if round == 50 {
            resident = resident_mib(&shop);
        }
    }
    assert!(missed <= 5.0, "{missed} of 500 real pages had to be made anew");
    let grown = resident_mib(&shop).saturating_sub(resident);
    assert!(grown <= 4, "the second half took {grown} MiB more");
}
