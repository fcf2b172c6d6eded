//! The one thread that writes.
//!
//! SQLite lets one connection write at a time and a durable commit waits for the disk, so writes queue here and those
//! that wait at this moment share a transaction: 64 callers do 8,800 orders a second at `synchronous=FULL`, where a
//! transaction each does 2,600.

mod batch;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use slippers_core::accounts::Generations;
use slippers_core::{AtWork, Change, Entered, Listeners, StoreError, StoreLoad, Tally, Waits};
use tokio::sync::oneshot;

use self::batch::{Job, run_batch};
use crate::anchor::Anchor;
use crate::checkpoints::Checkpoints;
use crate::db::Db;
use crate::elsewhere::Elsewhere;

/// Writes that may wait; one more is told at once that the database is busy.
const QUEUE: usize = 1024;
/// Writes that share a transaction at most: enough to hide the fsync, few enough that the first does not wait long.
const BATCH: usize = 64;
/// A write that would begin only after so long, behind a large import or a disk that hangs, is refused instead. There
/// is no timer: the bound is seen by who enqueues and by the thread, so that a test's frozen clock can't trip it.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(5);
/// How often there is a look at what other processes have committed.
const LOOK_ELSEWHERE: Duration = Duration::from_millis(250);

/// The thread and its queue.
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

struct Shared {
    statements: Arc<AtomicU64>,
    listeners: Arc<Listeners>,
    transactions: AtomicU64,
    /// Writes that were begun.
    writes: AtomicU64,
    waiting: AtomicU64,
    refused: AtomicU64,
    waits: Arc<Waits>,
    closed: AtomicBool,
    started: Instant,
    /// Microseconds after `started` at which the batch at work began; 0 = idle.
    busy_since: AtomicU64,
}

enum Message {
    Write { job: Box<dyn Job>, since: Instant },
    Stop,
}

impl Writer {
    /// Starts the thread on its connection.
    pub(crate) fn start(
        conn: Connection,
        statements: Arc<AtomicU64>,
        listeners: Arc<Listeners>,
        waits: Arc<Waits>,
    ) -> std::io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let shared = Arc::new(Shared {
            statements,
            listeners,
            transactions: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            waits,
            closed: AtomicBool::new(false),
            started: Instant::now(),
            busy_since: AtomicU64::new(0),
        });
        let of_thread = Arc::clone(&shared);
        // Before anybody reads: what others commit from now on is seen to be new.
        let mut elsewhere = Elsewhere::default();
        look_elsewhere(&conn, &mut elsewhere, &shared.listeners);
        let thread = std::thread::Builder::new()
            .name("slippers-writer".to_owned())
            .spawn(move || write_until_stopped(conn, elsewhere, &messages, &of_thread))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)), shared })
    }

    /// Runs a verb inside a transaction and answers after the commit. An error undoes all that the verb did. The verb
    /// may be run more than once, but only what its last run did stays.
    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnMut(&Db<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        self.enqueue(Box::new(Verb { work, reply, outcome: None, turn: Turn::of_now() }))?;
        outcome.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Lets the queued verbs finish, brings the file up to date and ends the thread.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Fails only when the thread is gone already.
            let _ = self.queue.send(Message::Stop);
            if thread.join().is_err() {
                tracing::error!("the writer had panicked");
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.shared.busy_since.load(Ordering::Relaxed) != 0
    }

    /// What moves with the changes of users.
    pub(crate) fn generations(&self) -> &Generations {
        self.shared.listeners.generations()
    }

    /// Transactions so far.
    #[cfg(test)]
    pub(crate) fn transactions(&self) -> u64 {
        self.shared.transactions.load(Ordering::Relaxed)
    }

    /// How busy it is.
    pub(crate) fn load(&self) -> StoreLoad {
        let Shared { waiting, refused, writes, transactions, waits, .. } = &*self.shared;
        StoreLoad {
            waiting: waiting.load(Ordering::Relaxed),
            refused: refused.load(Ordering::Relaxed),
            writes: writes.load(Ordering::Relaxed),
            write_transactions: transactions.load(Ordering::Relaxed),
            waits: waits.counts(),
        }
    }

    fn enqueue(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        if self.is_closed() {
            return Err(closed());
        }
        if self.shared.busy_for() > MAX_WAIT {
            return Err(self.shared.refuse("a long write is under way".to_owned()));
        }
        // Before it is sent: the thread may take it at once.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(Message::Write { job, since: Instant::now() }).map_err(|error| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => self.shared.refuse(format!("{QUEUE} writes wait already")),
                TrySendError::Disconnected(_) => closed(),
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn busy_for(&self) -> Duration {
        match self.busy_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.started.elapsed().saturating_sub(Duration::from_micros(since)),
        }
    }

    fn refuse(&self, why: String) -> StoreError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        StoreError::Unavailable(why)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the database is being closed".to_owned())
}

