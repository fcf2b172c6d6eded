//! How far a database has come, for those who read copies of it that may be behind.

use crate::types::UserId;

/// A moment in the history of a database that has copies: a write that was acknowledged before a position was taken is
/// part of every database that has reached it. A later moment compares as greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which history: it grows when a copy takes the place of the database, and what it had not heard of is lost.
    pub timeline: u32,
    /// How far in it, in bytes of the log.
    pub offset: u64,
}

/// Somebody who reads what is their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub user: UserId,
    /// What they say that they have seen; `None` = they don't know.
    pub seen: Option<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_history_is_later_than_all_of_an_earlier_one() {
        let at = |timeline, offset| Position { timeline, offset };
        assert!(at(1, u64::MAX) < at(2, 0) && at(2, 7) < at(2, 8));
    }
}
