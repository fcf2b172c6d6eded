//! What was changed: told here after each commit, written down for the other instances, and read of theirs.

mod courier;
mod words;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join;
use slippers_core::{Change, Horizon, Listeners, Position, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio_postgres::types::Type;

use self::words::{decode, encode};
use crate::db::{Cells, Db, Typed};
use crate::params::{Param, params};
use crate::pool::{Class, Pool};
use crate::replicas::{Knowledge, position};
use crate::route::{Epoch, Route};

/// How often there is a look at what other instances have committed, without a word from them.
const LOOK: Duration = Duration::from_millis(250);
/// From the end of a look to the next one at least, whatever is heard: commits follow each other faster.
const REST: Duration = Duration::from_millis(20);
/// Who has not looked for so long may remember what is no more, and says so.
const BLIND: Duration = Duration::from_millis(750);
/// Looks between two sweeps of what is old: a minute.
const SWEEP_EVERY: u32 = 240;
/// Who has not looked for so long (a frozen process) starts anew, well before what it missed is swept.
const ASLEEP: Duration = Duration::from_secs(60);
/// Others take an instance for gone ten seconds after its last connection.
const UNSEEN: Duration = Duration::from_secs(5);
/// The longest that others take to notice this one.
const NOTICE: Duration = Duration::from_millis(1250);
/// How long somebody who must see everything waits for a look.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Writes down what the other instances must know, if anything, in the transaction that changes it.
pub(crate) const RECORD: Typed = (
    "INSERT INTO changes (instance, what) SELECT $1, told.what FROM unnest($2) AS told (what)",
    &[Type::INT8, Type::TEXT_ARRAY],
);

/// Those who listen, and what this instance is called among the others.
#[derive(Debug)]
pub(crate) struct Feed {
    listeners: Listeners,
    instance: i64,
    /// Told when something was committed here that others must know.
    committed: Arc<Notify>,
    /// Told when others have said the same.
    heard: Arc<Notify>,
    courier: OnceLock<AbortHandle>,
    /// Unset: there are no replicas, and nobody asks for positions.
    positions: OnceLock<Positions>,
    looks: Looks,
}

/// What becomes of the positions of writes.
#[derive(Debug)]
pub(crate) struct Positions {
    /// Where they are remembered.
    pub(crate) knowledge: Arc<Knowledge>,
    /// Who hears of their timelines.
    pub(crate) epoch: Arc<Epoch>,
    /// What connections of this instance are called on the server, and no others; `None` = they can't be told apart.
    pub(crate) name: Option<String>,
}

/// The looks at what others have changed, by number.
#[derive(Debug)]
struct Looks {
    begun: AtomicU64,
    /// The last one that saw everything.
    done: watch::Sender<u64>,
    /// Since when the others can see that this instance is there.
    seen_since: watch::Sender<Option<Instant>>,
}

impl Default for Feed {
    fn default() -> Self {
        // Random by the seed that the standard library draws for its maps.
        let instance = RandomState::new().hash_one(0).cast_signed();
        Self {
            listeners: Listeners::default(),
            instance,
            committed: Arc::default(),
            heard: Arc::default(),
            courier: OnceLock::new(),
            positions: OnceLock::new(),
            looks: Looks {
                begun: AtomicU64::new(0),
                done: watch::Sender::new(0),
                seen_since: watch::Sender::new(None),
            },
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl Feed {
    pub(crate) const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// From now on positions of writes are asked for and remembered. Called once.
    pub(crate) fn remember_positions(&self, positions: Positions) {
        let _ = self.positions.set(positions);
    }

    fn knowledge(&self) -> Option<&Knowledge> {
        self.positions.get().map(|positions| &*positions.knowledge)
    }

    /// Commits on this connection, with a record of the changes for the other instances: all goes down the wire together,
    /// and a record that fails makes the COMMIT behind it an end of the transaction without effect. Answers the position
    /// of the commit where there are replicas, and where it is known.
    pub(crate) async fn commit(&self, db: &Db, changes: &[Change]) -> Result<Option<Position>, StoreError> {
        let what = encode(changes);
        let is_told = what.is_some();
        let recorded = async {
            let Some(what) = what else { return Ok(()) };
            // Not `RECORD`: one that must be prepared first would be sent behind the COMMIT.
            let instance = self.instance;
            db.control(&format!("INSERT INTO changes (instance, what) VALUES ({instance}, '{what}')")).await
        };
        // Polled, and so sent, in this order.
        let (recorded, committed) = join(recorded, self.commit_recorded(db, is_told)).await;
        recorded.and(committed)
    }

    /// The same for one that has written the record itself, with [`RECORD`]; `is_told` = there was something to be told.
    pub(crate) async fn commit_recorded(
        &self,
        db: &Db,
        is_told: bool,
    ) -> Result<Option<Position>, StoreError> {
        let position = async {
            match self.knowledge() {
                Some(_) => position(db).await.ok(),
                None => None,
            }
        };
        let (committed, position) = join(db.control("COMMIT"), position).await;
        committed?;
        if is_told {
            self.committed.notify_one();
        }
        Ok(position)
    }

    /// The values of [`RECORD`].
    pub(crate) fn record(&self, changes: &[Change]) -> [Param<'static>; 2] {
        params![self.instance, Vec::from_iter(encode(changes))]
    }

    /// Tells that a transaction has ended which has changed this: where it is in the log, or that nobody knows.
    pub(crate) fn tell(&self, changes: &[Change], position: Option<Position>) {
        if let Some(Positions { knowledge, epoch, .. }) = self.positions.get() {
            // Before anybody hears of it: who makes anew what was changed must not read it from a replica that lacks it.
            match position {
                Some(position) => {
                    epoch.heard_of(position.timeline);
                    knowledge.raise(changes, position);
                }
                None => knowledge.lose(),
            }
        }
        self.listeners.tell(changes);
    }

    /// Waits until all other instances know of this one: then they ask the primary for what users have written here.
    pub(crate) async fn be_seen(&self) {
        if self.positions.get().is_none() {
            return;
        }
        let mut seen = self.looks.seen_since.subscribe();
        // Without a look there is no primary to write to.
        let since = tokio::time::timeout(CATCH_UP, seen.wait_for(Option::is_some)).await;
        let since = since.ok().and_then(|seen| *seen.ok()?);
        if let Some(pause) = since.map(|since| NOTICE.saturating_sub(since.elapsed())) {
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until a look that begins after this has seen everything.
    pub(crate) async fn look_now(&self) -> Result<(), StoreError> {
        let mut done = self.looks.done.subscribe();
        let wanted = self.looks.begun.load(Ordering::SeqCst) + 1;
        self.heard.notify_one();
        match tokio::time::timeout(CATCH_UP, done.wait_for(|done| *done >= wanted)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(StoreError::Unavailable("can't see what others have changed".to_owned())),
        }
    }

    /// Follows the other instances for as long as the pool is there.
    pub(crate) fn follow(self: &Arc<Self>, pool: &Arc<Pool>) {
        let (feed, pool) = (Arc::downgrade(self), Arc::downgrade(pool));
        let heard = Arc::clone(&self.heard);
        tokio::spawn(async move { follow(&feed, &pool, &heard).await });
    }

    /// Also tells the other instances at once what is committed here, and hears them, on a connection of its own. The
    /// first call counts.
    pub(crate) fn talk(self: &Arc<Self>, direct: Arc<Route>, runtime: &Handle) {
        self.courier.get_or_init(|| {
            let feed = Arc::downgrade(self);
            runtime.spawn(courier::carry(feed, direct)).abort_handle()
        });
    }

    /// Ends that connection.
    pub(crate) fn hang_up(&self) {
        if let Some(courier) = self.courier.get() {
            courier.abort();
        }
    }
}

/// What has become visible between two looks: whatever the order in which transactions began and ended, each is seen in
/// exactly one of them.
const LOOK_FOR: &str = "
    SELECT pg_current_snapshot()::text, ARRAY(
        SELECT what FROM changes
        WHERE instance <> $2 AND xid >= pg_snapshot_xmin($1::pg_snapshot)
          AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot)),
        substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
/// The database by numbers that no other one has. The timeline behind them tells histories apart: a replica that took
/// over may count on from before what its primary had committed last.
const FIRST_LOOK: &str = "
    SELECT pg_current_snapshot()::text, concat_ws('-', system_identifier, oid)
    FROM pg_control_system(), pg_database WHERE datname = current_database()";
/// Whether every connection of a shop to this database is ours.
const IS_ALONE: &str = "
    SELECT NOT EXISTS (SELECT FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name LIKE 'slippers%'
                         AND application_name NOT IN ($1, 'slippers-listen'))";
const SWEEP: &str = "DELETE FROM changes WHERE at < now() - interval '5 minutes'";

/// Where a reader stands.
#[derive(Default)]
struct Reader {
    /// What the last look saw, and of which database; `None` = whatever was changed before was not seen.
    seen: Option<(String, String)>,
    looks: u32,
}

/// What a look has found.
struct Found {
    changes: Vec<Change>,
    horizon: Option<Horizon>,
}

async fn follow(feed: &Weak<Feed>, pool: &Weak<Pool>, heard: &Notify) {
    let mut reader = Reader::default();
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(REST).await;
        // That nothing was heard is as good a reason to look.
        let _ = tokio::time::timeout(LOOK.saturating_sub(REST), heard.notified()).await;
        let (Some(feed), Some(pool)) = (feed.upgrade(), pool.upgrade()) else { return };
        if last.elapsed() > ASLEEP {
            reader = Reader::default();
        }
        feed.listeners.look_begins();
        let number = feed.looks.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let looked = tokio::time::timeout(BLIND, reader.look(&pool, &feed)).await;
        match looked.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned()))) {
            Ok(found) => {
                feed.listeners.tell(&found.changes);
                if let Some(horizon) = found.horizon {
                    feed.listeners.looked(&horizon);
                }
                feed.looks.done.send_replace(number);
                // From then on others see this instance, and did until a moment ago.
                feed.looks.seen_since.send_if_modified(|since| {
                    let is_new = since.is_none();
                    since.get_or_insert_with(Instant::now);
                    is_new
                });
                last = Instant::now();
            }
            Err(error) => {
                tracing::debug!(%error, "can't see what other instances have changed");
                reader = Reader::default();
                if last.elapsed() > UNSEEN {
                    feed.looks.seen_since.send_replace(None);
                }
                if let Some(knowledge) = feed.knowledge() {
                    knowledge.is_not_alone();
                }
                if last.elapsed() > BLIND {
                    feed.listeners.tell(&[Change::Catalog]);
                }
            }
        }
    }
}

impl Reader {
    async fn look(&mut self, pool: &Arc<Pool>, feed: &Feed) -> Result<Found, StoreError> {
        // Like a sign of life: in a crowd it does not wait behind shoppers.
        let lease = pool.lease(Class::Health).await?;
        let db = lease.db()?;
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(SWEEP_EVERY) {
            db.ask(SWEEP, params![].as_ref()).await?;
        }
        let asked = feed.knowledge().map(Knowledge::ask);
        let found = self.find(db, feed.instance).await?;
        // After that, so that what was seen is part of the position.
        if let (Some(asked), Some(Positions { knowledge, epoch, name })) = (asked, feed.positions.get()) {
            let looked = Instant::now();
            let is_alone = match name {
                Some(name) => is_alone(db, name).await?,
                None => false,
            };
            let position = position(db).await.map_err(StoreError::Unavailable)?;
            epoch.heard_of(position.timeline);
            knowledge.saw_primary(position);
            knowledge.settle(asked, position);
            knowledge.raise(&found.changes, position);
            if is_alone {
                knowledge.is_alone(looked, position);
            } else {
                knowledge.is_not_alone();
            }
        }
        Ok(found)
    }

    async fn find(&mut self, db: &Db, instance: i64) -> Result<Found, StoreError> {
        let Some((seen, database)) = &self.seen else {
            let rows = db.ask(FIRST_LOOK, params![].as_ref()).await?;
            let row = rows.first().ok_or_else(no_row)?;
            self.seen = Some((Cells::new(row).text(0)?, Cells::new(row).text(1)?));
            return Ok(Found { changes: vec![Change::Catalog], horizon: None });
        };
        let rows = db.ask(LOOK_FOR, params![seen, instance].as_ref()).await?;
        let cells = Cells::new(rows.first().ok_or_else(no_row)?);
        let (now, found, timeline): (String, Vec<String>, String) =
            (cells.text(0)?, cells.get(1)?, cells.text(2)?);
        let horizon = horizon(&now, &format!("{database}-{timeline}"));
        self.seen = Some((now, database.clone()));
        Ok(Found { changes: found.iter().flat_map(|what| decode(what)).collect(), horizon })
    }
}

async fn is_alone(db: &Db, name: &str) -> Result<bool, StoreError> {
    let rows = db.ask(IS_ALONE, params![name].as_ref()).await?;
    rows.first().map_or(Ok(false), |row| Cells::new(row).flag(0))
}

fn no_row() -> StoreError {
    StoreError::Corrupt("a look without a row".to_owned())
}

/// Reads a snapshot, `xmin:xmax:...` (PostgreSQL documentation, "Transaction ID and Snapshot Information Functions").
fn horizon(snapshot: &str, database: &str) -> Option<Horizon> {
    let mut numbers = snapshot.split(':').map(str::parse::<u64>);
    let (settled, next) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(Horizon { database: database.into(), settled, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_tells_how_far_it_sees() {
        let seen = horizon("100:104:100,102", "d-1").expect("a horizon");
        assert_eq!((&*seen.database, seen.settled, seen.next), ("d-1", 100, 104));
        assert_eq!(horizon("7:7:", "d").map(|seen| (seen.settled, seen.next)), Some((7, 7)));
        assert_eq!(horizon("", "d"), None);
    }
}
