//! Which answers are still true: counters that move with every change of the catalogue.
//!
//! A reader takes the [`Stamp`] of its page *before* it asks the database and keeps the answer under it. A write moves
//! the counters after its commit and before its answer. So what was read before a write can only be kept under a stamp
//! that nobody has any more once the write was answered.

use std::sync::atomic::Ordering;

use slippers_core::types::SlipperId;
use slippers_core::{Change, ChangeListener, Horizon};

use super::clock::{Coarse, SECOND};
use super::horizons::{Horizons, Sharing};
use super::key::PageKey;
use super::sync::AtomicU64;

/// Counters of products. Two products may share one: then a change of the one costs the other's page a question more.
const SLOTS: usize = 4096;
/// The parts of the catalogue in [`Horizons`]: products come first.
const LISTS: usize = SLOTS;
const ALL: usize = SLOTS + 1;
/// How long a list may show the number of pairs from before an order. Whether there is any pair at all is always true.
const STOCK_LAG: u64 = SECOND;
const NEVER: u64 = u64::MAX;

/// The state of everything that a page shows. It never comes back once it has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp(u64);

/// The counters. Nanoseconds are those of its clock.
#[derive(Debug)]
pub(crate) struct Generations {
    clock: Coarse,
    slippers: Box<[AtomicU64]>,
    lists: AtomicU64,
    /// Moves for everything: each page shows categories, or their names, and a stamp counts it in.
    all: AtomicU64,
    /// When the lists were moved last, and when they are to be moved because of orders.
    lists_moved: AtomicU64,
    lists_due: AtomicU64,
    /// What pages of other instances must have seen. Marked before a counter moves.
    horizons: Horizons,
}

impl Generations {
    pub(crate) fn new(clock: Coarse) -> Self {
        Self {
            clock,
            slippers: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            lists: AtomicU64::new(0),
            all: AtomicU64::new(0),
            lists_moved: AtomicU64::new(0),
            lists_due: AtomicU64::new(NEVER),
            horizons: Horizons::new(SLOTS + 2),
        }
    }

    /// The present state of what a page shows. Counters only grow, so that the sum is the same only while each is.
    pub(crate) fn stamp(&self, key: &PageKey, now: u64) -> Stamp {
        let own = match key {
            PageKey::Slippers(_) => {
                self.move_due_lists(now);
                self.lists.load(Ordering::SeqCst)
            }
            PageKey::Slipper { id, .. } | PageKey::Images(id) => {
                self.slippers[slot(*id)].load(Ordering::SeqCst)
            }
            PageKey::Categories { .. } | PageKey::Category(_) => 0,
        };
        Stamp(own.wrapping_add(self.all.load(Ordering::SeqCst)))
    }

    /// Moves what these changes touch.
    pub(crate) fn move_for(&self, changes: &[Change], now: u64) {
        let (mut lists, mut counts) = (false, false);
        for change in changes {
            match change {
                Change::Slipper(id) => {
                    self.move_slipper(*id);
                    lists = true;
                }
                Change::Stock(id) => {
                    self.move_slipper(*id);
                    counts = true;
                }
                Change::Category(_) | Change::Catalog => {
                    self.horizons.mark(ALL);
                    self.all.fetch_add(1, Ordering::SeqCst);
                }
                // No page shows a person.
                Change::User(_) => {}
            }
        }
        if lists {
            self.move_lists(now);
        } else if counts {
            self.move_lists_in_time(now);
        }
    }

    /// What holds between instances for a page that is asked for now, or `None` when nothing can be shared.
    pub(crate) fn sharing(&self, key: &PageKey) -> Option<Sharing> {
        let own = match key {
            PageKey::Slippers(_) => LISTS,
            PageKey::Slipper { id, .. } | PageKey::Images(id) => slot(*id),
            PageKey::Categories { .. } | PageKey::Category(_) => ALL,
        };
        self.horizons.sharing([own, ALL])
    }

    fn move_slipper(&self, id: SlipperId) {
        self.horizons.mark(slot(id));
        self.slippers[slot(id)].fetch_add(1, Ordering::SeqCst);
    }

    fn move_lists(&self, now: u64) {
        self.horizons.mark(LISTS);
        // First, so that a count that becomes due meanwhile stays so.
        self.lists_due.store(NEVER, Ordering::SeqCst);
        self.lists_moved.store(now, Ordering::SeqCst);
        self.lists.fetch_add(1, Ordering::SeqCst);
    }

