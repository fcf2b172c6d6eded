//! How the program ends: politely when asked once, at once when asked twice.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::shop::{PATIENCE, Shop, eventually};

/// Before the program gives up waiting for what runs, which it does after 25 s.
const SOON: Duration = Duration::from_secs(20);

/// What became of one fresh connection.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Refused,
    Broken(String),
}

/// Connects, asks once and reads to the end.
fn ask(address: SocketAddr) -> Fate {
    let mut stream = match TcpStream::connect(address) {
        Ok(stream) => stream,
        // Nobody listens any more: that is how the end should look from outside.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Fate::Refused,
        Err(error) => return Fate::Broken(format!("connect: {error}")),
    };
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let request = b"GET /slippers/ HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    if let Err(error) = stream.write_all(request).and_then(|()| stream.read_to_end(&mut answer).map(drop)) {
        return Fate::Broken(error.to_string());
    }
    let text = String::from_utf8_lossy(&answer);
    if text.starts_with("HTTP/1.1 200 ") && text.ends_with('}') {
        Fate::Answered
    } else {
        Fate::Broken(format!("answered {text:?}"))
    }
}

fn drains_under_load(signal: &str) {
    let mut shop = Shop::open();
    let address = shop.address();
    let (answered, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let broken: Vec<Fate> = std::thread::scope(|scope| {
        let load = || {
            let mut broken = Vec::new();
            while !over.load(Ordering::SeqCst) {
                match ask(address) {
                    Fate::Answered => drop(answered.fetch_add(1, Ordering::SeqCst)),
                    Fate::Refused => over.store(true, Ordering::SeqCst),
                    fate => broken.push(fate),
                }
            }
            broken
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(load)).collect();
        eventually("the load is under way", || (answered.load(Ordering::SeqCst) >= 200).then_some(()));
        shop.signal(signal);
        threads.into_iter().flat_map(|thread| thread.join().expect("a visitor")).collect()
    });
    assert_eq!(broken, [], "after {} good answers", answered.into_inner());
    assert_eq!(shop.wait(), Some(0));
}

#[test]
fn sigterm_under_load_answers_everything_that_was_accepted() {
    drains_under_load("TERM");
}

#[test]
fn sigint_under_load_answers_everything_that_was_accepted() {
    drains_under_load("INT");
}

/// A connection that has sent half of a login, which has been read.
fn half_a_login(shop: &Shop) -> (TcpStream, String) {
    let body = json!({"name": "Nobody", "password": "whatever"}).to_string();
    let (first, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(shop.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let head = format!(
        "POST /auth/login HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    for _ in 0..3 {
        // Whole round trips on other connections.
        shop.get("/health/live").expect(200);
    }
    (stream, rest.to_owned())
}

fn until_nobody_listens(address: SocketAddr) {
    eventually("nobody listens any more", || TcpStream::connect(address).is_err().then_some(()));
}

#[test]
fn a_request_that_runs_is_finished_and_idle_connections_are_closed() {
    let mut shop = Shop::open();
    let mut idle = TcpStream::connect(shop.address()).expect("it listens");
    idle.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: shop\r\n\r\n").expect("sent");
    let mut first = [0; 12];
    idle.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    let (mut running, rest) = half_a_login(&shop);
    shop.signal("TERM");
    until_nobody_listens(shop.address());
    running.write_all(rest.as_bytes()).expect("it is still read");
    let mut answer = String::new();
    running.read_to_string(&mut answer).expect("the whole answer");
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("Incorrect name or password"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    let mut left = Vec::new();
    idle.read_to_end(&mut left).expect("closed, not reset");
    assert_eq!(shop.wait(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let mut shop = Shop::open();
        let (_running, _) = half_a_login(&shop);
        let start = Instant::now();
        shop.signal(first);
        until_nobody_listens(shop.address());
        shop.signal(second);
        assert_eq!(shop.wait(), Some(1), "it did not finish what ran");
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

#[test]
fn an_idle_program_ends_quickly_and_leaves_a_whole_database() {
    let mut shop = Shop::on_a_file(tempfile::TempDir::new().expect("a folder"), &[], &[]);
    shop.customer("Dilnoza");
    let start = Instant::now();
    assert_eq!(shop.terminate(), Some(0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let log = shop.data_dir().join("shop.db-wal");
    assert!(
        std::fs::metadata(&log).map_or(true, |log| log.len() == 0),
        "the log was folded into the database"
    );
}
