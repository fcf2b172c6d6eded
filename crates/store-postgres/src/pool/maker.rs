//! Connections for a pool: few are made at once, and a server that can't be reached is left alone for a moment.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use slippers_core::StoreError;
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use crate::connection::lot;
use crate::db::Db;
use crate::route::{NoWay, Route};
use crate::session::Session;

/// A server that has just come up is not drowned in handshakes.
const AT_ONCE: usize = 2;

pub(crate) struct Maker {
    route: Route,
    session: Session,
    prepared: bool,
    statements: Arc<AtomicU64>,
    turns: Semaphore,
    breaker: Mutex<Breaker>,
}

impl Maker {
    pub(crate) fn new(route: &Route, session: Session, prepared: bool, statements: Arc<AtomicU64>) -> Self {
        Self {
            route: route.configured(session),
            session,
            prepared,
            statements,
            turns: Semaphore::new(AT_ONCE),
            breaker: Mutex::default(),
        }
    }

    /// A new connection; an error at once where another has just failed to make one.
    pub(super) async fn make(&self) -> Result<Db, StoreError> {
        self.refuse()?;
        let _turn = self.turns.acquire().await.map_err(|_| super::gate::closed())?;
        // Whoever had the turn before may have failed.
        self.refuse()?;
        let made = self.route.connect(self.session, self.prepared, &self.statements).await;
        let mut breaker = self.breaker();
        match made {
            Ok(db) => {
                breaker.succeeded();
                Ok(db)
            }
            Err(NoWay { why, .. }) => {
                tracing::warn!("the database can't be reached: {why}");
                breaker.failed(why.clone(), lot(), Instant::now());
                Err(StoreError::Unavailable(why))
            }
        }
    }

    fn refuse(&self) -> Result<(), StoreError> {
        match self.breaker().refusal(Instant::now()) {
            Some(why) => Err(StoreError::Unavailable(why.to_owned())),
            None => Ok(()),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
