//! How reads see the database.

use crate::pool::Class;

/// How a read sees the database.
#[derive(Clone, Copy)]
pub(crate) enum Reading {
    /// By one statement, as it is.
    Statement,
    /// By several statements, as it is at the first.
    Snapshot,
    /// The same where there is one good way whatever is asked for: what is prepared is planned once. To plan for the values at hand
    /// takes some times as long as to find a few products, or a page of orders, and PostgreSQL would do so for good where the few that
    /// a term has seem cheaper to it than as many as a term may have.
    PlannedOnce,
}

impl Reading {
    /// The statement that begins it.
    pub(crate) const fn begin(self) -> Option<&'static str> {
        match self {
            Self::Statement => None,
            Self::Snapshot => Some(SNAPSHOT),
            Self::PlannedOnce => Some(PLANNED_ONCE),
        }
    }

    /// Lists and searches have permits of their own.
    pub(crate) const fn class(self) -> Class {
        match self {
            Self::Statement => Class::Browse,
            Self::Snapshot | Self::PlannedOnce => Class::Search,
        }
    }
}

/// For lists and searches: the planner is kept from reading a table from end to end. Where it believes that most rows
/// match it would, and each row's trigrams would be worked out on the way. SET LOCAL ends with the transaction.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off";
const PLANNED_ONCE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                            SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan";
