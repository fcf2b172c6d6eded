//! Numbers that move when somebody's account changes, so that what was read before is known to be old.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::types::UserId;

/// Numbers that users share: 4096 of 8 bytes. People who change at the same time hardly ever meet in one, and all that
/// happens then is that something is read once more.
const NUMBERS: u64 = 4096;

/// A number for each user, which only grows. A store keeps one of these and moves it as
/// [`AccountStore::user_generation`](super::AccountStore::user_generation) promises.
pub struct Generations(Box<[AtomicU64]>);

impl fmt::Debug for Generations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generations").finish_non_exhaustive()
    }
}

impl Default for Generations {
    fn default() -> Self {
        Self((0..NUMBERS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Generations {
    /// The user's number. Who reads the database after this sees every change that has moved it.
    pub fn of(&self, user: UserId) -> u64 {
        self.number(user).load(Ordering::SeqCst)
    }

    /// Moves the user's number, after a commit.
    pub fn advance(&self, user: UserId) {
        self.number(user).fetch_add(1, Ordering::SeqCst);
    }

    fn number(&self, user: UserId) -> &AtomicU64 {
        let index = user.get().cast_unsigned() % NUMBERS;
        &self.0[usize::try_from(index).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_one_moves_their_number_and_hardly_anybody_elses() {
        let generations = Generations::default();
        for id in [0, 1, -1, i64::MIN, i64::MAX, 4096] {
            let (user, other) = (UserId::new(id), UserId::new(id ^ 2));
            let before = (generations.of(user), generations.of(other));
            generations.advance(user);
            assert!(generations.of(user) > before.0);
            assert_eq!(generations.of(other), before.1);
        }
    }
}