/// Takes what waits, one when idle, never waiting for more.
fn write_until_stopped(
    mut conn: Connection,
    mut elsewhere: Elsewhere,
    messages: &Receiver<Message>,
    shared: &Shared,
) {
    let mut stop = false;
    let mut anchor = Anchor::of(&conn);
    let mut checkpoints = Checkpoints::of(&mut conn);
    let mut writes_elsewhere = look_elsewhere(&conn, &mut elsewhere, &shared.listeners);
    let mut next_look = Instant::now() + LOOK_ELSEWHERE;
    while !stop {
        let waited = messages.try_recv().or_else(|_| {
            // Another process that writes could never begin the log anew.
            if !writes_elsewhere {
                anchor.drop_down();
            }
            let waited = messages.recv_timeout(next_look.saturating_duration_since(Instant::now()));
            anchor.lift();
            waited
        });
        if Instant::now() >= next_look {
            writes_elsewhere = look_elsewhere(&conn, &mut elsewhere, &shared.listeners);
            next_look = Instant::now() + LOOK_ELSEWHERE;
        }
        let first = match waited {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                shared.busy_since.store(shared.now(), Ordering::Relaxed);
                checkpoints.look(&conn);
                shared.busy_since.store(0, Ordering::Relaxed);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        shared.busy_since.store(shared.now(), Ordering::Relaxed);
        let mut batch = Vec::new();
        for message in std::iter::once(first).chain(messages.try_iter()) {
            match message {
                Message::Write { job, since } => {
                    shared.waiting.fetch_sub(1, Ordering::Relaxed);
                    batch.extend(still_wanted(job, since, shared));
                }
                Message::Stop => stop = true,
            }
            if stop || batch.len() == BATCH {
                break;
            }
        }
        shared.writes.fetch_add(u64::try_from(batch.len()).unwrap_or(0), Ordering::Relaxed);
        let transactions = run_batch(&conn, &shared.statements, &shared.listeners, batch);
        shared.transactions.fetch_add(transactions, Ordering::Relaxed);
        checkpoints.look(&conn);
        shared.busy_since.store(0, Ordering::Relaxed);
    }
    drop(anchor);
    drop(checkpoints);
    // With the log folded in, the file alone is the whole shop: a copy of it is a backup.
    if let Err(error) = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the log was not folded into the database");
    }
    if let Err((_, error)) = conn.close() {
        tracing::warn!(%error, "the database was not closed cleanly");
    }
}

/// Whether others have committed something: it may be anything. Where it can't be told whether they did, it is as if they had.
fn look_elsewhere(conn: &Connection, elsewhere: &mut Elsewhere, listeners: &Listeners) -> bool {
    let has_changed = elsewhere.has_changed(conn).unwrap_or_else(|error| {
        tracing::warn!(%error, "can't see what other processes have written: {error}");
        true
    });
    if has_changed {
        listeners.tell(&[Change::Catalog]);
    }
    has_changed
}

/// A write whose caller is gone, or that has waited too long, is not begun.
fn still_wanted(mut job: Box<dyn Job>, since: Instant, shared: &Shared) -> Option<Box<dyn Job>> {
    if !job.is_wanted() {
        return None;
    }
    shared.waits.count(since.elapsed());
    if since.elapsed() > MAX_WAIT {
        job.fail(shared.refuse("the write has waited too long".to_owned()));
        job.answer();
        return None;
    }
    Some(job)
}

/// A verb with its caller.
struct Verb<T, E, F> {
    work: F,
    reply: oneshot::Sender<Result<T, E>>,
    outcome: Option<Result<T, E>>,
    turn: Turn,
}

/// For which request a verb is run, since when it waits for its turn, and that the turn has come.
struct Turn {
    tally: Option<Arc<Tally>>,
    since: Instant,
    at_work: Option<AtWork>,
}

impl Turn {
    fn of_now() -> Self {
        Self { tally: Tally::current(), since: Instant::now(), at_work: None }
    }
}

impl<T, E, F> Job for Verb<T, E, F>
where
    F: FnMut(&Db<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, db: &Db<'_>) -> bool {
        let outcome = (self.work)(db);
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }

    fn enter(&mut self) -> Option<Entered> {
        let Turn { tally, since, at_work } = &mut self.turn;
        let tally = tally.as_ref()?;
        if at_work.is_none() {
            let now = Instant::now();
            tally.queued(now.duration_since(*since));
            *at_work = Some(AtWork::of(Some(Arc::clone(tally)), now));
        }
        Some(tally.enter())
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn answer(mut self: Box<Self>) {
        // The commit was part of it; who waits for the answer may look at once.
        drop(self.turn.at_work.take());
        if let Some(outcome) = self.outcome {
            // The caller may have stopped waiting; the write stays done.
            let _ = self.reply.send(outcome);
        }
    }
}
