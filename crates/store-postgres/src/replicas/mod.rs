//! Replicas that answer reads, as far as they are known to have replayed what must be seen.
//!
//! - `knowledge` holds the positions of the writes that this program knows of;
//! - `replica` is one replica and asks it, on the connection that will read, how far it is;
//! - `watch` looks after their health, and lets each show whose copy it is.

mod knowledge;
mod position;
mod replica;
mod watch;

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use slippers_core::{CopyStatus, Position, StoreError};

pub(crate) use self::knowledge::{Knowledge, Own, Shown};
pub(crate) use self::position::position;
pub(crate) use self::replica::Replica;
use crate::pool::{Class, Lease, Pool};
use crate::route::Epoch;

/// All replicas of the shop.
pub(crate) struct Replicas {
    all: Vec<Arc<Replica>>,
    pub(crate) knowledge: Arc<Knowledge>,
    epoch: Arc<Epoch>,
}

impl Replicas {
    /// With the pool of each, and their names.
    pub(crate) fn new(pools: Vec<(String, Arc<Pool>)>, epoch: Arc<Epoch>) -> Self {
        let all = pools.into_iter().map(|(name, pool)| Arc::new(Replica::new(name, pool))).collect();
        Self { all, knowledge: Arc::default(), epoch }
    }

    /// A connection to a replica that shows everything up to the floor, and the replica; `None` when none does in a
    /// moment. The same `key` gets the same replica while it may answer: so nobody sees what they ask for again become
    /// older.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when too many calls want one.
    pub(crate) async fn lease(
        &self,
        class: Class,
        floor: Position,
        key: u64,
    ) -> Result<Option<(Lease, Arc<Replica>)>, StoreError> {
        for replica in self.in_order_for(key) {
            if let Some(lease) = replica.lease(class, floor, &self.epoch).await? {
                return Ok(Some((lease, Arc::clone(replica))));
            }
        }
        Ok(None)
    }

    /// Rendezvous hashing: one that comes or goes moves no keys but its own.
    fn in_order_for(&self, key: u64) -> Vec<&Arc<Replica>> {
        let mut order: Vec<_> = self.all.iter().collect();
        let hasher = BuildHasherDefault::<DefaultHasher>::new();
        order.sort_by_cached_key(|replica| hasher.hash_one((key, &replica.name)));
        order
    }

    pub(crate) fn status(&self) -> Vec<CopyStatus> {
        self.all.iter().map(|replica| replica.status(self.epoch.now())).collect()
    }

    pub(crate) async fn close(&self) {
        for replica in &self.all {
            replica.pool.close().await;
        }
    }
}
