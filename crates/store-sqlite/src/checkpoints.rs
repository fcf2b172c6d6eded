//! The log is copied into the file beside whoever writes, by a thread of its own.
//!
//! SQLite does it within the commit that finds the log long, before that is answered: one write of some hundred waited for two
//! syncs and for thousands of pages, and who came meanwhile waited with it. A passive checkpoint (<https://sqlite.org/wal.html>)
//! keeps nobody from reading or writing. But the log begins anew only with a write that finds all of it copied, so what was written
//! during a pass is copied in another, as short as that was. In a crowd that never ends even the shortest pass finds something
//! behind it: then the writer takes the last one itself, between two transactions.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ErrorCode};

use crate::connection::open_writer;

/// The log is copied when so many of its pages are not yet (16 MB): four times as many as SQLite's own limit, since most pages
/// of a shop are written again and again, and each checkpoint writes them once.
const LONG: u32 = 4_000;
/// A log of so many pages (32 MB) the writer copies itself once few are left. Only a pass that leaves nothing behind syncs the file,
/// so it may be all of them that this one waits for.
const LONGEST: u32 = 2 * LONG;
/// So few.
const FEW: u32 = LONG / 8;
/// With so many (256 MB) who writes waits for a pass that is under way: else a disk that is slower than the log grows would never
/// be done.
const TOO_LONG: u32 = 16 * LONG;
/// After so many passes the rest is left to the next checkpoint.
const PASSES: usize = 4;
/// How soon there is another checkpoint where the last could not copy all, because of who reads what was before.
const RETRY: Duration = Duration::from_millis(250);

/// What copies the log. Where it can't be started, SQLite's own checkpoints go on.
pub(crate) struct Checkpoints {
    beside: Option<Beside>,
    /// How many pages the log had when its last checkpoint was asked for, and when that was.
    asked_at: u32,
    asked: Instant,
}

struct Beside {
    log: Arc<Log>,
    ask: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// The log as it was last seen. Of one that began anew while a pass ended, or with a transaction as long as all before, more seems
/// to be copied than is: then it is asked for somewhat later, or the writer's pass takes longer.
#[derive(Default)]
struct Log {
    /// How many pages it has.
    pages: AtomicU32,
    /// How many of them are in the file.
    copied: AtomicU32,
    /// Held during a pass: whether the last one failed.
    pass: Mutex<bool>,
}

impl Checkpoints {
    /// Of the file that this connection writes.
    pub(crate) fn of(writer: &mut Connection) -> Self {
        let beside = Beside::start(writer).inspect_err(|error| {
            tracing::warn!(%error, "checkpoints are made by who writes: {error}");
        });
        Self { beside: beside.ok(), asked_at: 0, asked: Instant::now() }
    }

    /// The writer looks at the log, after a transaction whose waiters are answered, and from time to time.
    pub(crate) fn look(&mut self, writer: &Connection) {
        let Some(Beside { log, ask, .. }) = &self.beside else { return };
        let (pages, rest) = (log.pages.load(Ordering::Relaxed), log.rest());
        self.asked_at = self.asked_at.min(pages);
        let was_asked = pages - self.asked_at < LONG && self.asked.elapsed() < RETRY && self.asked_at > 0;
        if rest >= LONG && !was_asked {
            (self.asked_at, self.asked) = (pages, Instant::now());
            // It is as good when it was asked already and has not begun.
            if matches!(ask.try_send(()), Err(TrySendError::Disconnected(()))) {
                log.copy(writer);
            }
        } else if pages >= LONGEST && (1..=FEW).contains(&rest) {
            log.copy(writer);
        }
        if pages >= TOO_LONG {
            drop(log.lock());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        if let Some(Beside { ask, thread, .. }) = self.beside.take() {
            drop(ask);
            if thread.join().is_err() {
                tracing::error!("the thread of the checkpoints had panicked");
            }
        }
    }
}

impl Beside {
    fn start(writer: &mut Connection) -> Result<Self, Box<dyn std::error::Error>> {
        let conn = open_writer(Path::new(writer.path().ok_or("the database has no path")?))?;
        let log = Arc::<Log>::default();
        let (ask, asked) = sync_channel(1);
        let of_thread = Arc::clone(&log);
        let thread = std::thread::Builder::new()
            .name("slippers-checkpoint".to_owned())
            .spawn(move || copy_when_asked(&conn, &of_thread, &asked))?;
        let of_hook = Arc::clone(&log);
        // In place of SQLite's own checkpoints, which are such a hook.
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            of_hook.grew(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }))?;
        Ok(Self { log, ask, thread })
    }
}

fn copy_when_asked(conn: &Connection, log: &Log, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        in_passes(log, || log.copy(conn));
    }
}

/// As long as each leaves less than the last, but something that was written meanwhile.
fn in_passes(log: &Log, mut pass: impl FnMut()) {
    for _ in 0..PASSES {
        let before = log.rest();
        pass();
        if log.rest() == 0 || log.rest() >= before {
            break;
        }
    }
}

impl Log {
    fn rest(&self) -> u32 {
        self.pages.load(Ordering::Relaxed).saturating_sub(self.copied.load(Ordering::Relaxed))
    }

    /// After a commit.
    fn grew(&self, pages: u32) {
        if pages < self.copied.load(Ordering::Relaxed) {
            self.copied.store(0, Ordering::Relaxed);
        }
        self.pages.store(pages, Ordering::Relaxed);
    }

    /// Copies what nobody still reads as it was.
    fn copy(&self, conn: &Connection) {
        let mut has_failed = self.lock();
        let seen = self.pages.load(Ordering::Relaxed);
        match conn.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE) {
            Ok((pages, copied)) => {
                let [pages, copied] = [pages, copied].map(|count| u32::try_from(count).unwrap_or(0));
                if pages < seen {
                    // Another process has cut it. Fails when somebody committed meanwhile, who has told the truth.
                    let _ = self.pages.compare_exchange(seen, pages, Ordering::Relaxed, Ordering::Relaxed);
                }
                self.copied.store(copied, Ordering::Relaxed);
                *has_failed = false;
            }
            // Another process copies it.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            Err(error) => {
                // A full disk fails each: it is told once.
                if !std::mem::replace(&mut *has_failed, true) {
                    tracing::warn!(%error, "the log was not copied into the database: {error}");
                }
            }
        }
    }

    /// Waits for the end of a pass that is under way.
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.pass.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
