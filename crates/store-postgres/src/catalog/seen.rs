//! Where the rows of products were seen: those of a page whose products are known are looked for there, and not by their numbers. In a
//! large shop each step down a tree touches memory that nothing else has touched lately (figures in bench/PROFILES.md).
//!
//! It is only where to look first. A row there that bears the number is the row; else it is looked up.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use slippers_core::types::SlipperId;

use super::tid::Tid;

/// Products in one half of the memory: as many as a table of 65,536 places of some 33 bytes holds, so 4.1 MiB in both.
const HALF: usize = 57_344;

/// A memory of fixed size.
///
/// Two halves: the young one is written; when it is full it becomes the old one, whose rest is forgotten. What is used is
/// written into the young one again.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    young: HashMap<SlipperId, Spot>,
    old: HashMap<SlipperId, Spot>,
}

/// Where a product was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) row: Tid,
    /// The row of its pictures, if it has one that was looked for.
    pub(super) gallery: Option<Tid>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("young", &self.halves().young.len()).finish_non_exhaustive()
    }
}

impl Seen {
    /// Where these were seen; `None` where one was not.
    pub(super) fn of(&self, ids: &[SlipperId]) -> Option<Vec<Spot>> {
        let mut halves = self.halves();
        ids.iter().map(|id| halves.find(*id)).collect()
    }

    /// Keeps where products were seen.
    pub(super) fn keep(&self, spots: impl Iterator<Item = (SlipperId, Spot)>) {
        let mut halves = self.halves();
        for (id, spot) in spots {
            // Who did not ask for pictures has not seen that there are none.
            let known = halves.find(id).and_then(|known| known.gallery);
            halves.put(id, Spot { gallery: spot.gallery.or(known), ..spot });
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing above can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn find(&mut self, id: SlipperId) -> Option<Spot> {
        if let Some(spot) = self.young.get(&id) {
            return Some(*spot);
        }
        let spot = self.old.remove(&id)?;
        self.put(id, spot);
        Some(spot)
    }

    fn put(&mut self, id: SlipperId, spot: Spot) {
        if self.young.len() >= HALF && !self.young.contains_key(&id) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(id, spot);
    }
}

#[cfg(test)]
mod tests;
