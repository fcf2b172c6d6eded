//! How a verb is run, and run again.
//!
//! A verb is a function of a connection and its arguments: `|db, (id, now)| Box::pin(feature::verb(db, *id, *now))`. It may be
//! run more than once, but only what its last run did stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, try_join};
use slippers_core::{Position, StoreError, Tally};

use crate::db::Db;
use crate::error::Trouble;
use crate::pool::{Class, Lease, Pool};
use crate::reading::Reading;
use crate::replicas::{Own, Replica, Shown};
use crate::store::PostgresStore;

/// Runs of one verb at most: the first, and those after a deadlock or a lost connection.
pub(crate) const RUNS: usize = 5;
/// The longest that a read takes.
const READ_LIMIT: Duration = Duration::from_secs(15);
/// The longest that a replica takes: then the primary is asked.
const REPLICA_LIMIT: Duration = Duration::from_secs(2);
/// The longest that a write takes, but for its commit.
pub(crate) const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// The longest that a commit takes.
pub(crate) const COMMIT_LIMIT: Duration = Duration::from_secs(15);
/// The longest that filling the shop takes: 1,000,000 products.
const IMPORT_LIMIT: Duration = Duration::from_secs(3600);

pub(crate) const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// The statements of an import have a limit together, and what it stores may be slow in coming.
const IMPORT: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
                      SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Where a read goes.
struct Way {
    class: Class,
    /// What begins it; `None` = it is one statement.
    begin: Option<&'static str>,
    /// How far a replica must be to answer it, and what chooses among those that are; `None` = the primary answers.
    floor: Option<(Position, u64)>,
    /// Its class where the primary answers.
    otherwise: Class,
}

impl Way {
    const fn to_primary(class: Class, reading: Reading) -> Self {
        Self { class, begin: reading.begin(), floor: None, otherwise: class }
    }
}

/// A kind of writes.
#[derive(Clone, Copy)]
struct Writing {
    class: Class,
    begin: &'static str,
    limit: Duration,
}

const OF_SHOPPERS: Writing = Writing { class: Class::Shopper, begin: WRITE, limit: WRITE_LIMIT };
const OF_SWEEPS: Writing = Writing { class: Class::Back, begin: WRITE, limit: WRITE_LIMIT };
const OF_IMPORT: Writing = Writing { class: Class::Back, begin: IMPORT, limit: IMPORT_LIMIT };

