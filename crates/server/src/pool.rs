//! Work that computes, off the async workers: so much at once, so many waiting, and everybody beyond refused at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Why a pool did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// Too many others are in it already; it can be tried again in a moment.
    #[error("too many others wait already")]
    Overloaded,
    /// The work panicked, or the program ends.
    #[error("the work ended badly: {0}")]
    Died(String),
}

/// A bound on work that computes.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    /// One for each piece of work that may run.
    slots: Arc<Semaphore>,
    /// One for each caller that may be in here, working or waiting.
    places: Arc<Semaphore>,
}

/// A caller's place in a [`Pool`], kept until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    place: Arc<OwnedSemaphorePermit>,
    slots: Arc<Semaphore>,
}

impl Pool {
    /// At most `parallel` pieces of work run at once, and as many callers more as `waiting` may be in it.
    pub(crate) fn new(parallel: usize, waiting: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(parallel)),
            places: Arc::new(Semaphore::new(parallel + waiting)),
        }
    }

    /// Another queue before the same slots, for `places` callers: a crowd in one takes no place from the other.
    pub(crate) fn beside(&self, places: usize) -> Self {
        Self { slots: Arc::clone(&self.slots), places: Arc::new(Semaphore::new(places)) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`PoolError::Overloaded`] at once when there is none.
    pub(crate) fn enter(&self) -> Result<Place, PoolError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(Place { place: Arc::new(place), slots: Arc::clone(&self.slots) }),
            Err(TryAcquireError::NoPermits) => Err(PoolError::Overloaded),
            Err(closed @ TryAcquireError::Closed) => Err(PoolError::Died(closed.to_string())),
        }
    }

    /// How many pieces of work could start now.
    pub(crate) fn free_slots(&self) -> usize {
        self.slots.available_permits()
    }

    /// How many callers could still enter.
    #[cfg(test)]
    pub(crate) fn free_places(&self) -> usize {
        self.places.available_permits()
    }
}

impl Place {
    /// Does a piece of work when its turn comes. A caller that goes away while it waits is forgotten; work that runs
    /// is finished, and keeps its slot and its place till then.
    ///
    /// # Errors
    /// [`PoolError::Died`] when the work panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let died = |error: &dyn std::fmt::Display| PoolError::Died(error.to_string());
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|closed| died(&closed))?;
        let place = Arc::clone(&self.place);
        let job = move || {
            // The permits travel with the work: whoever asked may be gone before it is done.
            let _permits = (place, slot);
            work()
        };
        #[expect(clippy::disallowed_methods, reason = "the permits above bound it")]
        let job = tokio::task::spawn_blocking(job);
        job.await.map_err(|panicked| died(&panicked))
    }
}
