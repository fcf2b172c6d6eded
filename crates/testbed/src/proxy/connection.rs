//! One connection through the proxy: two directions, each a reader that stamps what it read with the time when it may
//! arrive, and a writer that delivers it then.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::commits::{Backend, Frontend};
use super::lot::Lot;
use super::{Lose, Weather, reset};

/// How many pieces are under way in one direction before the sender is made to wait.
const UNDER_WAY: usize = 256;

/// How much is read at once.
const PIECE_BYTES: usize = 16 * 1024;

/// A bandwidth is kept by pauses about this long.
const BREATH: u32 = 50;

/// The connection is over, for both sides at once.
#[derive(Debug)]
struct Reset;

/// What one connection knows of the proxy.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) target: SocketAddr,
    pub(super) lot: Lot,
    pub(super) reads_postgres: bool,
    /// The number of the last reset of all before it began.
    pub(super) storm: u32,
    pub(super) weather: watch::Receiver<Weather>,
    pub(super) cut_answers: Arc<AtomicU32>,
    pub(super) cut_requests: Arc<AtomicU32>,
}

/// What both directions of a connection share.
struct Shared {
    weather: watch::Receiver<Weather>,
    /// Bytes until the reset that `reset_after` drew.
    bytes_left: Mutex<Option<u64>>,
    talk: Option<Mutex<Talk>>,
    cut_answers: Arc<AtomicU32>,
    cut_requests: Arc<AtomicU32>,
}

/// What was said in PostgreSQL's language.
struct Talk {
    frontend: Frontend,
    backend: Backend,
    lot: Lot,
    byte_answers: usize,
    /// The answer to a COMMIT that is on its way is to be lost.
    loses_answer: bool,
    /// The rest is encrypted.
    is_deaf: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

impl Connection {
    /// Carries until both sides have ended, or the weather resets it.
    pub(super) async fn run(mut self, client: TcpStream) {
        let faults = self.weather.borrow().faults.clone();
        if faults.refuse {
            return reset(client);
        }
        let reachable = self.weather.wait_for(|weather| !weather.faults.black_hole).await.is_ok();
        let connected = if reachable { TcpStream::connect(self.target).await.ok() } else { None };
        let Some(server) = connected else { return reset(client) };
        let (mut client, mut server) = (client, server);
        // Small pieces leave at once: what delays there are, are ours.
        let _ = client.set_nodelay(true).and(server.set_nodelay(true));
        let drawn = faults.reset_after.map(|range| {
            u64::from(range.start) + self.lot.below(u64::from(range.end.saturating_sub(range.start)))
        });
        let (up, down) = (self.lot.fork(), self.lot.fork());
        let shared = Shared {
            weather: self.weather.clone(),
            bytes_left: Mutex::new(drawn),
            talk: self.reads_postgres.then(|| Mutex::new(Talk::new(self.lot.fork()))),
            cut_answers: Arc::clone(&self.cut_answers),
            cut_requests: Arc::clone(&self.cut_requests),
        };
        let end = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let carried = async {
                tokio::try_join!(
                    carry(&shared, Direction::ToServer, up, from_client, to_server),
                    carry(&shared, Direction::ToClient, down, from_server, to_client)
                )
            };
            let storm = self.storm;
            tokio::select! {
                end = carried => end.map(drop),
                _ = self.weather.wait_for(|weather| weather.storm > storm || weather.faults.refuse) => Err(Reset),
            }
        };
        if end.is_err() {
            reset(client);
            reset(server);
        }
    }
}

async fn carry(
    shared: &Shared,
    direction: Direction,
    lot: Lot,
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
) -> Result<(), Reset> {
    let (queue, queued) = mpsc::channel(UNDER_WAY);
    tokio::try_join!(read(shared, direction, lot, from, queue), deliver(shared, to, queued)).map(drop)
}

/// Something that arrives at a time: bytes, or the end of its direction.
enum Piece {
    Bytes(Vec<u8>),
    End,
    Reset,
}

async fn read(
    shared: &Shared,
    direction: Direction,
    mut lot: Lot,
    mut from: ReadHalf<'_>,
    queue: mpsc::Sender<(Instant, Piece)>,
) -> Result<(), Reset> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut last = Instant::now();
    loop {
        // A peer that reset its side resets the other, after what it sent before.
        let mut pieces = match from.read(&mut buffer).await {
            Ok(0) => VecDeque::from([Piece::End]),
            Ok(length) => shared.hear(direction, &buffer[..length]),
            Err(_) => VecDeque::from([Piece::Reset]),
        };
        let delay = shared.delay(&mut lot);
        last = last.max(Instant::now() + delay);
        while let Some(piece) = pieces.pop_front() {
            let is_last = !matches!(piece, Piece::Bytes(_));
            if queue.send((last, piece)).await.is_err() || is_last {
                return Ok(());
            }
        }
    }
}