impl PostgresStore {
    /// A read of one statement, of the database as it is.
    pub(crate) async fn read<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        self.read_in(&Way::to_primary(Class::Browse, Reading::Statement), &args, &verb).await
    }

    /// Like [`Self::read`], for others than those who browse.
    pub(crate) async fn read_as<A, T, E, V>(&self, class: Class, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        self.read_in(&Way::to_primary(class, Reading::Statement), &args, &verb).await
    }

    /// A read of several statements, which all see the database as it is at the first, for what an admin looks at.
    pub(crate) async fn snapshot_back<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        self.read_in(&Way::to_primary(Class::Back, Reading::Snapshot), &args, &verb).await
    }

    /// A read of the catalogue, which a replica may answer that shows what this program knows of. The same
    /// `key` is answered by the same replica.
    pub(crate) async fn read_shown<A, T, E, V>(
        &self,
        shown: Shown,
        reading: Reading,
        key: u64,
        args: A,
        verb: V,
    ) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        let class = reading.class();
        let way = match &self.replicas {
            Some(replicas) => Way {
                floor: replicas.knowledge.floor_of(shown).map(|floor| (floor, key)),
                otherwise: Class::Fallback,
                ..Way::to_primary(class, reading)
            },
            None => Way::to_primary(class, reading),
        };
        self.read_in(&way, &args, &verb).await
    }

    /// A read of what is somebody's own: where the store is [`for_reader`](slippers_core::Store::for_reader), a replica may
    /// answer that has reached what they know of.
    pub(crate) async fn read_own<A, T, E, V>(&self, own: Own, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        let floor = self.reader.zip(self.replicas.as_ref()).and_then(|(reader, replicas)| {
            let floor = replicas.knowledge.floor_of_reader(reader, own, Instant::now())?;
            Some((floor, reader.user.get().cast_unsigned()))
        });
        let (class, reading) = match own {
            Own::Cart => (Class::Shopper, Reading::Statement),
            Own::Order => (Class::Browse, Reading::Statement),
            Own::Orders => (Class::Search, Reading::PlannedOnce),
        };
        let way = Way { floor, ..Way::to_primary(class, reading) };
        self.read_in(&way, &args, &verb).await
    }

    /// A connection that will do, and the replica that it leads to, if any.
    async fn lease_for(&self, way: &Way) -> Result<(Lease, Option<Arc<Replica>>), StoreError> {
        if let (Some(replicas), Some((floor, key))) = (&self.replicas, way.floor)
            && let Some((lease, replica)) = replicas.lease(way.class, floor, key).await?
        {
            return Ok((lease, Some(replica)));
        }
        Ok((self.pool.lease(way.otherwise).await?, None))
    }

    async fn read_in<A, T, E, V>(&self, way: &Way, args: &A, verb: &V) -> Result<T, E>
    where
        A: Send + Sync,
        T: Send,
        E: From<StoreError> + Send,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
    {
        let (mut run, begin) = (1, way.begin);
        let start = Instant::now();
        loop {
            // Where a replica failed, the primary does not.
            let (mut lease, replica) = if run == 1 {
                self.lease_for(way).await?
            } else {
                (self.pool.lease(way.otherwise).await?, None)
            };
            let limit = if replica.is_some() { REPLICA_LIMIT } else { READ_LIMIT };
            let outcome = match tokio::time::timeout(limit, run_once(&mut lease, begin, args, verb)).await {
                Ok(outcome) => outcome,
                Err(_) if let Some(replica) = replica => {
                    replica.eject("it did not answer in time");
                    run += 1;
                    continue;
                }
                Err(_) => return Err(too_slow().into()),
            };
            let failed = outcome.is_err();
            let trouble = lease.db()?.trouble();
            match (begin, failed) {
                (Some(_), false) => {
                    // Nothing hangs on the answer: whoever uses the connection next comes after it.
                    lease.db()?.send_control("COMMIT");
                    lease.set_in_transaction(false);
                }
                (Some(_), true) => end(&mut lease, "ROLLBACK").await,
                (None, _) => lease.db()?.forget_trouble(),
            }
            // Of a replica any error may be its own: it is a copy that was taken at some moment.
            let is_final = trouble == Trouble::Its && replica.is_none();
            if !failed || is_final || run == RUNS || start.elapsed() > READ_LIMIT {
                return outcome;
            }
            run += 1;
        }
    }

    /// Runs a verb inside a transaction and answers after the commit. An error undoes all that the verb did. Once begun it
    /// is finished, also when its caller stops waiting.
    pub(crate) async fn write<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.write_within(OF_SHOPPERS, args, verb).await
    }

    /// Like [`Self::write`], for what its user will read as their own: not before other instances know of this one.
    pub(crate) async fn write_own<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.feed.be_seen().await;
        self.write(args, verb).await
    }

    /// Like [`Self::write`], for what nobody waits for.
    pub(crate) async fn sweep<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.write_within(OF_SWEEPS, args, verb).await
    }

    /// Like [`Self::write`], for what may take an hour.
    pub(crate) async fn import<A, T, E, V>(&self, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        self.write_within(OF_IMPORT, args, verb).await
    }

    async fn write_within<A, T, E, V>(&self, kind: Writing, args: A, verb: V) -> Result<T, E>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync + 'static,
    {
        // A caller who goes while there is no connection has begun nothing.
        let lease = self.pool.lease(kind.class).await?;
        let pool = Arc::clone(&self.pool);
        // What it does is done for the caller, whose task this is not.
        let tally = Tally::current().unwrap_or_default();
        // Without its type, so that a task is compiled once for each kind of answer and not for each verb.
        let work: BoxFuture<'static, _> =
            Box::pin(async move { write_with(&pool, lease, kind, &args, &verb).await });
        let work = tokio::spawn(tally.scope(work));
        work.await.unwrap_or_else(|error| Err(StoreError::Other(format!("a write panicked: {error}")).into()))
    }
}

