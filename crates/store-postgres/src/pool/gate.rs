//! Permits to hold a connection, by class: at most so many at once, a bounded crowd that waits for them, and nobody longer
//! than his class allows.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slippers_core::StoreError;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::class::{CLASSES, Class, Share};

/// The permits of a pool.
#[derive(Debug)]
pub(crate) struct Gate {
    all: usize,
    shares: [Share; CLASSES.len()],
    state: Mutex<State>,
    /// Told at each permit that comes back.
    returned: Notify,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    in_use: [usize; CLASSES.len()],
    waiting: [VecDeque<Waiter>; CLASSES.len()],
    /// How long a permit of the class is held: an average in which the last eight count most.
    held: [Duration; CLASSES.len()],
    next_number: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    tell: oneshot::Sender<Permit>,
}

/// The right to hold one connection, handed on when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    class: Class,
    since: Instant,
}

impl Permit {
    fn new(gate: &Arc<Gate>, class: Class) -> Self {
        Self { gate: Arc::clone(gate), class, since: Instant::now() }
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'g> {
    gate: &'g Gate,
    class: Class,
    number: u64,
    granted: oneshot::Receiver<Permit>,
}

enum Asked<'g> {
    Granted(Permit),
    Queued(Place<'g>),
}

impl Gate {
    pub(crate) fn new(all: usize, timeout: Duration) -> Self {
        let shares = CLASSES.map(|class| class.share(all, timeout));
        Self { all, shares, state: Mutex::default(), returned: Notify::new(), refused: AtomicU64::new(0) }
    }

    /// A permit at once, or within the wait of the class. Where the queue is full, the refusal comes without waiting.
    pub(crate) async fn enter(self: &Arc<Self>, class: Class) -> Result<Permit, StoreError> {
        let mut place = match self.ask(class)? {
            Asked::Granted(permit) => return Ok(permit),
            Asked::Queued(place) => place,
        };
        match tokio::time::timeout(self.share(class).wait, &mut place.granted).await {
            Ok(granted) => granted.map_err(|_| closed()),
            Err(_) => Err(self.refuse("no connection was free in time".to_owned())),
        }
    }

    fn ask(self: &Arc<Self>, class: Class) -> Result<Asked<'_>, StoreError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(closed());
        }
        let ahead = state.waiting[class as usize].len();
        if ahead == 0 && self.has_one_for(class, &state.in_use) {
            state.in_use[class as usize] += 1;
            return Ok(Asked::Granted(Permit::new(self, class)));
        }
        let most = self.share(class).waiting;
        if ahead >= most {
            return Err(self.refuse(format!("{most} calls wait for a connection already")));
        }
        if self.would_wait_in_vain(class, ahead, state.held[class as usize]) {
            return Err(self.refuse(format!("{ahead} calls wait for a connection already")));
        }
        let (tell, granted) = oneshot::channel();
        let number = state.next_number;
        state.next_number += 1;
        state.waiting[class as usize].push_back(Waiter { number, tell });
        Ok(Asked::Queued(Place { gate: self, class, number, granted }))
    }

    /// Whether a permit is left that is not kept for another class.
    fn has_one_for(&self, class: Class, in_use: &[usize; CLASSES.len()]) -> bool {
        let kept_for = |other: Class| match other {
            other if other == class => 0,
            other => self.share(other).reserved.saturating_sub(in_use[other as usize]),
        };
        let kept: usize = CLASSES.into_iter().map(kept_for).sum();
        in_use[class as usize] < self.share(class).most && in_use.iter().sum::<usize>() + kept < self.all
    }

    /// Whether so many are ahead that a turn would come too late. Whoever pays is asked to wait all the same.
    fn would_wait_in_vain(&self, class: Class, ahead: usize, held: Duration) -> bool {
        let share = self.share(class);
        if matches!(class, Class::Checkout | Class::Shopper) {
            return false;
        }
        let others: usize = self.shares.iter().map(|other| other.reserved).sum::<usize>() - share.reserved;
        let connections = self.all.saturating_sub(others).min(share.most).max(1);
        let ahead = u32::try_from(ahead / connections + 1).unwrap_or(u32::MAX);
        // Four fifths: those who are let in are to be served, also when one takes longer.
        held.saturating_mul(ahead) > share.wait * 4 / 5
    }

    const fn share(&self, class: Class) -> &Share {
        &self.shares[class as usize]
    }

    fn give_back(self: &Arc<Self>, class: Class, held: Duration) {
        let mut granted = Vec::new();
        {
            let mut state = self.state();
            state.in_use[class as usize] -= 1;
            let average = &mut state.held[class as usize];
            *average = (*average * 7 + held) / 8;
            for class in CLASSES {
                while self.has_one_for(class, &state.in_use)
                    && let Some(waiter) = state.waiting[class as usize].pop_front()
                {
                    state.in_use[class as usize] += 1;
                    granted.push((waiter.tell, Permit::new(self, class)));
                }
            }
        }
        for (tell, permit) in granted {
            // Of one who went meanwhile the permit comes back here: outside of the lock.
            drop(tell.send(permit));
        }
        self.returned.notify_waiters();
    }

    fn refuse(&self, why: String) -> StoreError {
        self.refused.fetch_add(1, Ordering::Relaxed);
        StoreError::Unavailable(why)
    }

    /// Calls that wait now, and those that were refused so far.
    pub(crate) fn pressure(&self) -> (u64, u64) {
        let waiting: usize = self.state().waiting.iter().map(VecDeque::len).sum();
        (u64::try_from(waiting).unwrap_or(u64::MAX), self.refused.load(Ordering::Relaxed))
    }

    /// Permits that are out.
    pub(crate) fn in_use(&self) -> usize {
        self.state().in_use.iter().sum()
    }

    /// Refuses those who wait and all who come, and returns when no permit is out.
    pub(crate) async fn close(&self) {
        let refused = {
            let mut state = self.state();
            state.is_closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(refused);
        loop {
            let returned = self.returned.notified();
            if self.in_use() == 0 {
                return;
            }
            returned.await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.give_back(self.class, self.since.elapsed());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.waiting[self.class as usize].retain(|waiter| waiter.number != self.number);
    }
}

pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the database is being closed".to_owned())
}

#[cfg(test)]
mod tests;
