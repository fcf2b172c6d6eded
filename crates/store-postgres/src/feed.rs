//! What was changed: told here after each commit, written down for the other instances, and read of theirs.

mod courier;

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join;
use slippers_core::types::{CategoryId, SlipperId};
use slippers_core::{Change, Horizon, Listeners, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::Config;

use crate::db::{Cells, Db};
use crate::params::params;
use crate::pool::{Class, Pool};

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
/// More changes than this of one transaction are written down as "all of the catalogue".
const TOLD_ONE_BY_ONE: usize = 200;

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

    /// Commits on this connection, with a record of the changes for the other instances: both go down the wire together,
    /// and a record that fails makes the COMMIT behind it an end of the transaction without effect.
    pub(crate) async fn commit(&self, db: &Db, changes: &[Change]) -> Result<(), StoreError> {
        let what = encode(changes);
        let recorded = async {
            match &what {
                Some(what) => {
                    let instance = self.instance;
                    db.control(&format!("INSERT INTO changes (instance, what) VALUES ({instance}, '{what}')"))
                        .await
                }
                None => Ok(()),
            }
        };
        let (recorded, committed) = join(recorded, db.control("COMMIT")).await;
        recorded.and(committed)?;
        if what.is_some() {
            self.committed.notify_one();
        }
        Ok(())
    }

    /// Follows the other instances for as long as the pool is there.
    pub(crate) fn follow(self: &Arc<Self>, pool: &Arc<Pool>) {
        let (feed, pool) = (Arc::downgrade(self), Arc::downgrade(pool));
        let heard = Arc::clone(&self.heard);
        tokio::spawn(async move { follow(&feed, &pool, &heard).await });
    }

    /// Also tells the other instances at once what is committed here, and hears them, on a connection of its own. The
    /// first call counts.
    pub(crate) fn talk(self: &Arc<Self>, direct: Config, runtime: &Handle) {
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

/// What of it the other instances must know, in words; users are looked up anew by them within a second.
fn encode(changes: &[Change]) -> Option<String> {
    let mut what = String::new();
    for change in changes {
        // Writing to a String can't fail.
        let _ = match change {
            Change::Slipper(id) => write!(what, "s{id} "),
            Change::Stock(id) => write!(what, "q{id} "),
            Change::Category(id) => write!(what, "c{id} "),
            Change::Catalog => write!(what, "all "),
            Change::User(_) => Ok(()),
        };
    }
    match what.trim_end() {
        "" => None,
        _ if changes.len() > TOLD_ONE_BY_ONE => Some("all".to_owned()),
        words => Some(words.to_owned()),
    }
}

/// A word that a newer program wrote may mean anything.
fn decode(what: &str) -> Vec<Change> {
    let read = |word: &str| {
        let number = |kind| word.strip_prefix(kind).and_then(|digits| digits.parse::<i64>().ok());
        None.or_else(|| number('s').map(|id| Change::Slipper(SlipperId::new(id))))
            .or_else(|| number('q').map(|id| Change::Stock(SlipperId::new(id))))
            .or_else(|| number('c').map(|id| Change::Category(CategoryId::new(id))))
            .unwrap_or(Change::Catalog)
    };
    what.split_whitespace().map(read).collect()
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
        let looked = tokio::time::timeout(BLIND, reader.look(&pool, feed.instance)).await;
        match looked.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned()))) {
            Ok(found) => {
                feed.listeners.tell(&found.changes);
                if let Some(horizon) = found.horizon {
                    feed.listeners.looked(&horizon);
                }
                last = Instant::now();
            }
            Err(error) => {
                tracing::debug!(%error, "can't see what other instances have changed");
                reader = Reader::default();
                if last.elapsed() > BLIND {
                    feed.listeners.tell(&[Change::Catalog]);
                }
            }
        }
    }
}

impl Reader {
    async fn look(&mut self, pool: &Arc<Pool>, instance: i64) -> Result<Found, StoreError> {
        // Like a sign of life: in a crowd it does not wait behind shoppers.
        let lease = pool.lease(Class::Health).await?;
        let db = lease.db()?;
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(SWEEP_EVERY) {
            db.ask(SWEEP, params![].as_ref()).await?;
        }
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
    use slippers_core::types::UserId;

    use super::*;

    #[test]
    fn what_is_written_down_is_read_back() {
        let one = SlipperId::new(7);
        let changes = [
            Change::Slipper(one),
            Change::Stock(one),
            Change::Category(CategoryId::new(-1)),
            Change::Catalog,
        ];
        let what = encode(&changes).expect("something");
        assert_eq!(decode(&what), changes);
        assert_eq!(encode(&[Change::User(UserId::new(1))]), None, "nobody else remembers users for long");
        assert_eq!(decode("s7 x9"), [Change::Slipper(one), Change::Catalog]);
        assert_eq!(encode(&[Change::Stock(one); TOLD_ONE_BY_ONE + 1]).as_deref(), Some("all"));
    }
    #[test]
    fn a_snapshot_tells_how_far_it_sees() {
        let seen = horizon("100:104:100,102", "d-1").expect("a horizon");
        assert_eq!((&*seen.database, seen.settled, seen.next), ("d-1", 100, 104));
        assert_eq!(horizon("7:7:", "d").map(|seen| (seen.settled, seen.next)), Some((7, 7)));
        assert_eq!(horizon("", "d"), None);
    }
}
