//! Looks after the health of replicas.
//!
//! How far a replica has come says nothing until it is known to follow this database in its present timeline: after a
//! failover one may go on with the old one, and another's replica has positions too. So a row is written on the primary,
//! and a replica is used once it shows it. That asks for no privilege, and holds through replicas of replicas.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use slippers_core::StoreError;

use super::replica::{ASK_LIMIT, Health, Replica};
use super::{Replicas, position};
use crate::connection::lot;
use crate::params::params;
use crate::pool::{Class, Pool, Refused, share_of};
use crate::route::row;

/// The longest pause between two looks at one replica; some are a quarter shorter.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest: while a replica has yet to show whose copy it is.
const FIRST_LOOKS: Duration = Duration::from_millis(50);
/// A row that is to be shown is written anew after this: it is swept after five minutes.
const PROOF_LIFE: Duration = Duration::from_secs(60);
/// Between two attempts to write it.
const PROOF_PAUSE: Duration = Duration::from_millis(250);

/// The row that replicas are to show.
#[derive(Clone, Copy, Debug)]
struct Proof {
    timeline: u32,
    number: i64,
    at: Instant,
}

type Shared = Arc<Mutex<Option<Proof>>>;

impl Replicas {
    /// Looks after them for as long as the store is there.
    pub(crate) fn watch(self: &Arc<Self>, primary: &Arc<Pool>) {
        let proof = Shared::default();
        for replica in &self.all {
            let (all, replica) = (Arc::downgrade(self), Arc::downgrade(replica));
            let proof = Arc::clone(&proof);
            tokio::spawn(async move { watch(&all, &replica, &proof).await });
        }
        let (all, primary) = (Arc::downgrade(self), Arc::downgrade(primary));
        tokio::spawn(async move { keep_proving(&all, &primary, &proof).await });
    }
}

fn current(proof: &Shared) -> Option<Proof> {
    *proof.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn watch(all: &Weak<Replicas>, replica: &Weak<Replica>, proof: &Shared) {
    let mut unproven_since: Option<Instant> = None;
    loop {
        {
            let (Some(all), Some(replica)) = (all.upgrade(), replica.upgrade()) else { return };
            look(&all, &replica, current(proof)).await;
            unproven_since = replica
                .must_prove(all.epoch.now(), None)
                .then(|| unproven_since.unwrap_or_else(Instant::now));
        }
        let pause = unproven_since.map_or(LOOK, |since| until_next_look(since.elapsed()));
        tokio::time::sleep(share_of(pause, 75, lot())).await;
    }
}

/// A replica is used as soon as it has shown whose copy it is, so the first looks follow each other closely. The longer that
/// takes, the less hangs on a moment.
fn until_next_look(unproven_for: Duration) -> Duration {
    (unproven_for / 4).clamp(FIRST_LOOKS, LOOK)
}

async fn look(all: &Replicas, replica: &Replica, proof: Option<Proof>) {
    let lease = match replica.pool.lease_or_say(Class::Health).await {
        Ok(lease) => lease,
        // That it has much to do says nothing against it.
        Err(Refused::Busy(_)) => return,
        Err(Refused::Unreachable(error)) => return replica.eject(&error.to_string()),
    };
    let Ok(db) = lease.db() else { return };
    let timeline = all.epoch.now();
    let wanted =
        proof.filter(|proof| proof.timeline == timeline && replica.must_prove(timeline, Some(db.server())));
    let number = wanted.map_or_else(|| "NULL".to_owned(), |proof| proof.number.to_string());
    let question = format!(
        "SELECT pg_is_in_recovery()::text, coalesce(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::text,
                EXISTS (SELECT FROM changes WHERE instance = {number})::text,
                coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::text"
    );
    let answered = match tokio::time::timeout(ASK_LIMIT, row::<4>(db, &question)).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(why)) => return replica.failed(&why),
        Err(_) => return replica.failed("it did not answer in time"),
    };
    let [is_replica, offset, shows_proof, seconds] = answered;
    if is_replica != "true" {
        return replica.eject("it is no replica any more");
    }
    let (Ok(offset), Ok(seconds)) = (offset.parse(), seconds.parse()) else {
        return replica.failed("it answers something else than it was asked");
    };
    let health = Health { server: db.server(), offset, shows_proof: shows_proof == "true", seconds };
    replica.is_well(health, all.knowledge.primary(), timeline);
}

const WRITE_PROOF: &str = "INSERT INTO changes (instance, what) VALUES ($1, '')";

/// Writes the row while somebody has to show it. Other instances read nothing in it.
async fn keep_proving(all: &Weak<Replicas>, primary: &Weak<Pool>, proof: &Shared) {
    loop {
        {
            let (Some(all), Some(primary)) = (all.upgrade(), primary.upgrade()) else { return };
            let timeline = all.epoch.now();
            let is_wanted = all.all.iter().any(|replica| replica.must_prove(timeline, None));
            let is_there = current(proof)
                .is_some_and(|proof| proof.timeline == timeline && proof.at.elapsed() < PROOF_LIFE);
            if is_wanted && !is_there {
                match prove(&primary, timeline).await {
                    Ok(new) => *proof.lock().unwrap_or_else(PoisonError::into_inner) = Some(new),
                    Err(error) => tracing::debug!(%error, "replicas can't be told apart yet"),
                }
            }
        }
        tokio::time::sleep(PROOF_PAUSE).await;
    }
}

async fn prove(primary: &Arc<Pool>, timeline: u32) -> Result<Proof, StoreError> {
    let lease = primary.lease(Class::Health).await?;
    let number = lot().cast_signed();
    let db = lease.db()?;
    db.ask(WRITE_PROOF, params![number].as_ref()).await?;
    match position(db).await {
        Ok(position) if position.timeline == timeline => {}
        Ok(position) => return Err(StoreError::Unavailable(format!("timeline {}", position.timeline))),
        Err(why) => return Err(StoreError::Unavailable(why)),
    }
    Ok(Proof { timeline, number, at: Instant::now() })
}