async fn write_with<A, T, E, V>(
    pool: &Arc<Pool>,
    mut lease: Lease,
    kind: Writing,
    args: &A,
    verb: &V,
) -> Result<T, E>
where
    A: Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
    V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
{
    let mut run = 1;
    let start = Instant::now();
    loop {
        let once = run_once(&mut lease, Some(kind.begin), args, verb);
        let outcome = match tokio::time::timeout(kind.limit, once).await {
            Ok(outcome) => outcome,
            Err(_) => return Err(too_slow().into()),
        };
        let trouble = lease.db()?.trouble();
        let (outcome, trouble) = match outcome {
            Ok(done) => match commit(&mut lease).await {
                Ok(()) => return Ok(done),
                Err((error, trouble)) => (Err(error.into()), trouble),
            },
            Err(error) => {
                lease.db()?.take_changes();
                end(&mut lease, "ROLLBACK").await;
                (Err(error), trouble)
            }
        };
        if trouble == Trouble::Its || run == RUNS || start.elapsed() > kind.limit {
            return outcome;
        }
        tracing::debug!(run, ?trouble, "a write is run again");
        drop(lease);
        lease = pool.lease(kind.class).await?;
        run += 1;
    }
}

/// BEGIN goes down the wire together with the verb's first statement.
async fn run_once<A, T, E, V>(
    lease: &mut Lease,
    begin: Option<&'static str>,
    args: &A,
    verb: &V,
) -> Result<T, E>
where
    A: Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
    V: for<'a> Fn(&'a Db, &'a A) -> BoxFuture<'a, Result<T, E>> + Send + Sync,
{
    lease.set_in_transaction(begin.is_some());
    let db = lease.db()?;
    match begin {
        None => verb(db, args).await,
        Some(begin) => {
            let begun = async { db.begin(begin).await.map_err(E::from) };
            try_join(begun, verb(db, args)).await.map(|((), done)| done)
        }
    }
}

/// Ends a transaction of which nothing is to stay. Where that fails the connection is closed, which ends it too.
pub(crate) async fn end(lease: &mut Lease, sql: &str) {
    let Ok(db) = lease.db() else { return };
    if matches!(tokio::time::timeout(COMMIT_LIMIT, db.control(sql)).await, Ok(Ok(()))) {
        // Its answer came after all others, so those were read or passed over.
        db.forget_trouble();
        lease.set_in_transaction(false);
    }
}

/// Commits. An answer that never came leaves it open whether the write happened; a refusal (a deadlock of deferred rules,
/// a server that is being stopped before it began) does not.
pub(crate) async fn commit(lease: &mut Lease) -> Result<(), (StoreError, Trouble)> {
    let db = lease.db().map_err(|error| (error, Trouble::Its))?;
    if db.has_failed() {
        // PostgreSQL would answer such a COMMIT with a quiet rollback.
        return Err((StoreError::Other("a verb went on after a failed statement".to_owned()), db.trouble()));
    }
    if db.is_closed() {
        let gone = StoreError::Unavailable("the connection was lost before the commit".to_owned());
        return Err((gone, Trouble::Connection));
    }
    db.forget_trouble();
    let changes = db.take_changes();
    let undecided = |reason: String| {
        tracing::error!("it is not known whether a write was committed: {reason}");
        (StoreError::Undecided(reason), Trouble::Its)
    };
    let committed = tokio::time::timeout(COMMIT_LIMIT, lease.feed().commit(db, &changes)).await;
    // Also when it failed: of some it is not known whether they did, and to be told in vain harms nobody.
    lease.feed().tell(&changes, committed.as_ref().ok().and_then(|done| *done.as_ref().ok()?));
    match committed {
        Ok(Ok(_)) => {
            lease.set_in_transaction(false);
            Ok(())
        }
        Ok(Err(error)) => match db.trouble() {
            Trouble::Connection => Err(undecided(error.to_string())),
            trouble => Err((error, trouble)),
        },
        Err(_) => Err(undecided("the commit was not answered in time".to_owned())),
    }
}

fn too_slow() -> StoreError {
    StoreError::Unavailable("the database did not answer in time".to_owned())
}
