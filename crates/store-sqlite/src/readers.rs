//! The connections that read.
//!
//! A point read costs 5 µs and a hop to a reader thread halves the rate, so short reads run inline on the async
//! worker; what may scan or return much runs off the workers, on a pool with permits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use slippers_core::{StoreError, Tally, Waits};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::connection::open_reader;
use crate::db::Db;
use crate::error::interpret_error;
use crate::writer::MAX_WAIT;

/// Connections open at once at most. Inline reads can't need more than there are threads.
const MAX_OPEN: u32 = 64;
/// Long reads that may wait for a permit; one more is told at once that the database is busy.
const MAX_WAITING: usize = 256;

/// The pool of read-only connections.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Connections that are kept when idle.
    size: u32,
    open: AtomicU32,
    closed: AtomicBool,
    long: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: AtomicU64,
    waits: Arc<Waits>,
    statements: Arc<AtomicU64>,
}

/// The pool's figures.
pub(crate) struct ReaderStatus {
    pub(crate) size: u32,
    pub(crate) max_open: u32,
    pub(crate) open: u32,
    pub(crate) idle: u32,
    /// Long reads that wait for a permit.
    pub(crate) waiting: u64,
    /// Reads for which there was no room.
    pub(crate) refused: u64,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, statements: Arc<AtomicU64>, waits: Arc<Waits>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        // One for each worker and one for each permit of the long reads.
        let size = u32::try_from(cores * 2).unwrap_or(MAX_OPEN).clamp(4, MAX_OPEN);
        Self {
            path,
            idle: Mutex::new(Vec::new()),
            size,
            open: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            long: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            waits,
            statements,
        }
    }

    /// A short read of one statement, at once.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Db<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let lease = self.lease()?;
        work(&Db::new(lease.conn()?, &self.statements))
    }

    /// A short read of several statements, which all see the database as it is at the first.
    pub(crate) fn snapshot<T>(
        &self,
        work: impl FnOnce(&Db<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lease = self.lease()?;
        let conn = lease.conn()?;
        control(conn, "BEGIN")?;
        let found = work(&Db::new(conn, &self.statements));
        let ended = control(conn, "COMMIT");
        found.and_then(|found| ended.map(|()| found))
    }

    /// Like [`Self::snapshot`], for what may take long: off the async workers.
    pub(crate) async fn long_snapshot<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Db<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tally, since) = (Tally::current(), Instant::now());
        let permit = {
            let _place = Place::take(self)?;
            match timeout(MAX_WAIT, Arc::clone(&self.long).acquire_owned()).await {
                Ok(permit) => permit.map_err(|_| closed())?,
                Err(_elapsed) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    return Err(StoreError::Unavailable("the read has waited too long".to_owned()));
                }
            }
        };
        self.waits.count(since.elapsed());
        let readers = Arc::clone(self);
        let work = move || {
            let _entered = tally.map(|tally| {
                tally.queued(since.elapsed());
                tally.enter()
            });
            let found = readers.snapshot(work);
            // Not before the read has ended, also when its caller stopped waiting.
            drop(permit);
            found
        };
        #[expect(clippy::disallowed_methods, reason = "bounded: it holds one of a core's permits")]
        let read = tokio::task::spawn_blocking(work);
        read.await.map_err(|error| StoreError::Other(format!("a read panicked: {error}")))?
    }

    /// Closes what is idle; what is at work is closed when it is done.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.long.close();
        let idle = std::mem::take(&mut *self.idle());
        self.forget(idle.len());
    }

    pub(crate) fn status(&self) -> ReaderStatus {
        let idle = u32::try_from(self.idle().len()).unwrap_or(u32::MAX);
        let open = self.open.load(Ordering::Relaxed).max(idle);
        let waiting = u64::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let refused = self.refused.load(Ordering::Relaxed);
        ReaderStatus { size: self.size, max_open: MAX_OPEN, open, idle, waiting, refused }
    }

    fn lease(&self) -> Result<Lease<'_>, StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let idle = self.idle().pop();
        let conn = match idle {
            Some(conn) => conn,
            None => self.open_another()?,
        };
        Ok(Lease { readers: self, conn: Some(conn) })
    }

    fn open_another(&self) -> Result<Connection, StoreError> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= MAX_OPEN {
            self.forget(1);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Unavailable(format!("{MAX_OPEN} connections read already")));
        }
        open_reader(&self.path).map_err(|error| {
            self.forget(1);
            interpret_error(error)
        })
    }

    fn forget(&self, connections: usize) {
        self.open.fetch_sub(u32::try_from(connections).unwrap_or(0), Ordering::Relaxed);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan.
struct Lease<'r> {
    readers: &'r Readers,
    conn: Option<Connection>,
}

