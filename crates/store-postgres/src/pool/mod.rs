//! The connections, and how they are lent.

mod breaker;
mod class;
mod gate;
mod maker;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slippers_core::{PoolStatus, StoreError, Tally, WaitCounts, Waits};
use tokio::runtime::Handle;

pub(crate) use self::breaker::share_of;
pub(crate) use self::class::Class;
pub(crate) use self::gate::closed;
use self::gate::{Gate, Permit};
pub(crate) use self::maker::Maker;
use crate::connection::lot;
use crate::db::Db;
use crate::feed::Feed;
use crate::settings::PostgresSettings;

/// How long closing waits for what is at work.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// A connection that was idle for so long is asked for a sign of life before it is lent: a firewall may have forgotten it.
const LONG_IDLE: Duration = Duration::from_secs(30);
/// The longest that such a sign may take.
const SIGN_LIMIT: Duration = Duration::from_secs(1);
/// A connection beyond those that are kept is closed after so much idleness.
const SPARE_IDLE: Duration = Duration::from_secs(10);
/// How long a connection whose borrower went may take until it is known to be at rest.
const TIDY_LIMIT: Duration = Duration::from_secs(5);

/// The pool. A connection is made when one is needed and none is idle.
pub(crate) struct Pool {
    maker: Maker,
    size: u32,
    max_overflow: u32,
    timeout: Duration,
    lifetime: Duration,
    gate: Arc<Gate>,
    feed: Arc<Feed>,
    /// The one that was used last is lent first: those beyond the need fall asleep.
    idle: Mutex<Vec<Kept>>,
    waits: Waits,
    /// Connections that were made before it last moved are not lent again.
    generation: AtomicU64,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Others have them all.
    Busy(StoreError),
    /// None could be made.
    Unreachable(StoreError),
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy(error) | Refused::Unreachable(error) => error,
        }
    }
}

/// A connection, and when it is to be replaced by a new one: what the server has gathered for it is bounded so, and a
/// server behind a moved address is found.
struct Kept {
    db: Db,
    until: Instant,
    idle_since: Instant,
    generation: u64,
}

impl Pool {
    pub(crate) fn new(maker: Maker, settings: &PostgresSettings, feed: Arc<Feed>) -> Self {
        let size = settings.pool_size.max(1);
        let all = count(size).saturating_add(count(settings.max_overflow));
        Self {
            maker,
            size,
            max_overflow: settings.max_overflow,
            timeout: settings.pool_timeout,
            lifetime: settings.max_lifetime,
            gate: Arc::new(Gate::new(all, settings.pool_timeout)),
            feed,
            idle: Mutex::new(Vec::new()),
            waits: Waits::default(),
            generation: AtomicU64::new(0),
        }
    }

    /// The longest that a call waits for anything but its statements.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection, after at most the wait of the class and the time that making one takes.
    pub(crate) async fn lease(self: &Arc<Self>, class: Class) -> Result<Lease, StoreError> {
        Ok(self.lease_or_say(class).await?)
    }

    /// The same, telling a lack of connections from that of a server.
    pub(crate) async fn lease_or_say(self: &Arc<Self>, class: Class) -> Result<Lease, Refused> {
        let since = Instant::now();
        let permit = self.gate.enter(class).await;
        self.waits.count(since.elapsed());
        let permit = permit.map_err(Refused::Busy)?;
        let kept = match self.take_idle().await {
            Some(kept) => kept,
            None => {
                let generation = self.generation.load(Ordering::SeqCst);
                let db = self.maker.make().await.map_err(Refused::Unreachable)?;
                let now = Instant::now();
                // Made together, they don't all end together.
                let until = now + share_of(self.lifetime, 80, lot());
                Kept { db, until, idle_since: now, generation }
            }
        };
        if let Some(tally) = Tally::current() {
            tally.queued(since.elapsed());
        }
        let Kept { db, until, generation, .. } = kept;
        let (pool, db, permit) = (Arc::clone(self), Some(db), Some(permit));
        Ok(Lease { pool, db, until, generation, is_in_transaction: false, permit })
    }

    /// Closes what is idle, and what is lent when it comes back: the server is gone, or has another part to play.
    pub(crate) fn discard_idle(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let gone = std::mem::take(&mut *self.idle());
        drop(gone);
    }

    /// The same for connections as old as one that has failed; younger ones may be to a server that is well.
    fn discard_as_old_as(&self, generation: u64) {
        if self.generation.load(Ordering::SeqCst) == generation {
            self.discard_idle();
        }
    }

