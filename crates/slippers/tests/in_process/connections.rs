//! Connections of clients that are slow, silent or too many: none holds the shop for longer than its time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use slippers_server::settings::ConnectionSettings;

use crate::house::House;

/// Longer than a busy machine takes from a connection to its first bytes.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(30);

fn house(change: impl FnOnce(&mut ConnectionSettings)) -> House {
    House::open(|settings| change(&mut settings.connections))
}

fn connect(house: &House) -> TcpStream {
    let stream = TcpStream::connect(house.address()).expect("it listens");
    stream.set_read_timeout(Some(LATER)).expect("a timeout");
    stream
}

fn send(mut stream: &TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).expect("it takes the bytes");
}

/// Everything that comes until the server closes.
fn read_to_the_end(mut stream: &TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it closes before our patience ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// One answer whose length is told, and no byte more.
fn read_answer(mut stream: &TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.expect("a length").parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    head
}

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: shop\r\n\r\n";

#[test]
fn a_head_that_never_ends_ends_the_connection() {
    let house = house(|c| c.header_timeout = SOON);
    let slow = connect(&house);
    send(&slow, "GET / HTTP/1.1\r\nhost: sh");
    let answer = read_to_the_end(&slow);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[test]
fn a_kept_connection_that_stays_silent_is_closed() {
    let house = house(|c| c.header_timeout = SOON);
    let silent = connect(&house);
    send(&silent, LIVE);
    assert!(read_answer(&silent).starts_with("http/1.1 200"));
    assert_eq!(read_to_the_end(&silent), "");
}

#[test]
fn a_body_that_never_comes_is_told_so() {
    let house = house(|c| c.body_timeout = SOON);
    let slow = connect(&house);
    send(
        &slow,
        "POST /auth/login HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 50\r\n\r\n{",
    );
    let answer = read_to_the_end(&slow);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains(r#""code":"body_timeout""#), "{answer}");
}

#[test]
fn a_connection_carries_only_so_many_requests() {
    let house = house(|c| c.max_requests_per_connection = 2);
    let eager = connect(&house);
    send(&eager, LIVE);
    assert!(!read_answer(&eager).contains("connection: close"));
    send(&eager, LIVE);
    assert!(read_answer(&eager).contains("connection: close"));
    assert_eq!(read_to_the_end(&eager), "");
}

#[test]
fn connections_beyond_the_cap_wait_for_a_place() {
    let mut house = house(|c| c.max_connections = 1);
    // The house's own client keeps a connection; this one takes its place once that is gone.
    let first = place(&mut house);
    let second = connect(&house);
    send(&second, LIVE);
    second.set_read_timeout(Some(SOON)).expect("a timeout");
    let waiting = (&second).read(&mut [0]).expect_err("there is no place for a second");
    assert!(matches!(waiting.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waiting}");
    drop(first);
    second.set_read_timeout(Some(LATER)).expect("a timeout");
    assert!(read_answer(&second).starts_with("http/1.1 200"));
}

#[test]
fn a_client_that_does_not_read_gives_its_place_back() {
    let mut house = house(|c| {
        c.max_connections = 1;
        c.write_timeout = SOON;
    });
    // More than any socket buffer takes.
    house.put_file("large.bin", 64 << 20);
    let deaf = place(&mut house);
    send(&deaf, "GET /static/large.bin HTTP/1.1\r\nhost: shop\r\n\r\n");
    let other = connect(&house);
    send(&other, LIVE);
    assert!(read_answer(&other).starts_with("http/1.1 200"));
}

/// A connection that has its place: it was answered.
fn place(house: &mut House) -> TcpStream {
    house.hang_up();
    let stream = connect(house);
    send(&stream, LIVE);
    assert!(read_answer(&stream).starts_with("http/1.1 200"));
    stream
}
