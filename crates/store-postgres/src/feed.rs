//! What was changed: told here after each commit, written down for the other instances, and read of theirs.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join;
use slippers_core::types::{CategoryId, SlipperId};
use slippers_core::{Change, Listeners, StoreError};

use crate::db::{Cells, Db};
use crate::params::params;
use crate::pool::{Class, Pool};

/// How often there is a look at what other instances have committed.
const LOOK: Duration = Duration::from_millis(250);
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
}

impl Default for Feed {
    fn default() -> Self {
        // Random by the seed that the standard library draws for its maps.
        Self { listeners: Listeners::default(), instance: RandomState::new().hash_one(0).cast_signed() }
    }
}

impl Feed {
    pub(crate) const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Commits on this connection, with a record of the changes for the other instances: both go down the wire together,
    /// and a record that fails makes the COMMIT behind it an end of the transaction without effect.
    pub(crate) async fn commit(&self, db: &Db, changes: &[Change]) -> Result<(), StoreError> {
        let recorded = async {
            match encode(changes) {
                Some(what) => {
                    let instance = self.instance;
                    db.control(&format!("INSERT INTO changes (instance, what) VALUES ({instance}, '{what}')"))
                        .await
                }
                None => Ok(()),
            }
        };
        let (recorded, committed) = join(recorded, db.control("COMMIT")).await;
        recorded.and(committed)
    }

    /// Follows the other instances for as long as the pool is there.
    pub(crate) fn follow(self: &Arc<Self>, pool: &Arc<Pool>) {
        let (feed, pool) = (Arc::downgrade(self), Arc::downgrade(pool));
        tokio::spawn(async move { follow(&feed, &pool).await });
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
          AND NOT pg_visible_in_snapshot(xid, $1::pg_snapshot))";
const FIRST_LOOK: &str = "SELECT pg_current_snapshot()::text";
const SWEEP: &str = "DELETE FROM changes WHERE at < now() - interval '5 minutes'";

/// Where a reader stands.
#[derive(Default)]
struct Reader {
    /// What the last look saw; `None` = whatever was changed before was not seen.
    seen: Option<String>,
    looks: u32,
}

async fn follow(feed: &Weak<Feed>, pool: &Weak<Pool>) {
    let mut reader = Reader::default();
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let (Some(feed), Some(pool)) = (feed.upgrade(), pool.upgrade()) else { return };
        if last.elapsed() > ASLEEP {
            reader = Reader::default();
        }
        let looked = tokio::time::timeout(BLIND, reader.look(&pool, feed.instance)).await;
        match looked.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer".to_owned()))) {
            Ok(changes) => {
                feed.listeners.tell(&changes);
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
    async fn look(&mut self, pool: &Arc<Pool>, instance: i64) -> Result<Vec<Change>, StoreError> {
        // Like a sign of life: in a crowd it does not wait behind shoppers.
        let lease = pool.lease(Class::Health).await?;
        let db = lease.db()?;
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(SWEEP_EVERY) {
            db.ask(SWEEP, params![].as_ref()).await?;
        }
        let Some(seen) = &self.seen else {
            let rows = db.ask(FIRST_LOOK, params![].as_ref()).await?;
            self.seen = rows.first().map(|row| Cells::new(row).text(0)).transpose()?;
            return Ok(vec![Change::Catalog]);
        };
        let rows = db.ask(LOOK_FOR, params![seen, instance].as_ref()).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("a look without a row".to_owned()))?;
        let (now, found): (String, Vec<String>) = (Cells::new(row).text(0)?, Cells::new(row).get(1)?);
        self.seen = Some(now);
        Ok(found.iter().flat_map(|what| decode(what)).collect())
    }
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
}
