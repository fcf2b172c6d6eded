//! What is another than before: told to those who remember what it was.

use std::sync::Arc;

use crate::types::{CategoryId, SlipperId, UserId};

/// Something that answers are remembered of was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A product was made, changed or deleted, got or lost pictures, was sold out or is back in stock: its own pages and
    /// the lists that hold it.
    Slipper(SlipperId),
    /// Nothing of a product moved but the number of pairs left, and neither to zero nor from it.
    Stock(SlipperId),
    /// A category was made, changed or deleted: its own page, the list of categories, and the products in it, which show
    /// its name.
    Category(CategoryId),
    /// More of the catalogue than is told one by one.
    Catalog,
    /// A user or one of their sessions; they are nobody's to see but theirs.
    User(UserId),
}

impl Change {
    /// What it is to a product that its pairs left went from one number to another.
    pub const fn of_stock(slipper: SlipperId, before: i64, after: i64) -> Self {
        if (before > 0) == (after > 0) { Self::Stock(slipper) } else { Self::Slipper(slipper) }
    }
}

/// Somebody who remembers answers of a store. What it is told comes from this program's own verbs, from other
/// processes, and one day from other machines.
pub trait ChangeListener: Send + Sync {
    /// All of this was changed, together. It is called between a commit and its answer: it must be quick and never
    /// wait, and it must not call the store.
    fn changed(&self, changes: &[Change]);

    /// The store begins to look at what others have committed.
    fn look_begins(&self) {}

    /// The look that began last has ended: everything that it saw was told, and what is read from now on shows all that
    /// lies before the horizon.
    fn looked(&self, _horizon: &Horizon) {}
}

/// How far a look at a database that several instances share has seen. A read of one instance can be held against a
/// change that another one knows of: both count by the numbers of the database's own transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// The database and its history, in words that are the same for every instance and that no other database has.
    pub database: Arc<str>,
    /// Every transaction with a lower number had ended: whatever is read after the look shows those that were committed.
    pub settled: u64,
    /// No transaction from this number on had ended, so that every change told before the look began is of a lower one.
    pub next: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pair_and_the_first_one_are_more_than_a_count() {
        let id = SlipperId::new(7);
        for (before, after) in [(5, 4), (4, 5), (0, 0), (1, 1)] {
            assert_eq!(Change::of_stock(id, before, after), Change::Stock(id), "{before} to {after}");
        }
        for (before, after) in [(1, 0), (0, 1), (9, 0), (0, 9)] {
            assert_eq!(Change::of_stock(id, before, after), Change::Slipper(id), "{before} to {after}");
        }
    }
}