    /// Orders come by the hundred in a second: each may not empty every list.
    fn move_lists_in_time(&self, now: u64) {
        let due = self.lists_moved.load(Ordering::SeqCst).saturating_add(STOCK_LAG);
        if due <= now {
            self.move_lists(now);
        } else {
            self.lists_due.fetch_min(due, Ordering::SeqCst);
        }
    }

    fn move_due_lists(&self, now: u64) {
        let due = self.lists_due.load(Ordering::SeqCst);
        if due <= now
            && self.lists_due.compare_exchange(due, NEVER, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        {
            self.move_lists(now);
        }
    }
}

impl ChangeListener for Generations {
    fn changed(&self, changes: &[Change]) {
        self.move_for(changes, self.clock.now());
    }

    fn look_begins(&self) {
        self.horizons.look_begins();
    }

    fn looked(&self, horizon: &Horizon) {
        self.horizons.looked(horizon);
    }
}

fn slot(id: SlipperId) -> usize {
    usize::try_from(id.get().unsigned_abs() % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use slippers_core::types::CategoryId;

    use super::super::key::tests::{list, slipper};
    use super::*;

    const CATEGORY: PageKey = PageKey::Category(CategoryId::new(1));
    const START: u64 = 100 * SECOND;

    fn stamps(of: &Generations, now: u64) -> [Stamp; 4] {
        [list(0), slipper(1), slipper(2), CATEGORY].map(|key| of.stamp(&key, now))
    }

    /// Which of the list, product 1, product 2 and a category have moved.
    fn moved(changes: &[Change]) -> [bool; 4] {
        let generations = Generations::new(Coarse::start());
        generations.move_lists(START);
        let before = stamps(&generations, START);
        generations.move_for(changes, START + 1);
        let after = stamps(&generations, START + 1);
        std::array::from_fn(|at| before[at] != after[at])
    }

    #[test]
    fn a_change_moves_what_shows_it_and_nothing_else() {
        let one = SlipperId::new(1);
        assert_eq!(moved(&[]), [false; 4]);
        assert_eq!(moved(&[Change::Slipper(one)]), [true, true, false, false]);
        assert_eq!(moved(&[Change::Stock(one)]), [false, true, false, false], "lists follow in a second");
        assert_eq!(moved(&[Change::Category(CategoryId::new(7))]), [true; 4], "products show its name");
        assert_eq!(moved(&[Change::Catalog]), [true; 4]);
    }

    #[test]
    fn counts_reach_the_lists_at_most_once_a_second_and_at_the_latest_after_one() {
        let generations = Generations::new(Coarse::start());
        let order = [Change::Stock(SlipperId::new(1))];
        generations.move_lists(START);
        let mut seen = generations.stamp(&list(0), START);
        let (mut moves, mut waits_since) = (0, None);
        for millis in 0..10_000 {
            let now = START + millis * 1_000_000;
            if millis % 3 == 0 {
                generations.move_for(&order, now);
                waits_since.get_or_insert(now);
            }
            let stamp = generations.stamp(&list(0), now);
            if stamp != seen {
                (seen, moves, waits_since) = (stamp, moves + 1, None);
            }
            assert!(waits_since.is_none_or(|since| now - since < STOCK_LAG), "{millis}");
        }
        assert_eq!(moves, 9);
    }

    #[test]
    fn the_last_count_of_a_burst_reaches_the_lists_without_another_write() {
        let generations = Generations::new(Coarse::start());
        generations.move_lists(START);
        generations.move_for(&[Change::Stock(SlipperId::new(1))], START + 1);
        let before = generations.stamp(&list(0), START + STOCK_LAG - 1);
        assert_ne!(generations.stamp(&list(0), START + STOCK_LAG), before);
    }

    #[test]
    fn any_number_of_a_product_has_a_counter() {
        for id in [0, -1, i64::MIN, i64::MAX] {
            let generations = Generations::new(Coarse::start());
            let key = PageKey::Images(SlipperId::new(id));
            let before = generations.stamp(&key, 0);
            generations.move_for(&[Change::Stock(SlipperId::new(id))], 0);
            assert_ne!(generations.stamp(&key, 0), before);
        }
    }
}
