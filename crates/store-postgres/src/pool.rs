//! The connections, and how they are lent.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slippers_core::{PoolStatus, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Config;

use crate::connection::connect;
use crate::db::Db;
use crate::error::told;
use crate::feed::Feed;
use crate::settings::PostgresSettings;

/// Calls that may wait for a connection; one more is told at once that the database is busy.
const MAX_WAITING: usize = 1024;
/// How long closing waits for what is at work.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// The pool. A connection is made when one is needed and none is idle.
pub(crate) struct Pool {
    config: Config,
    size: u32,
    max_overflow: u32,
    timeout: Duration,
    prepared: bool,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// The one that was used last is lent first: those beyond the need fall asleep.
    idle: Mutex<Vec<Db>>,
    closed: AtomicBool,
    feed: Arc<Feed>,
    statements: Arc<AtomicU64>,
}

impl Pool {
    pub(crate) fn new(
        config: Config,
        settings: &PostgresSettings,
        statements: Arc<AtomicU64>,
        feed: Arc<Feed>,
    ) -> Self {
        let size = settings.pool_size.max(1);
        Self {
            config,
            size,
            max_overflow: settings.max_overflow,
            timeout: settings.pool_timeout,
            prepared: settings.prepared_statements,
            permits: Arc::new(Semaphore::new(count(size) + count(settings.max_overflow))),
            waiting: AtomicUsize::new(0),
            idle: Mutex::new(Vec::new()),
            closed: AtomicBool::new(false),
            feed,
            statements,
        }
    }

    /// A connection, after at most the pool's timeout and the time that making one takes.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, StoreError> {
        let permit = self.permit().await?;
        let idle = self.take_idle();
        let db = match idle {
            Some(db) => db,
            None => connect(&self.config, self.prepared, Arc::clone(&self.statements))
                .await
                .map_err(|error| StoreError::Unavailable(told(&error)))?,
        };
        Ok(Lease { pool: Arc::clone(self), db: Some(db), is_in_transaction: false, _permit: permit })
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting)?;
        match tokio::time::timeout(self.timeout, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(permit) => permit.map_err(|_| closed()),
            Err(_) => Err(StoreError::Unavailable("no connection was free in time".to_owned())),
        }
    }

    fn take_idle(&self) -> Option<Db> {
        let mut idle = self.idle();
        while let Some(db) = idle.pop() {
            if !db.is_closed() {
                return Some(db);
            }
        }
        None
    }

    /// Refuses further leases and waits for those that are out, for a while.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let all = self.size.saturating_add(self.max_overflow);
        let wait = tokio::time::timeout(CLOSE_LIMIT, self.permits.acquire_many(all));
        if wait.await.is_err() {
            tracing::warn!("connections are at work while the database is closed");
        }
        self.permits.close();
        self.idle().clear();
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let all = count(self.size) + count(self.max_overflow);
        let in_use = all.saturating_sub(self.permits.available_permits());
        PoolStatus {
            size: self.size,
            idle: narrow(self.idle().len()),
            in_use: narrow(in_use),
            max_overflow: self.max_overflow,
            timeout_seconds: u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Db>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(connections: u32) -> usize {
    usize::try_from(connections).unwrap_or(usize::MAX)
}

fn narrow(connections: usize) -> u32 {
    u32::try_from(connections).unwrap_or(u32::MAX)
}

pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the database is being closed".to_owned())
}

/// A connection on loan.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    db: Option<Db>,
    is_in_transaction: bool,
    // Given back after the connection, in the order of the fields.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn db(&self) -> Result<&Db, StoreError> {
        self.db.as_ref().ok_or_else(closed)
    }

    /// Who is told what was changed on it.
    pub(crate) fn feed(&self) -> &Feed {
        &self.pool.feed
    }

    /// Says whether the connection is inside of a transaction; one that is given back like that is closed.
    pub(crate) const fn set_in_transaction(&mut self, is_in_transaction: bool) {
        self.is_in_transaction = is_in_transaction;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if db.is_closed() {
            return;
        }
        if db.has_open_statements() {
            db.cancel();
            return;
        }
        if self.is_in_transaction {
            return;
        }
        let mut idle = self.pool.idle();
        // Asked under the lock, so that none is put back behind `close`.
        let keep = !self.pool.closed.load(Ordering::SeqCst) && idle.len() < count(self.pool.size);
        if keep {
            idle.push(db);
        }
    }
}

/// A place among those who wait.
struct Place<'w>(&'w AtomicUsize);

impl<'w> Place<'w> {
    fn take(waiting: &'w AtomicUsize) -> Result<Self, StoreError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(StoreError::Unavailable(format!(
                "{MAX_WAITING} calls wait for a connection already"
            )));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
