//! Each fault of the proxy does what it says. Times are only looked at from below: slow machines are late anyway.
#![expect(clippy::expect_used, reason = "tests")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use slippers_testbed::proxy::{Faults, Proxy};

/// A server that sends back what it gets, until the test ends.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.expect("a connection");
                let mut back = stream.try_clone().expect("a stream");
                std::io::copy(&mut stream, &mut back)
            });
        }
    });
    port
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    stream
}

/// Sends bytes there and reads as many back.
fn talk(stream: &mut TcpStream, words: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(words)?;
    let mut back = vec![0; words.len()];
    stream.read_exact(&mut back).map(|()| back)
}

/// The same on a connection of its own, which may be reset as soon as it is made.
fn call(proxy: &Proxy) -> std::io::Result<Vec<u8>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()));
    stream.and_then(|mut stream| talk(&mut stream, b"hello"))
}

fn is_reset(result: std::io::Result<Vec<u8>>) -> bool {
    result.is_err_and(|error| matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
}

#[test]
fn without_faults_everything_passes_both_ways_and_ends_properly() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    let words: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut stream = connect(&proxy);
    let (mut writer, sent) = (stream.try_clone().expect("a stream"), words.clone());
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).expect("sent");
        writer.shutdown(std::net::Shutdown::Write).expect("ended");
    });
    let mut back = Vec::new();
    stream.read_to_end(&mut back).expect("the end of the other side");
    writing.join().expect("sent");
    assert!(back == words, "{} bytes of {} came back", back.len(), words.len());
}

#[test]
fn latency_and_jitter_make_answers_later_on_open_connections() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    let mut stream = connect(&proxy);
    talk(&mut stream, b"before").expect("an answer");
    let latency = Duration::from_millis(60);
    proxy.set(Faults { latency, jitter: Duration::from_millis(10), ..Faults::default() });
    let start = Instant::now();
    assert_eq!(talk(&mut stream, b"there and back").expect("an answer"), b"there and back");
    assert!(start.elapsed() >= latency * 2, "{:?}", start.elapsed());
}

#[test]
fn a_narrow_line_takes_its_time() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    proxy.set(Faults { bytes_per_second: Some(100_000), ..Faults::default() });
    let mut stream = connect(&proxy);
    // Few bytes take theirs both ways; many are on their way back before the last are there.
    for (length, least) in [(1_500, Duration::from_millis(30)), (30_000, Duration::from_millis(300))] {
        let start = Instant::now();
        talk(&mut stream, &vec![7; length]).expect("an answer");
        assert!(start.elapsed() >= least, "{length} bytes: {:?}", start.elapsed());
    }
}

#[test]
fn a_black_hole_delivers_nothing_until_it_is_over() {
    let server = echo();
    let (proxy, other) = (Proxy::to(server, 1).expect("a proxy"), Proxy::to(server, 1).expect("a proxy"));
    let (mut stream, mut busy) = (connect(&proxy), connect(&other));
    talk(&mut stream, b"before").expect("an answer");
    proxy.set(Faults { black_hole: true, ..Faults::default() });
    stream.write_all(b"lost?").expect("the kernel takes it");
    let mut late = connect(&proxy);
    late.write_all(b"late").expect("the kernel takes it");
    // Long enough for an answer: on another way the same server gives thousands.
    for _ in 0..2_000 {
        talk(&mut busy, b"meanwhile").expect("an answer");
    }
    for stream in [&stream, &late] {
        stream.set_nonblocking(true).expect("set");
        assert_eq!(stream.peek(&mut [0]).expect_err("nothing").kind(), ErrorKind::WouldBlock);
        stream.set_nonblocking(false).expect("set");
    }
    proxy.heal();
    for (stream, expected) in [(&mut stream, &b"lost?"[..]), (&mut late, b"late")] {
        let mut back = vec![0; expected.len()];
        stream.read_exact(&mut back).expect("an answer");
        assert_eq!(back, expected);
    }
}

#[test]
fn a_reset_reaches_open_connections_and_new_ones_pass() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    let mut stream = connect(&proxy);
    talk(&mut stream, b"before").expect("an answer");
    proxy.reset_all();
    assert!(is_reset(stream.read(&mut [0]).map(|_| Vec::new())));
    talk(&mut connect(&proxy), b"after").expect("an answer");
}

#[test]
fn a_refusal_resets_all_connections_until_it_is_over() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    let mut stream = connect(&proxy);
    talk(&mut stream, b"before").expect("an answer");
    proxy.set(Faults { refuse: true, ..Faults::default() });
    assert!(is_reset(stream.read(&mut [0]).map(|_| Vec::new())));
    assert!(is_reset(call(&proxy)));
    proxy.heal();
    talk(&mut connect(&proxy), b"after").expect("an answer");
}

#[test]
fn a_server_that_is_away_resets_its_clients() {
    // Nobody listens there, nor will: a port that was free a moment ago may be another test's.
    assert!(is_reset(call(&Proxy::to(1, 1).expect("a proxy"))));
}

/// How many bytes come back on each of some connections before they are reset.
fn lifetimes(seed: u64) -> Vec<usize> {
    let proxy = Proxy::to(echo(), seed).expect("a proxy");
    proxy.set(Faults { reset_after: Some(100..1_000), ..Faults::default() });
    let life = |_| {
        let mut stream = connect(&proxy);
        (0..2_000).take_while(|_| talk(&mut stream, b"x").is_ok()).count()
    };
    (0..8).map(life).collect()
}

#[test]
fn connections_live_as_long_as_the_seed_says() {
    let lives = lifetimes(5);
    // Each byte is counted on its way there and on its way back.
    assert!(lives.iter().all(|bytes| (49..500).contains(bytes)), "{lives:?}");
    assert_eq!(lives, lifetimes(5));
    assert_ne!(lives, lifetimes(6));
}

#[test]
fn a_proxy_is_gone_with_its_connections_when_dropped() {
    let proxy = Proxy::to(echo(), 1).expect("a proxy");
    let port = proxy.port();
    let mut stream = connect(&proxy);
    talk(&mut stream, b"before").expect("an answer");
    drop(proxy);
    assert!(!support::port_answers(port));
    assert!(talk(&mut stream, b"after").is_err());
}
