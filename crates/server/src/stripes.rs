//! What all threads count at each request. A counter in one place would move from core to core with every addition, and take
//! with it what is read beside it: some 50 ns each, where an addition to one's own takes 5.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// As many threads as count without meeting each other.
const STRIPES: usize = 8;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
}

/// Two lines of memory, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Aligned<T>(T);

/// The same thing for each of several threads.
#[derive(Debug)]
pub(crate) struct Stripes<T>([Aligned<T>; STRIPES]);

impl<T> Stripes<T> {
    pub(crate) fn new(make: impl Fn() -> T) -> Self {
        Self(std::array::from_fn(|_| Aligned(make())))
    }

    /// This thread's own. Another thread may have the same one.
    pub(crate) fn own(&self) -> &T {
        &self.0[MINE.with(|mine| *mine)].0
    }

    /// Each of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|aligned| &aligned.0)
    }
}

/// A counter.
#[derive(Debug)]
pub(crate) struct Counter(Stripes<AtomicU64>);

impl Default for Counter {
    fn default() -> Self {
        Self(Stripes::new(AtomicU64::default))
    }
}

impl Counter {
    /// Counts one.
    pub(crate) fn count(&self) {
        self.0.own().fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted.
    pub(crate) fn sum(&self) -> u64 {
        self.0.all().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// A number that nobody else gets, from 0 on. They do not come in order.
    pub(crate) fn take(&self) -> u64 {
        let stripe = MINE.with(|mine| *mine);
        self.0.own().fetch_add(1, Ordering::Relaxed) * STRIPES as u64 + stripe as u64
    }
}

/// The how-manieth of its thread's numbers this is.
pub(crate) const fn turn(number: u64) -> u64 {
    number / STRIPES as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn many_threads_lose_no_count_and_share_no_number() {
        let (counter, numbers) = (Counter::default(), Counter::default());
        let taken: HashSet<u64> = std::thread::scope(|scope| {
            let each = || (0..1000).map(|_| (counter.count(), numbers.take()).1).collect::<Vec<_>>();
            let threads: Vec<_> = (0..3 * STRIPES).map(|_| scope.spawn(each)).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("it counts")).collect()
        });
        assert_eq!(counter.sum(), 3000 * STRIPES as u64);
        assert_eq!(taken.len(), 3000 * STRIPES);
        let numbers = Counter::default();
        assert!((0..300).all(|at| turn(numbers.take()) == at), "a thread's numbers have turns in order");
    }
}
