//! What the store did for one request: how long it waited, how long the database worked, and which statements it ran. The
//! edge opens a [`Tally`] for each request; the stores find it without being handed it, so that no verb has it as an argument.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::trace::Trace;

/// Statements whose names are kept; of the others only the number is.
const MAX_NAMES: usize = 24;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Tally>>> = const { RefCell::new(None) };
}

/// What is done for one request.
#[derive(Debug, Default)]
pub struct Tally {
    trace: Option<Trace>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    work: Work,
    at_work: u32,
    since: Option<Instant>,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Statements, transaction control not counted.
    pub statements: u64,
    /// What the first of them were, as verb and table: `SELECT slippers`.
    pub names: Vec<String>,
    /// How long it waited for a connection, or for its turn to write.
    pub queued: Duration,
    /// How long statements and commits were under way; those that ran side by side count once.
    pub database: Duration,
}

impl Tally {
    /// A new one, of work that belongs to this trace.
    pub fn of(trace: Trace) -> Arc<Self> {
        Arc::new(Self { trace: Some(trace), state: Mutex::default() })
    }

    /// The trace that the work belongs to.
    pub const fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// The tally of the request for which this thread works now, if for any.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes it the current one of this thread until the answer is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Entered {
        Entered(CURRENT.replace(Some(Arc::clone(self))))
    }

    /// Makes it the current one wherever the future is at work.
    pub async fn scope<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            let _entered = self.enter();
            future.as_mut().poll(context)
        })
        .await
    }

    /// A statement is run.
    pub fn ran(&self, sql: &str) {
        let mut state = self.state();
        state.work.statements += 1;
        if state.work.names.len() < MAX_NAMES {
            let name = name_of(sql);
            state.work.names.push(name);
        }
    }

    /// It has waited that long.
    pub fn queued(&self, time: Duration) {
        self.state().work.queued += time;
    }

    /// What others did for several requests at once, this one among them.
    pub fn add(&self, work: &Work) {
        let mut state = self.state();
        state.work.statements += work.statements;
        let room = MAX_NAMES.saturating_sub(state.work.names.len());
        state.work.names.extend(work.names.iter().take(room).cloned());
        state.work.queued += work.queued;
        state.work.database += work.database;
    }

    /// What was done so far.
    pub fn work(&self) -> Work {
        self.state().work.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the tally that was current before back.
#[derive(Debug)]
pub struct Entered(Option<Arc<Tally>>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// The database works for a request, for as long as this lives.
#[derive(Debug)]
pub struct AtWork(Option<Arc<Tally>>);

impl AtWork {
    /// From `now` on, for this request.
    pub fn of(tally: Option<Arc<Tally>>, now: Instant) -> Self {
        if let Some(tally) = &tally {
            let mut state = tally.state();
            if state.at_work == 0 {
                state.since = Some(now);
            }
            state.at_work += 1;
        }
        Self(tally)
    }

    /// A statement is run.
    pub fn ran(&self, sql: &str) {
        if let Some(tally) = &self.0 {
            tally.ran(sql);
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let Some(tally) = &self.0 else { return };
        let mut state = tally.state();
        state.at_work -= 1;
        if state.at_work == 0
            && let Some(since) = state.since.take()
        {
            state.work.database += since.elapsed();
        }
    }
}

/// The verb of a statement and the first table that it names.
fn name_of(sql: &str) -> String {
    let mut words = sql
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';'))
        .filter(|w| !w.is_empty());
    let verb = words.next().unwrap_or("nothing").to_ascii_uppercase();
    let mut table = if verb == "UPDATE" { words.next() } else { None };
    while table.is_none() {
        let Some(word) = words.next() else { break };
        if ["FROM", "INTO", "UPDATE"].iter().any(|marker| word.eq_ignore_ascii_case(marker)) {
            table = words.next();
        }
    }
    match table {
        Some(table) => format!("{verb} {table}"),
        None => verb,
    }
}

/// The bounds of [`Waits`], in microseconds.
pub const WAIT_BOUNDS: [u64; 9] = [100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000];

/// How long callers waited, counted by buckets.
#[derive(Debug, Default)]
pub struct Waits {
    counts: [AtomicU64; WAIT_BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// What was counted: each bucket's own, the last of them without a bound, and the sum in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitCounts {
    /// By bucket.
    pub counts: [u64; WAIT_BOUNDS.len() + 1],
    /// The sum of all waits, in microseconds.
    pub micros: u64,
}

impl Waits {
    /// Counts one.
    pub fn count(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let bucket = WAIT_BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(WAIT_BOUNDS.len());
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// All so far.
    pub fn counts(&self) -> WaitCounts {
        WaitCounts {
            counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            micros: self.micros.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_named_by_its_verb_and_table() {
        for (sql, name) in [
            ("SELECT id, name FROM slippers WHERE id = ?", "SELECT slippers"),
            ("  insert INTO orders(id) VALUES (1)", "INSERT orders"),
            ("UPDATE slippers SET quantity = 1", "UPDATE slippers"),
            ("DELETE FROM cart_items", "DELETE cart_items"),
            ("WITH wanted AS (SELECT * FROM carts) SELECT 1", "WITH carts"),
            ("SELECT 1", "SELECT"),
            ("", "NOTHING"),
        ] {
            assert_eq!(name_of(sql), name, "{sql}");
        }
    }

    #[test]
    fn the_current_tally_is_that_of_the_future_at_work_and_of_nobody_else() {
        let (one, two) = (Arc::<Tally>::default(), Arc::<Tally>::default());
        let both = async {
            Tally::current().expect("of the outer").ran("SELECT 1");
            let inner = async { Tally::current().expect("of the inner").ran("DELETE FROM carts") };
            Arc::clone(&two).scope(inner).await;
            Tally::current().expect("of the outer again").queued(Duration::from_millis(2));
        };
        let mut both = pin!(Arc::clone(&one).scope(both));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(both.as_mut().poll(&mut context).is_ready());
        assert!(Tally::current().is_none());
        assert_eq!((one.work().statements, one.work().queued), (1, Duration::from_millis(2)));
        assert_eq!(two.work().names, ["DELETE carts"]);
    }

    #[test]
    fn work_side_by_side_counts_once_and_names_are_bounded() {
        let tally = Arc::<Tally>::default();
        let now = Instant::now();
        let first = AtWork::of(Some(Arc::clone(&tally)), now);
        let second = AtWork::of(Some(Arc::clone(&tally)), now + Duration::from_secs(3600));
        drop(first);
        assert_eq!(tally.work().database, Duration::ZERO, "the second is under way");
        drop(second);
        assert!(tally.work().database < Duration::from_secs(3600));
        (0..1000).for_each(|_| tally.ran("SELECT 1"));
        assert_eq!((tally.work().statements, tally.work().names.len()), (1000, MAX_NAMES));
    }

    #[test]
    fn waits_fall_into_buckets() {
        let waits = Waits::default();
        [0, 100, 101, 2_000_000].into_iter().map(Duration::from_micros).for_each(|wait| waits.count(wait));
        let counted = waits.counts();
        assert_eq!((counted.counts[0], counted.counts[1], counted.counts[9]), (2, 1, 1));
        assert_eq!(counted.micros, 2_000_201);
    }
}
