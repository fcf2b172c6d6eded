//! Load that does not wait for answers: each request has its moment, and its wait counts from there, also where it was sent
//! late because an earlier one was not answered yet. So a server that stalls is charged with everybody who would have come
//! meanwhile (no coordinated omission).

use std::io::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::Client;

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    sorted: Vec<u64>,
}

impl Waits {
    /// Of waits in microseconds, in any order.
    pub(crate) fn of(mut waits: Vec<u64>) -> Self {
        waits.sort_unstable();
        Self { sorted: waits }
    }

    /// How many were answered.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Microseconds within which so many of a thousand were answered; 0 when there were none.
    pub(crate) fn within(&self, of_thousand: usize) -> u64 {
        let at = (self.sorted.len() * of_thousand / 1000).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).copied().unwrap_or(0)
    }
}

/// Sends `rate` requests a second for `length`, over so many connections, and checks each with `check`.
///
/// # Errors
/// The first answer that was none, or not what was expected.
pub(crate) fn load(
    address: SocketAddr,
    target: &(impl Fn(u64) -> String + Sync),
    check: &(impl Fn(&str) -> bool + Sync),
    rate: u32,
    length: Duration,
    connections: usize,
) -> Result<Waits> {
    let next = AtomicU64::new(0);
    let begun = Instant::now();
    let due_of = |number: u64| {
        Duration::from_secs(number / u64::from(rate)) + Duration::from_secs(number % u64::from(rate)) / rate
    };
    let hand = || -> Result<Vec<u64>> {
        let (mut client, mut waits) = (Client::open(address)?, Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = due_of(number);
            if due >= length {
                return Ok(waits);
            }
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
            let target = target(number);
            let body = client.get(&target)?;
            if !check(&body) {
                return Err(std::io::Error::other(format!("{target} holds something else: {body}")));
            }
            let wait = begun.elapsed().saturating_sub(due);
            waits.push(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX));
        }
    };
    let waits = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..connections).map(|_| scope.spawn(hand)).collect();
        let ends = hands.into_iter().map(|hand| {
            hand.join().unwrap_or_else(|_| Err(std::io::Error::other("a connection's thread panicked")))
        });
        ends.collect::<Result<Vec<_>>>()
    })?;
    Ok(Waits::of(waits.concat()))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers one connection, and stops for a while before the answer with this number.
    fn stalling_server(stall_at: usize, stall: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream);
            for number in 0.. {
                let mut line = String::new();
                while line != "\r\n" {
                    line.clear();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                }
                if number == stall_at {
                    std::thread::sleep(stall);
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                reader.get_mut().write_all(answer).expect("a client");
            }
        });
        address
    }

    #[test]
    fn a_stall_is_charged_to_all_who_would_have_come() {
        let stall = Duration::from_millis(400);
        let address = stalling_server(50, stall);
        let (rate, length) = (200, Duration::from_secs(1));
        let waits =
            load(address, &|_| "/".to_owned(), &|body| body == "ok", rate, length, 1).expect("answers");
        assert_eq!(waits.count(), 200);
        // Eighty were due while it stalled: the first waited for all of it, the fortieth for half.
        assert!(waits.within(999) >= 390_000, "{}", waits.within(999));
        assert!(waits.within(800) >= 190_000, "{}", waits.within(800));
    }

    #[test]
    fn another_answer_ends_it() {
        let address = stalling_server(usize::MAX, Duration::ZERO);
        let waits = load(address, &|_| "/".to_owned(), &|body| body == "no", 100, Duration::from_secs(1), 1);
        assert!(waits.is_err());
    }
}
