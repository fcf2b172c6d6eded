//! Those who place orders wait here, and those who wait at this moment share a transaction: a product that everybody wants
//! is locked once for many buyers, not once for each through the disk.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use slippers_core::orders::{Order, PlaceError, PlaceFromCart};
use slippers_core::types::Timestamp;
use slippers_core::{StoreError, StoreLoad, Tally};
use tokio::sync::oneshot;

use super::batch::{Outcome, place_all};
use super::place::Wish;
use crate::pool::{Pool, closed};

/// Transactions at once, each on a connection of its own: two hide each other's wait for the disk.
pub(crate) const COMMITTERS: usize = 2;
/// Orders that share a transaction at most.
const BATCH: usize = 64;
/// Orders that may wait; one more is told at once that the database is busy.
const QUEUE: usize = 1024;

/// The queue, and who empties it.
#[derive(Default)]
pub(crate) struct Combiner(Mutex<State>);

#[derive(Default)]
struct State {
    next_number: u64,
    waiting: VecDeque<Waiting>,
    at_work: [bool; COMMITTERS],
    /// What is told of it; who waits is counted when somebody asks.
    load: StoreLoad,
}

struct Waiting {
    number: u64,
    wish: Wish,
    reply: oneshot::Sender<Outcome>,
    /// Of its request, and since when it waits.
    tally: Option<(Arc<Tally>, Instant)>,
}

impl Combiner {
    /// Places an order together with those that wait at this moment; at once when there is none.
    pub(crate) async fn place(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        place: PlaceFromCart,
        now: Timestamp,
    ) -> Result<Order, PlaceError> {
        let limit = pool.timeout();
        let (reply, mut outcome) = oneshot::channel();
        let (number, free) = self.enqueue(Wish { place, now }, reply)?;
        if let Some(place) = free {
            let committer = Committer { combiner: Arc::clone(self), place };
            let pool = Arc::clone(pool);
            tokio::spawn(async move { committer.work(&pool).await });
        }
        let answered = match tokio::time::timeout(limit, &mut outcome).await {
            Ok(answered) => answered,
            Err(_) if self.give_up(number) => {
                self.state().load.refused += 1;
                return Err(StoreError::Unavailable("the order has waited too long".to_owned()).into());
            }
            // It was begun, and is answered within the limits of its statements.
            Err(_) => outcome.await,
        };
        answered.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Whether an order that waits was taken back before anybody began it.
    fn give_up(&self, number: u64) -> bool {
        let mut state = self.state();
        let before = state.waiting.len();
        state.waiting.retain(|waiting| waiting.number != number);
        state.waiting.len() < before
    }

    /// Answers the order's number, and a committer's place that is to be filled.
    fn enqueue(
        &self,
        wish: Wish,
        reply: oneshot::Sender<Outcome>,
    ) -> Result<(u64, Option<usize>), StoreError> {
        let mut state = self.state();
        if state.waiting.len() >= QUEUE {
            state.load.refused += 1;
            return Err(StoreError::Unavailable(format!("{QUEUE} orders wait already")));
        }
        let number = state.next_number;
        state.next_number += 1;
        let tally = Tally::current().map(|tally| (tally, Instant::now()));
        state.waiting.push_back(Waiting { number, wish, reply, tally });
        let free = state.at_work.iter().position(|at_work| !at_work);
        if let Some(at_work) = free.and_then(|place| state.at_work.get_mut(place)) {
            *at_work = true;
        }
        Ok((number, free))
    }

    /// The next orders, at most one a user: the second of a user must see what the first did. None: the committer's place
    /// is free from now on.
    fn next_batch(&self, place: usize) -> Vec<Waiting> {
        let mut state = self.state();
        let mut batch: Vec<Waiting> = Vec::new();
        let mut users = BTreeSet::new();
        let mut later = VecDeque::new();
        while batch.len() < BATCH
            && let Some(waiting) = state.waiting.pop_front()
        {
            if waiting.reply.is_closed() {
                continue;
            }
            if users.insert(waiting.wish.user()) {
                batch.push(waiting);
            } else {
                later.push_back(waiting);
            }
        }
        while let Some(waiting) = later.pop_back() {
            state.waiting.push_front(waiting);
        }
        if !batch.is_empty() {
            state.load.writes += u64::try_from(batch.len()).unwrap_or(0);
            state.load.write_transactions += 1;
        } else if let Some(at_work) = state.at_work.get_mut(place) {
            *at_work = false;
        }
        batch
    }

    /// How busy it is.
    pub(crate) fn load(&self) -> StoreLoad {
        let state = self.state();
        StoreLoad { waiting: u64::try_from(state.waiting.len()).unwrap_or(u64::MAX), ..state.load }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who places what waits until nothing does.
struct Committer {
    combiner: Arc<Combiner>,
    place: usize,
}

impl Committer {
    async fn work(&self, pool: &Arc<Pool>) {
        loop {
            let batch = self.combiner.next_batch(self.place);
            if batch.is_empty() {
                return;
            }
            self.commit(pool, batch).await;
        }
    }

    async fn commit(&self, pool: &Arc<Pool>, batch: Vec<Waiting>) {
        let shard = i64::try_from(self.place).unwrap_or(0);
        let tallies: Vec<_> = batch.iter().filter_map(|waiting| waiting.tally.clone()).collect();
        tallies.iter().for_each(|(tally, since)| tally.queued(since.elapsed()));
        let (wishes, replies): (Vec<Wish>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.wish, waiting.reply)).unzip();
        // What is done for all of them at once was done for each.
        let together = Arc::<Tally>::default();
        let placed = Box::pin(Arc::clone(&together).scope(place_all(pool, shard, &wishes))).await;
        let work = together.work();
        tallies.iter().for_each(|(tally, _)| tally.add(&work));
        match placed {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    // The caller may have stopped waiting; the order stays placed.
                    let _ = reply.send(outcome);
                }
            }
            Err(error) if wishes.len() == 1 || !is_of_one(&error) => {
                for reply in replies {
                    let _ = reply.send(Err(the_same(&error).into()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "{} orders are placed one by one", wishes.len());
                for (wish, reply) in wishes.into_iter().zip(replies) {
                    let alone = place_all(pool, shard, std::slice::from_ref(&wish)).await;
                    let outcome = alone.map_err(Into::into).and_then(|outcomes| {
                        outcomes.into_iter().next().unwrap_or_else(|| Err(closed().into()))
                    });
                    let _ = reply.send(outcome);
                }
            }
        }
    }
}

/// Should a defect end the committer, nobody waits for it for ever.
impl Drop for Committer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.combiner.state();
            state.waiting.clear();
            if let Some(at_work) = state.at_work.get_mut(self.place) {
                *at_work = false;
            }
        }
    }
}

/// Whether an order alone may succeed where the batch did not: not when the commit's outcome is unknown, nor when the
/// database can't be reached.
const fn is_of_one(error: &StoreError) -> bool {
    !matches!(error, StoreError::Undecided(_) | StoreError::Unavailable(_))
}

fn the_same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Conflict(constraint) => StoreError::Conflict(*constraint),
        StoreError::Unavailable(text) => StoreError::Unavailable(text.clone()),
        StoreError::Undecided(text) => StoreError::Undecided(text.clone()),
        StoreError::Corrupt(text) => StoreError::Corrupt(text.clone()),
        StoreError::Other(text) => StoreError::Other(text.clone()),
    }
}