    async fn take_idle(&self) -> Option<Kept> {
        loop {
            let kept = self.idle().pop()?;
            let now = Instant::now();
            if kept.db.is_closed() || kept.until <= now {
                continue;
            }
            if now.duration_since(kept.idle_since) < LONG_IDLE {
                return Some(kept);
            }
            if matches!(tokio::time::timeout(SIGN_LIMIT, kept.db.control("")).await, Ok(Ok(()))) {
                return Some(kept);
            }
            tracing::debug!("a connection that was idle for long gave no sign of life");
        }
    }

    fn keep(&self, mut kept: Kept) {
        let now = Instant::now();
        // What one borrower ran into or noted is nothing to the next.
        kept.db.forget_trouble();
        kept.db.take_changes();
        kept.idle_since = now;
        let mut spare = Vec::new();
        let mut idle = self.idle();
        // Asked under the lock, so that none is put back behind `close`.
        let is_of_now = kept.generation == self.generation.load(Ordering::SeqCst);
        if kept.until > now && is_of_now && !self.gate.is_closed() {
            idle.push(kept);
        }
        // The longest idle is the first.
        while idle.len() > count(self.size)
            && idle.first().is_some_and(|first| now.duration_since(first.idle_since) >= SPARE_IDLE)
        {
            spare.push(idle.remove(0));
        }
        drop(idle);
        drop(spare);
    }

    /// Refuses further leases and waits for those that are out, for a while.
    pub(crate) async fn close(&self) {
        if tokio::time::timeout(CLOSE_LIMIT, self.gate.close()).await.is_err() {
            tracing::warn!("connections are at work while the database is closed");
        }
        self.idle().clear();
    }

    pub(crate) fn status(&self) -> PoolStatus {
        // In this order: one that is given back between the two is counted once at most.
        let idle = narrow(self.idle().len());
        let in_use = narrow(self.gate.in_use());
        PoolStatus {
            size: self.size,
            idle: idle.min(self.size.saturating_add(self.max_overflow).saturating_sub(in_use)),
            in_use,
            max_overflow: self.max_overflow,
            timeout_seconds: u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX),
        }
    }

    /// Calls that wait for a connection now, and those that were refused one so far.
    pub(crate) fn pressure(&self) -> (u64, u64) {
        self.gate.pressure()
    }

    /// How long calls waited for a connection, those that were refused one included.
    pub(crate) fn waits(&self) -> WaitCounts {
        self.waits.counts()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(connections: u32) -> usize {
    usize::try_from(connections).unwrap_or(usize::MAX)
}

fn narrow(connections: usize) -> u32 {
    u32::try_from(connections).unwrap_or(u32::MAX)
}

/// A connection on loan.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    db: Option<Db>,
    until: Instant,
    generation: u64,
    is_in_transaction: bool,
    /// Given back after the connection, so that never more are open than there are permits.
    permit: Option<Permit>,
}

impl Lease {
    pub(crate) fn db(&self) -> Result<&Db, StoreError> {
        self.db.as_ref().ok_or_else(closed)
    }

    /// Who is told what was changed on it.
    pub(crate) fn feed(&self) -> &Feed {
        &self.pool.feed
    }

    /// Says whether the connection is inside of a transaction; one that is given back like that is rolled back.
    pub(crate) const fn set_in_transaction(&mut self, is_in_transaction: bool) {
        self.is_in_transaction = is_in_transaction;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        if db.has_lost_server() {
            // The next gets a new connection instead of finding out by itself that an old one leads nowhere.
            self.pool.discard_as_old_as(self.generation);
        }
        if db.is_closed() {
            return;
        }
        let is_at_rest = !db.has_open_statements() && !self.is_in_transaction;
        let generation = self.generation;
        let kept = Kept { db, until: self.until, idle_since: Instant::now(), generation };
        if is_at_rest {
            self.pool.keep(kept);
        } else if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tidy(Arc::clone(&self.pool), kept, self.permit.take()));
        }
    }
}

/// Frees the server of what nobody waits for; behind a pooler, waits until it has ended by itself. Its permit is kept for as
/// long: a crowd that comes and goes opens no more connections than one that stays.
async fn tidy(pool: Arc<Pool>, kept: Kept, permit: Option<Permit>) {
    let tidied = async {
        if kept.db.has_open_statements() {
            kept.db.cancel().await;
        }
        kept.db.control("ROLLBACK").await
    };
    if matches!(tokio::time::timeout(TIDY_LIMIT, tidied).await, Ok(Ok(()))) {
        // All that was asked before was answered before.
        pool.keep(kept);
    }
    drop(permit);
}
