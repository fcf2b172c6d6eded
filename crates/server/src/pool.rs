//! Work that computes, off the async workers: so much at once, so many waiting, and everybody beyond refused at once.

mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

pub(crate) use self::threads::Share;
use self::threads::Threads;

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
    slots: Arc<Slots>,
    places: Arc<Places>,
}

/// One permit for each piece of work that may run, and who does it.
#[derive(Debug)]
struct Slots {
    free: Arc<Semaphore>,
    /// Two permits for each: while one works, the next makes ready.
    near: Arc<Semaphore>,
    all: usize,
    threads: Threads,
}

/// One permit for each caller that may be in here, working or waiting.
#[derive(Debug)]
struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    refused: AtomicU64,
}

/// A caller's place in a [`Pool`], kept until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    place: Arc<OwnedSemaphorePermit>,
    pool: Pool,
}

/// A caller that waits, until it is dropped.
struct Waiting<'p>(&'p AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    fn new(places: usize) -> Arc<Self> {
        let free = Arc::new(Semaphore::new(places));
        Arc::new(Self { free, waiting: AtomicUsize::new(0), refused: AtomicU64::new(0) })
    }

    fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }
}

impl Pool {
    /// At most `parallel` pieces of work run at once, and as many callers more as `waiting` may be in it.
    pub(crate) fn new(parallel: usize, waiting: usize, share: Share) -> Self {
        let free = Arc::new(Semaphore::new(parallel));
        let near = Arc::new(Semaphore::new(parallel * 2));
        let slots = Slots { free, near, all: parallel, threads: Threads::new(parallel, share) };
        Self { slots: Arc::new(slots), places: Places::new(parallel + waiting) }
    }

    /// Another queue before the same slots, for `places` callers: a crowd in one takes no place from the other.
    pub(crate) fn beside(&self, places: usize) -> Self {
        Self { slots: Arc::clone(&self.slots), places: Places::new(places) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// [`PoolError::Overloaded`] at once when there is none.
    pub(crate) fn enter(&self) -> Result<Place, PoolError> {
        match Arc::clone(&self.places.free).try_acquire_owned() {
            Ok(place) => Ok(Place { place: Arc::new(place), pool: self.clone() }),
            Err(TryAcquireError::NoPermits) => {
                self.places.refused.fetch_add(1, Ordering::Relaxed);
                Err(PoolError::Overloaded)
            }
            Err(closed @ TryAcquireError::Closed) => Err(PoolError::Died(closed.to_string())),
        }
    }

    /// How many pieces of work could start now.
    pub(crate) fn free_slots(&self) -> usize {
        self.slots.free.available_permits()
    }

    /// How many pieces of work may run at once.
    pub(crate) fn slots(&self) -> usize {
        self.slots.all
    }

    /// How many run now, of all queues before the same slots.
    pub(crate) fn running(&self) -> usize {
        self.slots.all.saturating_sub(self.free_slots())
    }

    /// How many callers of this queue wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.places.waiting.load(Ordering::Relaxed)
    }

    /// How many callers found no place in this queue so far.
    pub(crate) fn refused(&self) -> u64 {
        self.places.refused.load(Ordering::Relaxed)
    }

    /// How many callers could still enter.
    #[cfg(test)]
    pub(crate) fn free_places(&self) -> usize {
        self.places.free.available_permits()
    }
}

impl Place {
    /// Waits until its turn is near: for what a piece of work needs first, and nobody should do for all who wait. Whoever has
    /// this keeps it until the work is done, and no longer: while they wait for something else a slot may stand empty.
    ///
    /// # Errors
    /// [`PoolError::Died`] when the program ends.
    pub(crate) async fn near(&self) -> Result<OwnedSemaphorePermit, PoolError> {
        let _waits = self.pool.places.wait();
        let near = Arc::clone(&self.pool.slots.near).acquire_owned().await;
        near.map_err(|closed| PoolError::Died(closed.to_string()))
    }

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
        let slot = {
            let _waits = self.pool.places.wait();
            Arc::clone(&self.pool.slots.free).acquire_owned().await.map_err(|closed| died(&closed))?
        };
        // The permits travel with the work: whoever asked may be gone before it is done.
        let permits = (Arc::clone(&self.place), slot);
        let (done, result) = oneshot::channel();
        let job = move || {
            let _permits = permits;
            // Nobody may want the result any more.
            let _ = done.send(work());
        };
        self.pool.slots.threads.submit(job).map_err(|refused| died(&refused))?;
        result.await.map_err(|_| PoolError::Died("it panicked".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

    use futures_util::FutureExt as _;

    use super::threads::NICENESS;
    use super::*;

    #[tokio::test]
    async fn work_steps_back_for_those_who_answer() {
        let own = rustix::process::getpriority_process(None).expect("a priority");
        let place = Pool::new(1, 0, Share::Tenth).enter().expect("a place");
        let theirs = place.run(|| rustix::process::getpriority_process(None).expect("a priority")).await;
        assert_eq!(theirs.expect("it is done"), (own + NICENESS).min(19));
        assert_eq!(rustix::process::getpriority_process(None).expect("a priority"), own);
    }

    #[tokio::test]
    async fn only_whose_turn_is_near_makes_ready() {
        let pool = Pool::new(1, 2, Share::Tenth);
        let places: Vec<_> = (0..3).map(|_| pool.enter().expect("a place")).collect();
        let first = places[0].near().await.expect("the first");
        let _second = places[1].near().await.expect("the next");
        let mut third = std::pin::pin!(places[2].near());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(pool.waiting(), 1);
        drop(first);
        drop(third.await.expect("it has come near"));
        assert_eq!(pool.waiting(), 0);
    }

    #[tokio::test]
    async fn work_that_can_wait_takes_what_is_left() {
        let policy = || thread_schedule_policy().expect("a policy");
        let own = policy();
        let place = Pool::new(1, 0, Share::Leftovers).enter().expect("a place");
        let theirs = place.run(policy).await.expect("it is done");
        assert_eq!(theirs, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
        assert_eq!(policy(), own);
        assert_ne!(own, theirs);
    }
}
