//! Clients that send what they should not: they get a plain answer, nobody else notices, nothing changes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shop::{Caller, Shop};
use crate::wire::{self, Line, send_json};

const MIB: usize = 1024 * 1024;
/// How long a body may take until it is told.
const BODY_TIME: Duration = Duration::from_secs(10);

/// All that an admin and a buyer can see.
fn everything(shop: &Shop, admin: &Caller, buyer: &Caller) -> Vec<String> {
    let seen = |caller, path| shop.call(caller, "GET", path, &Value::Null).expect(200).text();
    vec![
        seen(admin, "/categories/"),
        seen(admin, "/slippers/?limit=100"),
        seen(admin, "/slippers/1"),
        seen(admin, "/orders/"),
        seen(buyer, "/cart"),
        seen(buyer, "/orders/"),
    ]
}

/// A shop with a product, a category, an order and something in a cart.
fn busy_shop() -> (Shop, Caller, Caller) {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Nigora");
    shop.category(&admin, "Men");
    let id = shop.product(&admin, "Mu", &json!(10), 50);
    shop.put_in_cart(&buyer, id, 2);
    shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200);
    (shop, admin, buyer)
}

#[test]
fn no_body_however_odd_brings_the_shop_down() {
    let (shop, admin, buyer) = busy_shop();
    let before = everything(&shop, &admin, &buyer);
    let (deep, deep_key) = ("[".repeat(100_000), "{\"name\":".repeat(100_000));
    let closed = format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let digits = "9".repeat(100_000);
    let number = |field: &str, literal: &str| format!(r#"{{"name":5,"{field}":{literal}}}"#).into_bytes();
    let mut bodies: Vec<Vec<u8>> = vec![
        deep.into_bytes(),
        deep_key.into_bytes(),
        closed.into_bytes(),
        b"{\"name\":\"\\ud800\"}".to_vec(),
        b"{\"name\":\"\\udc00\\ud800\"}".to_vec(),
        b"{\"\\ud800\":1}".to_vec(),
        b"{\"name\":\"a\\u0000b\",\"price\":\"a\\u0000\",\"slipper_id\":\"\\u0000\"}".to_vec(),
        b"{\"name\":\"a\x00b\"}".to_vec(),
        b"{\"name\":\"\xff\xfe\"}".to_vec(),
        b"\xff\xfe{\x00}\x00".to_vec(),
        b"\xef\xbb\xbf".to_vec(),
        b"\x00".to_vec(),
        b"{\"price\":NaN,\"quantity\":Infinity}".to_vec(),
        b"{\"price\":-Infinity}".to_vec(),
        b"{\"name\":\"".to_vec(),
        "{\"name\":{\"$gt\":\"\"},\"password\":[\"x\"],\"slipper_id\":true}".into(),
        "{\"__proto__\":{\"is_admin\":true},\"name\":null,\"slipper_id\":null}".into(),
    ];
    for field in ["price", "quantity", "slipper_id", "category_id", "total_amount", "is_active", "status"] {
        for literal in ["1e400", "-1e400", "1e-400", "1e99999999999999999999", &digits, "1.0000000001"] {
            bodies.push(number(field, literal));
        }
        bodies.push(number(field, &format!("\"{digits}\"")));
        bodies.push(number(field, &format!("0.{digits}")));
    }
    for (method, path) in [
        ("POST", "/categories/"),
        ("PUT", "/categories/1"),
        ("POST", "/slippers/"),
        ("PUT", "/slippers/1"),
        ("POST", "/cart/items"),
        ("PUT", "/cart/items/1"),
        ("POST", "/auth/login"),
        ("POST", "/auth/register"),
        ("POST", "/auth/refresh"),
    ] {
        let caller = if path.starts_with("/cart") { &buyer } else { &admin };
        for body in &bodies {
            let answer = send_json(&shop, Some(caller), method, path, body);
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert!((400..500).contains(&answer.status), "{method} {path} {shown}: {}", answer.status);
            assert!(answer.json()["detail"] != Value::Null, "{method} {path} {shown}");
            assert!(answer.body.len() < 8192, "{method} {path} {shown}: a long echo");
        }
    }
    assert_eq!(everything(&shop, &admin, &buyer), before, "nothing changed");
}

#[test]
fn no_path_or_query_however_odd_brings_the_shop_down() {
    let (shop, admin, buyer) = busy_shop();
    let before = everything(&shop, &admin, &buyer);
    let bearer = format!("Bearer {}", admin.access);
    let odd = [
        "%00",
        "%ff",
        "%c0%af",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%252e",
        "-1",
        "1e3",
        "1.0",
        "0x1",
        "+1",
        "%201",
        "1%00",
        "99999999999999999999999999",
        "-99999999999999999999999999",
        "%F0%9F%A5%BF",
        "1;DROP",
        "1'--",
        "{id}",
        "null",
        "NaN",
        "%",
        "%zz",
        "~",
        "*",
    ];
    for text in odd {
        for path in
            ["/slippers/", "/categories/", "/orders/", "/cart/items/", "/static/", "/docs/", "/slippers/1/"]
        {
            for method in ["GET", "DELETE"] {
                if method == "DELETE" && matches!(text, "1.0" | "+1" | "%201") {
                    continue; // One in another spelling.
                }
                let headers = [("authorization", bearer.as_str())];
                let answer = wire::send(&shop, method, &format!("{path}{text}"), &headers, b"");
                assert!(answer.status < 500, "{method} {path}{text}: {}", answer.text());
            }
        }
        for field in
            ["skip", "limit", "category_id", "search", "sort", "include_images", "page", "before", "finance"]
        {
            for path in ["/slippers/", "/categories/", "/orders/"] {
                let path = format!("{path}?{field}={text}&{text}={text}&{text}");
                let answer = wire::send(&shop, "GET", &path, &[("authorization", &bearer)], b"");
                assert!(answer.status < 500, "{path}: {}", answer.text());
            }
        }
    }
    let long = format!("/slippers/?search={}", "%D1%8F".repeat(5000));
    assert_eq!(shop.get(&long).faults()[0].1, json!(["query", "search"]));
    assert_eq!(everything(&shop, &admin, &buyer), before, "nothing changed");
}

#[test]
fn no_header_however_odd_brings_the_shop_down() {
    let shop = Shop::open();
    let admin = shop.admin();
    let long = "x".repeat(20_000);
    for (name, value) in [
        ("authorization", "Bearer"),
        ("authorization", "Bearer "),
        ("authorization", "Basic QWRtaW46eA=="),
        ("authorization", "Bearer a.b.c"),
        ("authorization", "Bearer \u{fffd}"),
        ("authorization", &format!("Bearer {}.", admin.access)),
        ("authorization", &long),
        ("authorization", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
        ("content-type", "application/json; charset=\u{fffd}"),
        ("content-type", &long),
        ("accept-encoding", "gzip;q=nonsense, ;;;,"),
        ("origin", "\u{fffd}"),
        ("x-forwarded-for", &long),
        ("if-none-match", &long),
        ("range", "bytes=-99999999999999999999999"),
        ("cookie", &long),
        ("transfer-encoding", "nonsense"),
        ("content-length", "-1"),
        ("content-length", "99999999999999999999999999"),
        ("expect", "nonsense"),
        ("upgrade", "websocket"),
    ] {
        for path in ["/cart", "/static/x.png", "/slippers/"] {
            let answer = wire::send(&shop, "GET", path, &[(name, value)], b"");
            assert!(answer.status < 500, "{name}: {value:.40} on {path}: {}", answer.status);
        }
        let answer = wire::send(&shop, "GET", "/cart", &[(name, value)], b"");
        assert!(answer.status == 401 || answer.status == 400, "{name}: {value:.40}: {}", answer.status);
    }
    shop.call(&admin, "GET", "/cart", &Value::Null).expect(200);
}

#[test]
fn a_body_may_have_a_mebibyte() {
    let shop = Shop::open();
    let admin = shop.admin();
    let padded = |length: usize| {
        let start = br#"{"name":"Men","x":""#;
        [&start[..], &vec![b'x'; length - start.len() - 2], b"\"}"].concat()
    };
    send_json(&shop, Some(&admin), "POST", "/categories/", padded(MIB)).expect(200);
    let refused = send_json(&shop, Some(&admin), "PUT", "/categories/1", padded(MIB + 1));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (413, Some("body_too_large")));

    // Clients that send to the end before they listen can read the answer too.
    let large = padded(3 * MIB);
    for chunked in [false, true] {
        let mut line = Line::open(&shop);
        let framing = match chunked {
            true => "Transfer-Encoding: chunked".to_owned(),
            false => format!("Content-Length: {}", large.len()),
        };
        line.say(format!("POST /auth/login HTTP/1.1\r\nHost: shop\r\n{framing}\r\n\r\n").as_bytes());
        for piece in large.chunks(64 * 1024) {
            if chunked {
                line.say(format!("{:x}\r\n", piece.len()).as_bytes());
            }
            line.say(piece);
            if chunked {
                line.say(b"\r\n");
            }
        }
        if chunked {
            line.say(b"0\r\n\r\n");
        }
        let answer = line.hear().expect("the answer arrives").expect(413);
        assert_eq!(answer.detail(), "Request body is larger than 1 MiB");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(line.is_closed_in_silence());
    }
    // A client of a library, too.
    let answer = shop.send("POST", "/auth/register", &[("content-type", "application/json")], Some(&large));
    assert_eq!(answer.status, 413);
    shop.get("/categories/1").expect(200);
    assert_eq!(shop.get("/categories/").json()[0]["name"], "Men");
}

#[test]
fn who_announces_more_than_they_send_harms_nobody() {
    let (shop, admin, buyer) = busy_shop();
    let before = everything(&shop, &admin, &buyer);
    let bearer = format!("Authorization: Bearer {}", buyer.access);
    let cut = r#"{"slipper_id":1,"quantity":5}"#;
    for sent in [0, 1, 10, cut.len()] {
        for length in [cut.len() + 1, 500, 99_999_999] {
            let mut line = Line::open(&shop);
            let head = format!(
                "POST /cart/items HTTP/1.1\r\nHost: shop\r\n{bearer}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            line.say(head.as_bytes());
            line.say(&cut.as_bytes()[..sent]);
            line.hang_up_half();
            let status = line.hear().map(|answer| answer.status);
            assert!(
                status.is_none_or(|status| (400..500).contains(&status)),
                "{sent} of {length}: {status:?}"
            );
        }
    }
    // Gone without a word, in the middle of a head or of a body.
    for _ in 0..200 {
        Line::open(&shop).say(b"POST /cart/items HTTP/1.1\r\nHost: sh");
        Line::open(&shop)
            .say(b"POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Length: 50\r\n\r\n{\"name\"");
    }
    assert_eq!(everything(&shop, &admin, &buyer), before, "nothing changed");
}

#[test]
fn slow_clients_keep_nobody_waiting_and_are_let_go() {
    let shop = Shop::open();
    let open = |bytes: &'static [u8]| -> Vec<Line> {
        let lines = (0..100).map(|_| {
            let mut line = Line::open(&shop);
            line.say(bytes);
            line
        });
        lines.collect()
    };
    let begun = Instant::now();
    let heads = open(b"GET / HTTP/1.1\r\nHost: shop\r\nX-Slow: ");
    let bodies = open(b"POST /auth/login HTTP/1.1\r\nHost: shop\r\nContent-Length: 50\r\n\r\n{\"name\"");
    let silent = open(b"");
    let buyer = shop.customer("Nigora");
    for _ in 0..50 {
        shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200);
    }
    assert!(begun.elapsed() < BODY_TIME, "others are served meanwhile: {:?}", begun.elapsed());
    for mut line in bodies {
        let answer = line.hear().expect("it is told").expect(408);
        assert_eq!(answer.json()["code"], "body_timeout");
    }
    for mut line in heads.into_iter().chain(silent) {
        match line.hear_head() {
            Some(answer) => assert_eq!(answer.status, 408),
            None => assert!(line.is_closed_in_silence()),
        }
    }
    shop.get("/health").expect(200);
}
