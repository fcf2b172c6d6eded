//! Bodies where none is expected. Clients send the head first and the body in a piece of its own, which may come after
//! the answer is made: it must cost them neither the answer nor, unannounced, the connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::shop::{PATIENCE, Shop};

/// Sends a request in two pieces, between which the server has time to answer; answers what comes back until a marker
/// at the end of the second request's answer.
fn in_two_pieces(shop: &Shop, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(shop.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream.write_all(head.as_bytes()).expect("sent");
    for _ in 0..3 {
        // Whole round trips on other connections: by now the head has been read.
        shop.get("/health/live").expect(200);
    }
    let mut answer = Vec::new();
    let sent = stream.write_all(body.as_bytes()).and_then(|()| {
        stream.write_all(b"GET /cart/total HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")
    });
    let read = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.is_empty(), "the answer is lost: {sent:?} {read:?}");
    answer
}

#[test]
fn a_body_that_nobody_reads_costs_neither_the_answer_nor_the_connection() {
    let shop = Shop::open();
    let sized = "content-length: 2\r\n\r\n";
    let chunked = "transfer-encoding: chunked\r\n\r\n";
    for (request, status) in [
        ("DELETE /cart/clear", "401"),
        ("POST /orders/from-cart", "401"),
        ("GET /slippers/", "200"),
        ("POST /nowhere", "404"),
        ("POST /health", "405"),
        ("OPTIONS /orders/", "200"),
    ] {
        for (framing, body) in [(sized, "{}"), (chunked, "0\r\n\r\n"), (chunked, "2\r\n{}\r\n0\r\n\r\n")] {
            let head =
                format!("{request} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n{framing}");
            let answer = in_two_pieces(&shop, &head, body);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
            let first = answer.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
            let goes_on = answer.matches("HTTP/1.1 ").count() == 2;
            assert!(
                goes_on || first.contains("connection: close"),
                "{request} ({}): closed without a word: {answer}",
                framing.trim()
            );
        }
    }
}