impl Lease<'_> {
    fn conn(&self) -> Result<&Connection, StoreError> {
        self.conn.as_ref().ok_or_else(closed)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // One that is still inside a transaction would hold its old snapshot, and the log, for ever.
        if conn.is_autocommit() {
            let mut idle = self.readers.idle();
            // Asked under the lock, so that none is put back behind `close`.
            let keep = !self.readers.closed.load(Ordering::SeqCst);
            if keep && idle.len() < usize::try_from(self.readers.size).unwrap_or(usize::MAX) {
                idle.push(conn);
                return;
            }
        }
        self.readers.forget(1);
    }
}

/// A place among those who wait.
struct Place<'w>(&'w AtomicUsize);

impl<'w> Place<'w> {
    fn take(readers: &'w Readers) -> Result<Self, StoreError> {
        let place = Self(&readers.waiting);
        if readers.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            readers.refused.fetch_add(1, Ordering::Relaxed);
            return Err(StoreError::Unavailable(format!("{MAX_WAITING} long reads wait already")));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the database is being closed".to_owned())
}

fn control(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(interpret_error)?;
    statement.execute([]).map_err(interpret_error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers() -> (tempfile::TempDir, Arc<Readers>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.db");
        drop(crate::connection::open_writer(&path).expect("a file"));
        (folder, Arc::new(Readers::new(path, Arc::default(), Arc::default())))
    }

    async fn read(readers: Arc<Readers>) -> Result<i64, StoreError> {
        readers.long_snapshot(|db| db.one("SELECT 1", [], |row| row.int(0))).await
    }

    #[tokio::test]
    async fn long_reads_wait_in_a_bounded_queue_and_short_ones_pass_by() {
        let (_folder, readers) = readers();
        let permits = Arc::clone(&readers.long);
        let held = permits.acquire_many(u32::try_from(permits.available_permits()).expect("few")).await;
        let waiting: Vec<_> = (0..MAX_WAITING).map(|_| tokio::spawn(read(Arc::clone(&readers)))).collect();
        while readers.status().waiting < u64::try_from(MAX_WAITING).expect("few") {
            tokio::task::yield_now().await;
        }
        let one_more = read(Arc::clone(&readers)).await;
        assert!(matches!(one_more, Err(StoreError::Unavailable(_))), "{one_more:?}");
        assert_eq!(readers.status().refused, 1);
        let short: Result<i64, StoreError> = readers.read(|db| db.one("SELECT 2", [], |row| row.int(0)));
        assert_eq!(short.expect("an answer"), 2);
        drop(held);
        for read in waiting {
            assert_eq!(read.await.expect("no panic").expect("an answer"), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_read_does_not_wait_for_ever() {
        let (_folder, readers) = readers();
        let permits = Arc::clone(&readers.long);
        let held = permits.acquire_many(u32::try_from(permits.available_permits()).expect("few")).await;
        let waited = read(Arc::clone(&readers)).await;
        assert!(matches!(waited, Err(StoreError::Unavailable(_))), "{waited:?}");
        assert_eq!((readers.status().refused, readers.status().waiting), (1, 0));
        drop(held);
        assert_eq!(read(readers).await.expect("an answer"), 1);
    }
}
