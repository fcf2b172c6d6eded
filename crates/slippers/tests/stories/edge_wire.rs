//! HTTP itself: what is none, what is old, and requests inside of requests.

use serde_json::json;

use crate::shop::Shop;
use crate::wire::{self, Line};

#[test]
fn what_is_no_http_is_turned_away() {
    let shop = Shop::open();
    let many: String = (0..150).map(|n| format!("X-{n}: 1\r\n")).collect();
    let large = format!("X-Large: {}\r\n", "x".repeat(200_000));
    for (what, bytes) in [
        ("nonsense", "nonsense\r\n\r\n".to_owned()),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}".to_owned() + "\r\n\r\n"),
        ("no version", "GET /\r\n\r\n".to_owned()),
        ("an odd version", "GET / HTTP/9.9\r\nHost: shop\r\n\r\n".to_owned()),
        ("HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("a space in the target", "GET /a b HTTP/1.1\r\nHost: shop\r\n\r\n".to_owned()),
        ("a header without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n".to_owned()),
        ("a NUL in a header", "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n".to_owned()),
        ("a blank before the colon", "GET / HTTP/1.1\r\nX : a\r\n\r\n".to_owned()),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: shop\r\n{many}\r\n")),
        ("large headers", format!("GET / HTTP/1.1\r\nHost: shop\r\n{large}\r\n")),
        ("a long target", format!("GET /{} HTTP/1.1\r\nHost: shop\r\n\r\n", "x".repeat(200_000))),
        (
            "two lengths",
            "POST /auth/login HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_owned(),
        ),
        ("an odd length", "POST /auth/login HTTP/1.1\r\nContent-Length: 0x2\r\n\r\n{}".to_owned()),
    ] {
        let mut line = Line::open(&shop);
        line.say(bytes.as_bytes());
        line.hang_up_half();
        let status = line.hear_head().map(|answer| answer.status);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?}");
    }
    shop.get("/health").expect(200);
}

#[test]
fn a_second_request_can_not_be_smuggled_in_a_body() {
    let shop = Shop::open();
    let admin = shop.admin();
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    let hidden =
        format!("DELETE /slippers/{id} HTTP/1.1\r\nHost: shop\r\nAuthorization: {}\r\n\r\n", admin.access);
    for framing in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", hidden.len() + 5),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n\r\n0\r\n\r\n", hidden.len() + 5),
        format!("Content-Length: {}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", hidden.len() + 5),
        format!("Transfer-Encoding: chunked, identity\r\nContent-Length: {}\r\n\r\n", hidden.len()),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: {}\r\n\r\n", hidden.len()),
        "Content-Length: 0\r\nContent-Length: 9\r\n\r\n".to_owned(),
    ] {
        let mut line = Line::open(&shop);
        line.say(format!("POST /auth/login HTTP/1.1\r\nHost: shop\r\n{framing}{hidden}").as_bytes());
        let first = line.hear().map(|answer| answer.status);
        assert!(first.is_none_or(|status| (400..500).contains(&status)), "{framing}: {first:?}");
        assert!(line.hear_head().is_none(), "{framing}: a second answer");
        assert_eq!(shop.stock(id), 5, "{framing}");
    }
}

#[test]
fn requests_in_one_breath_are_answered_in_their_order() {
    let shop = Shop::open();
    let mut line = Line::open(&shop);
    let login = r#"{"name":"x","password":"y"}"#;
    line.say(
        format!(
            "GET /health/live HTTP/1.1\r\nHost: shop\r\n\r\nPOST /auth/login HTTP/1.1\r\nHost: shop\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{login}GET /nowhere HTTP/1.1\r\nHost: shop\r\n\r\n",
            login.len()
        )
        .as_bytes(),
    );
    let statuses: Vec<u16> = (0..3).map(|_| line.hear().expect("an answer").status).collect();
    assert_eq!(statuses, [200, 401, 404]);
}

#[test]
fn old_and_careful_clients_are_understood() {
    let shop = Shop::open();
    let mut line = Line::open(&shop);
    line.say(b"GET /health/live HTTP/1.0\r\n\r\n");
    assert_eq!(line.hear().expect("an answer").status, 200);
    assert!(line.is_closed_in_silence(), "HTTP/1.0 ends with its answer");
    // The form that proxies get.
    wire::send(&shop, "GET", "http://shop/health/live", &[], b"").expect(200);
    // Body first, answer after "100 Continue".
    let login = br#"{"name":"x","password":"y"}"#;
    let headers = [("expect", "100-continue"), ("content-type", "application/json")];
    wire::send(&shop, "POST", "/auth/login", &headers, login).expect_error(401, "Incorrect name or password");
    // Body in pieces, header in any case, blank lines before it.
    let mut line = Line::open(&shop);
    line.say(b"\r\n\r\nPOST /auth/login HTTP/1.1\r\nhOST: shop\r\ncontent-TYPE: application/json\r\n");
    line.say(b"transfer-encoding: chunked\r\n\r\n5;x=y\r\n{\"nam\r\n");
    line.say(b"16\r\ne\":\"x\",\"password\":\"y\"}\r\n0\r\nX-Trailer: 1\r\n\r\n");
    line.hear().expect("an answer").expect_error(401, "Incorrect name or password");
}
