//! One replica: its connections, what is known of it, and whether it may answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slippers_core::{CopyStatus, Position, Standing, StoreError};

use super::position::replayed;
use crate::db::Db;
use crate::pool::{Class, Lease, Pool, Refused};
use crate::route::Epoch;

/// How long a read waits for a replica that is a little behind.
const WAIT: Duration = Duration::from_millis(20);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(3);
/// The longest that such a look, or one at its health, may take.
pub(super) const ASK_LIMIT: Duration = Duration::from_millis(100);
/// Who has waited in vain is a sign that it is further behind: for so long nobody waits for it.
const NO_WAIT: Duration = Duration::from_millis(250);
/// Looks at its health that fail until it is taken out.
const FAILURES: u32 = 2;
/// A replica is too far behind when it is so by both measures: by time alone each would be where nobody writes.
const MOST_SECONDS: f64 = 10.0;
const MOST_BYTES: u64 = 8 << 20;

/// A replica.
pub(crate) struct Replica {
    pub(super) name: String,
    pub(super) pool: Arc<Pool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The life of the server in which it was last asked, and how far it had replayed. That only grows, within one life.
    server: i64,
    offset: u64,
    /// It has shown a row of ours that was written in this timeline, and that in this life.
    proven: Option<(u32, i64)>,
    is_out: bool,
    is_behind: bool,
    lag_bytes: Option<u64>,
    failures: u32,
    no_wait_until: Option<Instant>,
}

/// What a look at its health has found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    pub(super) server: i64,
    pub(super) offset: u64,
    pub(super) shows_proof: bool,
    /// Seconds since the last transaction that it has replayed was committed.
    pub(super) seconds: f64,
}

impl Replica {
    pub(super) fn new(name: String, pool: Arc<Pool>) -> Self {
        // Out until it was looked at.
        Self { name, pool, state: Mutex::new(State { is_out: true, ..State::default() }) }
    }

    /// A connection to it on which everything up to the floor can be seen; `None` when there is none in a moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when too many calls want one.
    pub(super) async fn lease(
        &self,
        class: Class,
        floor: Position,
        epoch: &Epoch,
    ) -> Result<Option<Lease>, StoreError> {
        let Some(proven) = self.proven_in(epoch.now()) else { return Ok(None) };
        // Nobody waits for a connection to what is known to be behind.
        let is_worth_it = floor.timeline < epoch.now() || self.may_reach(floor);
        if floor.timeline > epoch.now() || !is_worth_it {
            return Ok(None);
        }
        let lease = match self.pool.lease_or_say(class).await {
            Ok(lease) => lease,
            Err(Refused::Busy(error)) => return Err(error),
            Err(Refused::Unreachable(error)) => {
                self.eject(&error.to_string());
                return Ok(None);
            }
        };
        let db = lease.db()?;
        if db.server() != proven {
            // It was started again, and must show anew whose copy it is.
            return Ok(None);
        }
        // What was acknowledged in an earlier timeline, this one has from its beginning or has lost.
        let is_there = floor.timeline < epoch.now() || self.reaches(db, floor.offset).await;
        Ok(is_there.then_some(lease))
    }

    /// The life in which it was proven, if it may answer at all.
    fn proven_in(&self, timeline: u32) -> Option<i64> {
        let state = self.state();
        let (proven, server) = state.proven?;
        (proven == timeline && !state.is_out && !state.is_behind).then_some(server)
    }

    fn may_reach(&self, floor: Position) -> bool {
        let state = self.state();
        state.offset >= floor.offset || state.no_wait_until.is_none_or(|until| until <= Instant::now())
    }

    async fn reaches(&self, db: &Db, offset: u64) -> bool {
        let until = Instant::now() + WAIT;
        loop {
            let known = {
                let state = self.state();
                if state.server == db.server() { state.offset } else { 0 }
            };
            if known >= offset {
                return true;
            }
            match tokio::time::timeout(ASK_LIMIT, replayed(db)).await {
                Ok(Ok(Some(found))) if found >= offset => {
                    self.has_replayed(db.server(), found);
                    return true;
                }
                Ok(Ok(Some(found))) => self.has_replayed(db.server(), found),
                Ok(Ok(None)) => {
                    self.eject("it is no replica any more");
                    return false;
                }
                Ok(Err(why)) => {
                    self.eject(&why);
                    return false;
                }
                Err(_) => return false,
            }
            if Instant::now() + POLL > until {
                self.state().no_wait_until = Some(Instant::now() + NO_WAIT);
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn has_replayed(&self, server: i64, offset: u64) {
        let mut state = self.state();
        let known = if state.server == server { state.offset } else { 0 };
        (state.server, state.offset) = (server, known.max(offset));
    }

    /// Takes it out until it is seen to be well.
    pub(crate) fn eject(&self, why: &str) {
        let was_out = {
            let mut state = self.state();
            state.failures = state.failures.max(FAILURES);
            std::mem::replace(&mut state.is_out, true)
        };
        self.pool.discard_idle();
        if !was_out {
            tracing::warn!("the replica {} is not used: {why}", self.name);
        }
    }

    /// A look at its health failed.
    pub(super) fn failed(&self, why: &str) {
        let failures = {
            let mut state = self.state();
            state.failures = state.failures.saturating_add(1);
            state.failures
        };
        if failures >= FAILURES {
            self.eject(why);
        }
    }

    /// It is well as far as this goes: it answers, and is a replica. `primary` is where the primary was seen last.
    pub(super) fn is_well(&self, health: Health, primary: Option<Position>, timeline: u32) {
        self.has_replayed(health.server, health.offset);
        let mut state = self.state();
        if health.shows_proof {
            state.proven = Some((timeline, health.server));
        } else if state.proven.is_some_and(|proven| proven != (timeline, health.server)) {
            state.proven = None;
        }
        let of_this = primary.filter(|primary| primary.timeline == timeline);
        state.lag_bytes = of_this.map(|primary| primary.offset.saturating_sub(health.offset));
        let is_behind = health.seconds > MOST_SECONDS && state.lag_bytes.is_some_and(|lag| lag > MOST_BYTES);
        let was_used = !state.is_out && !state.is_behind && state.proven.is_some();
        (state.failures, state.is_out, state.is_behind) = (0, false, is_behind);
        let is_used = !is_behind && state.proven.is_some();
        drop(state);
        match (was_used, is_used) {
            (false, true) => tracing::info!("the replica {} is used", self.name),
            (true, false) => tracing::warn!("the replica {} is too far behind to be used", self.name),
            _ => {}
        }
    }

    /// Whether it has yet to show that it is a copy of this database as it is in this timeline.
    pub(super) fn must_prove(&self, timeline: u32, server: Option<i64>) -> bool {
        let proven = self.state().proven;
        proven.is_none_or(|(proven, life)| proven != timeline || server.is_some_and(|server| server != life))
    }

    pub(super) fn status(&self, timeline: u32) -> CopyStatus {
        let state = self.state();
        let standing = match state.proven {
            _ if state.is_out => Standing::Out,
            Some((proven, _)) if proven == timeline => {
                if state.is_behind {
                    Standing::Behind
                } else {
                    Standing::InUse
                }
            }
            _ => Standing::Unproven,
        };
        let lag_bytes = state.lag_bytes;
        drop(state);
        CopyStatus { name: self.name.clone(), standing, lag_bytes, pool: self.pool.status() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
