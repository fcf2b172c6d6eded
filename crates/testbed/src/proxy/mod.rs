//! A TCP proxy that does to connections what networks do, and one thing that they do rarely and cruelly: it loses the
//! answer to a COMMIT.
//!
//! Faults are switched while it runs and act on open connections too. What is drawn by lot is drawn from the seed, the
//! number of the connection and what happened on it: the same seed and the same traffic meet the same faults.

mod commits;
mod connection;
mod lot;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::error::Error;
use connection::Connection;
use lot::Lot;

/// What happens to the traffic. The default: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// How much later everything arrives, in each direction.
    pub latency: Duration,
    /// At most how much later still, drawn for each piece. Order is kept, as in TCP.
    pub jitter: Duration,
    /// How much passes in a second, on each connection and in each direction. `Some(0)` is taken as 1.
    pub bytes_per_second: Option<u32>,
    /// Nothing passes, not even a connection's end. What was sent meanwhile arrives when it is over, as after a cable
    /// was pulled and put back. The kernel still takes new connections.
    pub black_hole: bool,
    /// New connections are reset at once.
    pub refuse: bool,
    /// Connections that begin from now on are reset after so many bytes of both directions, drawn for each.
    pub reset_after: Option<Range<u32>>,
    /// COMMITs that are cut off; only of a [`Proxy::to_postgres`].
    pub cut: Option<Cut>,
}

/// Which COMMITs are cut off, and how: the client's connection is reset and it can't know what came of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Which half of the talk is lost.
    pub lose: Lose,
    /// One of how many, by lot: 1 is each, 0 is taken as 1.
    pub one_in: u32,
    /// After so many the others pass; counted from when the fault was set.
    pub at_most: u32,
}

/// The half of the talk about a COMMIT that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lose {
    /// The server never hears of it, and rolls back.
    Request,
    /// The server has committed, and the client never hears of it.
    Answer,
}

impl Cut {
    /// The next COMMIT, and then no more.
    pub fn next(lose: Lose) -> Self {
        Self { lose, one_in: 1, at_most: 1 }
    }
}

/// What is in force; replaced as one.
#[derive(Debug, Clone, Default)]
struct Weather {
    faults: Faults,
    /// Connections that began under a lower number are to be reset.
    storm: u32,
    /// How many COMMITs were cut since the faults were set.
    cuts: Arc<AtomicU32>,
}

/// A proxy on a free port of 127.0.0.1, with a thread of its own; gone, with its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    /// `None` only while it is dropped.
    thread: Option<JoinHandle<()>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    connections: Arc<AtomicU32>,
    cut_answers: Arc<AtomicU32>,
    cut_requests: Arc<AtomicU32>,
}

impl Proxy {
    /// A proxy to a port of 127.0.0.1 that passes everything until told otherwise.
    pub fn to(port: u16, seed: u64) -> Result<Self, Error> {
        Self::start(port, seed, false).map_err(Error::io("starting a proxy"))
    }

    /// The same to a PostgreSQL or PgBouncer, whose COMMITs it can cut off. It sees no statements inside TLS.
    pub fn to_postgres(port: u16, seed: u64) -> Result<Self, Error> {
        Self::start(port, seed, true).map_err(Error::io("starting a proxy"))
    }

    fn start(target: u16, seed: u64, reads_postgres: bool) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        let (weather, current) = watch::channel(Weather::default());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let connections = Arc::<AtomicU32>::default();
        let (cut_answers, cut_requests) = (Arc::default(), Arc::default());
        let front = Front {
            listener,
            target: (Ipv4Addr::LOCALHOST, target).into(),
            seed,
            reads_postgres,
            weather: current,
            connections: Arc::clone(&connections),
            cut_answers: Arc::clone(&cut_answers),
            cut_requests: Arc::clone(&cut_requests),
        };
        let thread = Builder::new().name("proxy".into()).spawn(move || front.run(&runtime, stopped))?;
        let (thread, stop) = (Some(thread), Some(stop));
        Ok(Self { port, weather, thread, stop, connections, cut_answers, cut_requests })
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on these faults and no others.
    pub fn set(&self, faults: Faults) {
        self.weather.send_modify(|weather| {
            weather.faults = faults;
            weather.cuts = Arc::default();
        });
    }

    /// From now on no faults.
    pub fn heal(&self) {
        self.set(Faults::default());
    }

    /// Resets every open connection, on both sides.
    pub fn reset_all(&self) {
        self.weather.send_modify(|weather| weather.storm += 1);
    }

    /// How many connections were made to it since the start, those included that were refused.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many COMMITs the server confirmed and their clients never heard of, since the start.
    pub fn lost_answers(&self) -> u32 {
        self.cut_answers.load(Ordering::SeqCst)
    }

    /// How many COMMITs never reached the server, since the start.
    pub fn lost_requests(&self) -> u32 {
        self.cut_requests.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own was shown already.
            let _ = thread.join();
        }
    }
}

/// What the proxy's thread works with.
struct Front {
    listener: TcpListener,
    target: SocketAddr,
    seed: u64,
    reads_postgres: bool,
    weather: watch::Receiver<Weather>,
    connections: Arc<AtomicU32>,
    cut_answers: Arc<AtomicU32>,
    cut_requests: Arc<AtomicU32>,
}

impl Front {
    fn run(self, runtime: &Runtime, stopped: tokio::sync::oneshot::Receiver<()>) {
        runtime.block_on(async {
            tokio::select! {
                () = self.accept() => {}
                _ = stopped => {}
            }
        });
        // Dropping the runtime drops its connections.
    }

    async fn accept(self) {
        let mut number = 0;
        // An accept fails when the client gave up meanwhile: the next may be there.
        loop {
            let Ok((client, _)) = self.listener.accept().await else { continue };
            number += 1;
            self.connections.fetch_add(1, Ordering::SeqCst);
            let connection = Connection {
                target: self.target,
                lot: Lot::new(self.seed, number),
                reads_postgres: self.reads_postgres,
                storm: self.weather.borrow().storm,
                weather: self.weather.clone(),
                cut_answers: Arc::clone(&self.cut_answers),
                cut_requests: Arc::clone(&self.cut_requests),
            };
            tokio::spawn(connection.run(client));
        }
    }
}

/// Ends a connection as a crash does: the other side reads "connection reset by peer".
fn reset(stream: TcpStream) {
    // A socket that is closed already needs none.
    let _ = stream.set_zero_linger();
    drop(stream);
}