async fn deliver(
    shared: &Shared,
    mut to: WriteHalf<'_>,
    mut queued: mpsc::Receiver<(Instant, Piece)>,
) -> Result<(), Reset> {
    let mut weather = shared.weather.clone();
    while let Some((when, piece)) = queued.recv().await {
        // Also a timer that is due already takes up to a millisecond.
        if when > Instant::now() {
            tokio::time::sleep_until(when).await;
        }
        // The proxy is gone when there is no weather any more.
        weather.wait_for(|weather| !weather.faults.black_hole).await.map_err(|_| Reset)?;
        match piece {
            Piece::Bytes(bytes) => shared.write(&mut to, &bytes).await?,
            Piece::End => return to.shutdown().await.map_err(|_| Reset),
            Piece::Reset => return Err(Reset),
        }
    }
    Ok(())
}

impl Shared {
    fn delay(&self, lot: &mut Lot) -> Duration {
        let weather = self.weather.borrow();
        let jitter = u64::try_from(weather.faults.jitter.as_micros()).unwrap_or(u64::MAX);
        weather.faults.latency + Duration::from_micros(lot.below(jitter))
    }

    /// Writes at the pace of the weather, until the bytes of the connection are used up.
    async fn write(&self, to: &mut WriteHalf<'_>, mut bytes: &[u8]) -> Result<(), Reset> {
        while !bytes.is_empty() {
            let pace = self.weather.borrow().faults.bytes_per_second.map(|pace| pace.max(1));
            let slice = pace.map_or(bytes.len(), |pace| usize::try_from(pace / BREATH).unwrap_or(1).max(1));
            let (now, later) = bytes.split_at(slice.min(bytes.len()));
            // Before they are there: the last bytes take their time as well.
            if let Some(pace) = pace {
                let length = u32::try_from(now.len()).unwrap_or(u32::MAX);
                tokio::time::sleep(Duration::from_secs(1) * length / pace).await;
            }
            let allowed = self.take(now.len());
            to.write_all(&now[..allowed]).await.map_err(|_| Reset)?;
            if allowed < now.len() {
                return Err(Reset);
            }
            bytes = later;
        }
        Ok(())
    }

    /// How many of `wanted` bytes may pass before the connection is reset.
    fn take(&self, wanted: usize) -> usize {
        let mut left = self.bytes_left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = left.as_mut() else { return wanted };
        let allowed = usize::try_from(*left).unwrap_or(wanted).min(wanted);
        *left -= u64::try_from(allowed).unwrap_or(0);
        allowed
    }

    /// What passes of a piece that was read.
    fn hear(&self, direction: Direction, piece: &[u8]) -> VecDeque<Piece> {
        let cut_at = self.talk.as_ref().and_then(|talk| {
            let mut talk = talk.lock().unwrap_or_else(PoisonError::into_inner);
            match direction {
                _ if talk.is_deaf => None,
                Direction::ToServer => self.hear_client(&mut talk, piece),
                Direction::ToClient => self.hear_server(&mut talk, piece),
            }
        });
        match cut_at {
            Some(at) => VecDeque::from([Piece::Bytes(piece[..at].to_vec()), Piece::Reset]),
            None => VecDeque::from([Piece::Bytes(piece.to_vec())]),
        }
    }

    /// Where the connection is to be cut because a request is lost.
    fn hear_client(&self, talk: &mut Talk, piece: &[u8]) -> Option<usize> {
        let said = talk.frontend.hear(piece);
        talk.byte_answers += said.byte_answers;
        let at = said.commit_at?;
        let weather = self.weather.borrow();
        let cut = weather.faults.cut.as_ref()?;
        // The lot is drawn for each COMMIT, so that the number of cuts so far doesn't move the later ones.
        let is_drawn = talk.lot.below(u64::from(cut.one_in)) == 0;
        if !is_drawn || weather.cuts.fetch_add(1, Ordering::SeqCst) >= cut.at_most {
            return None;
        }
        match cut.lose {
            Lose::Request => {
                self.cut_requests.fetch_add(1, Ordering::SeqCst);
                Some(at)
            }
            Lose::Answer => {
                talk.loses_answer = true;
                None
            }
        }
    }

    /// Where the connection is to be cut because an answer is lost.
    fn hear_server(&self, talk: &mut Talk, piece: &[u8]) -> Option<usize> {
        let has_byte = talk.byte_answers > 0;
        let (answer, byte_answers) = talk.backend.hear(piece, talk.byte_answers);
        talk.byte_answers = byte_answers;
        // "S" to a request for TLS, "G" to one for Kerberos.
        talk.is_deaf = has_byte && matches!(piece.first(), Some(b'S' | b'G'));
        let answer = answer.filter(|_| talk.loses_answer)?;
        if answer.committed {
            self.cut_answers.fetch_add(1, Ordering::SeqCst);
        }
        Some(answer.at)
    }
}

impl Talk {
    fn new(lot: Lot) -> Self {
        let (frontend, backend) = Default::default();
        Self { frontend, backend, lot, byte_answers: 0, loses_answer: false, is_deaf: false }
    }
}
