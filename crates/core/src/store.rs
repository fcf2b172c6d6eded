//! What every database of the shop promises as a whole.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use thiserror::Error;

use crate::accounts::{AccountStore, ResetStore};
use crate::audit::AuditStore;
use crate::cart::CartStore;
use crate::catalog::CatalogStore;
use crate::changes::ChangeListener;
use crate::images::ImageStore;
use crate::orders::OrderStore;
use crate::outbox::OutboxStore;
use crate::payments::PaymentStore;
use crate::position::{Position, Reader};
use crate::tally::WaitCounts;
use crate::types::UserId;

/// A rule that the database itself holds. A write that would break it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Two users of one name.
    UserName,
    /// Two users of one phone number.
    UserPhone,
    /// Two categories of one name.
    CategoryName,
    /// Any other rule; that our own code breaks one is a defect.
    Other,
}

/// Why a store could not answer. Absence is not an error: finding nothing is `Ok(None)`.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A rule of the database refused the write; nothing of the verb stayed.
    #[error("the database refused the write: {0:?}")]
    Conflict(Constraint),
    /// The database is busy, full, gone or being closed. Nothing was acknowledged; the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost while the commit was on its way: the write may have happened or not. Never repeated without
    /// a look.
    #[error("it is not known whether the write happened: {0}")]
    Undecided(String),
    /// A stored value is not what the schema promises.
    #[error("the database holds what it must not: {0}")]
    Corrupt(String),
    /// A fault of ours or of the database that a repetition will not cure.
    #[error("the database failed: {0}")]
    Other(String),
}

/// The connections of a store, in the words of the pool-status endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// Connections that the store may keep open.
    pub size: u32,
    /// Open connections that wait for work.
    pub idle: u32,
    /// Connections at work.
    pub in_use: u32,
    /// Connections that may be opened beyond `size`.
    pub max_overflow: u32,
    /// Seconds that a request may wait for a connection.
    pub timeout_seconds: u32,
}

/// How busy a store is, and was since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreLoad {
    /// Calls that wait at this moment, for a connection or for those who write.
    pub waiting: u64,
    /// Calls that were refused because too many waited, or they had waited too long.
    pub refused: u64,
    /// Writes that were put into a transaction that they may share with others.
    pub writes: u64,
    /// Transactions of such writes.
    pub write_transactions: u64,
    /// How long calls waited for a connection, or for their turn to write.
    pub waits: WaitCounts,
}

/// A copy of the database, as it is at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyStatus {
    /// Where it is, `host:port`.
    pub name: String,
    /// Whether it answers reads.
    pub standing: Standing,
    /// Bytes of the log that it has not replayed; `None` = not known.
    pub lag_bytes: Option<u64>,
    /// Its connections.
    pub pool: PoolStatus,
}

/// Whether a copy answers reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    InUse,
    /// It is not known yet to be a copy of this database.
    Unproven,
    /// It is too far behind.
    Behind,
    /// It can't be reached, or is no copy any more.
    Out,
}

/// A database that holds the whole shop.
///
/// Promises that hold for every verb of every feature:
/// - A write is one transaction: it happens whole or not at all, and it is answered only after its commit is durable
///   (it survives a crash of the program and a loss of power).
/// - A write that was started is finished even when its caller stops waiting.
/// - A read that starts after a write was answered sees that write. Where the database has copies that may be behind, this
///   is so however a verb is asked here; of writes that others were answered, see [`Store::catch_up`] and
///   [`Store::for_reader`].
/// - No verb waits without a bound; one that can't be served in time is [`StoreError::Unavailable`].
#[async_trait]
pub trait Store:
    CatalogStore
    + ImageStore
    + AccountStore
    + ResetStore
    + CartStore
    + OrderStore
    + PaymentStore
    + OutboxStore
    + AuditStore
{
    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it gives none.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Tells a listener, for as long as it lives, of everything that changes in the catalogue:
    ///
    /// - What a verb of this program changed, after its commit and before its answer, also when its caller has stopped
    ///   waiting. A read that starts once the listener was told sees the change.
    /// - What others who use the same database changed, at the latest a second after their commit; it may come as
    ///   [`Change::Catalog`](crate::Change::Catalog).
    ///
    /// More may be told than was changed, also when nothing was, and more often; never less.
    fn listen(&self, listener: Weak<dyn ChangeListener>);

    /// Whether reads may be answered by copies of the database, which may be behind it.
    fn has_copies(&self) -> bool {
        false
    }

    /// Remembers that a request of this user may have written, and answers a position that all writes which this program
    /// has acknowledged until now are part of; `None` without copies, and while none is known.
    fn wrote(&self, _user: Option<UserId>) -> Option<Position> {
        None
    }

    /// The same store for somebody's reads of what is their own, which copies may answer that have reached what they have
    /// seen and what they have written here. `None` = this store itself, whose database answers such reads.
    fn for_reader(&self, _reader: Reader) -> Option<Arc<dyn Store>> {
        None
    }

    /// Sees to it that listeners were told of all changes of the catalogue, whoever made them, that were acknowledged
    /// before the call (with `seen`: that are part of this position), and that reads from now on see them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when that can't be known in a second.
    async fn catch_up(&self, _seen: Option<Position>) -> Result<(), StoreError> {
        Ok(())
    }

    /// The connections at this moment.
    fn pool_status(&self) -> PoolStatus;

    /// How busy the store is. Cheap: nobody is asked.
    fn load(&self) -> StoreLoad;

    /// The copies that reads may be answered by.
    fn copies(&self) -> Vec<CopyStatus> {
        Vec::new()
    }

    /// How many statements the store has run for its callers since it was opened, transaction control not counted.
    /// Tests hold each endpoint's price against it.
    fn statements_run(&self) -> u64;
}
