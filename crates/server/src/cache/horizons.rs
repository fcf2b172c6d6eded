//! Which pages of other instances are new enough: by how far looks at the database have seen.
//!
//! A page that is shared carries the number below which every transaction had ended when it was asked for. Whoever
//! takes it knows of changes; the look that began after one of them was told saw numbers up to `next`, so that one has a
//! lower number. A page is new enough when all of those had ended before it. No instance's own counting takes part, and no
//! order of commits can deceive it: transactions end in another order than they are numbered in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slippers_core::Horizon;

/// What must have ended before a page was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// It is not known yet: it will be after the look that begins next, this many having begun.
    After(u64),
    /// Everything below this number.
    Below(u64),
}

/// What is known for each part of the catalogue.
#[derive(Debug)]
pub(super) struct Horizons(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Of the last look that has ended.
    last: Option<Horizon>,
    looks_begun: u64,
    needs: Box<[Need]>,
}

/// What a page must have, and what it will have, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sharing {
    /// The database that it is of.
    pub(super) database: Arc<str>,
    /// What a page that is read from now on shows: everything that was committed below this number.
    pub(super) settled: u64,
    /// What a page of others must show at least; `None` = none of them is known to be new enough.
    pub(super) needed: Option<u64>,
}

impl Horizons {
    /// So many parts, of which nothing is known.
    pub(super) fn new(parts: usize) -> Self {
        let needs = vec![Need::After(0); parts].into_boxed_slice();
        Self(Mutex::new(State { last: None, looks_begun: 0, needs }))
    }

    /// A part was changed. Said before its generation moves, so that who has the new one has heard of this too.
    pub(super) fn mark(&self, part: usize) {
        let mut state = self.state();
        let need = Need::After(state.looks_begun);
        if let Some(place) = state.needs.get_mut(part) {
            *place = need;
        }
    }

    pub(super) fn look_begins(&self) {
        self.state().looks_begun += 1;
    }

    pub(super) fn looked(&self, horizon: &Horizon) {
        let mut state = self.state();
        if state.last.as_ref().is_some_and(|last| last.database != horizon.database) {
            // Numbers of another history say nothing here.
            let begun = state.looks_begun;
            state.needs.fill(Need::After(begun));
            state.last = None;
            return;
        }
        let begun = state.looks_begun;
        for need in &mut state.needs {
            if matches!(need, Need::After(before) if *before < begun) {
                *need = Need::Below(horizon.next);
            }
        }
        state.last = Some(horizon.clone());
    }

    /// What holds for a page of these parts. Taken after its stamp and before the database is asked.
    pub(super) fn sharing(&self, parts: [usize; 2]) -> Option<Sharing> {
        let state = self.state();
        let last = state.last.as_ref()?;
        let needed = parts.into_iter().try_fold(0, |least, part| match state.needs.get(part) {
            Some(Need::Below(number)) => Some(least.max(*number)),
            Some(Need::After(_)) | None => None,
        });
        Some(Sharing { database: last.database.clone(), settled: last.settled, needed })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(horizons: &Horizons, settled: u64, next: u64) {
        horizons.look_begins();
        horizons.looked(&Horizon { database: "d".into(), settled, next });
    }

    fn needed(horizons: &Horizons, part: usize) -> Option<u64> {
        horizons.sharing([part, 2]).expect("a horizon").needed
    }

    #[test]
    fn a_change_is_known_by_number_after_the_look_that_began_behind_it() {
        let horizons = Horizons::new(3);
        assert_eq!(horizons.sharing([0, 2]), None);
        look(&horizons, 5, 7);
        assert_eq!((needed(&horizons, 0), needed(&horizons, 1)), (Some(7), Some(7)));
        horizons.mark(0);
        assert_eq!((needed(&horizons, 0), needed(&horizons, 1)), (None, Some(7)));
        look(&horizons, 8, 11);
        assert_eq!((needed(&horizons, 0), needed(&horizons, 1)), (Some(11), Some(7)));
        assert_eq!(horizons.sharing([1, 0]).expect("a horizon").needed, Some(11), "the most of its parts");
    }

    #[test]
    fn a_look_that_had_begun_says_nothing_of_a_change_told_meanwhile() {
        let horizons = Horizons::new(3);
        look(&horizons, 5, 7);
        horizons.look_begins();
        horizons.mark(0);
        horizons.looked(&Horizon { database: "d".into(), settled: 8, next: 9 });
        assert_eq!(needed(&horizons, 0), None);
        look(&horizons, 12, 12);
        assert_eq!(needed(&horizons, 0), Some(12));
    }

    #[test]
    fn another_history_begins_anew() {
        let horizons = Horizons::new(3);
        look(&horizons, 500, 700);
        horizons.look_begins();
        horizons.looked(&Horizon { database: "e".into(), settled: 5, next: 7 });
        assert_eq!(horizons.sharing([0, 2]), None);
        horizons.look_begins();
        horizons.looked(&Horizon { database: "e".into(), settled: 6, next: 8 });
        assert_eq!(needed(&horizons, 0), Some(8));
    }
}
