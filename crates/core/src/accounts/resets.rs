//! Passwords that somebody forgot: the new one waits until a code or an admin makes it real.

use std::fmt;

use async_trait::async_trait;
use subtle::ConstantTimeEq as _;

use super::{PasswordHash, User};
use crate::store::StoreError;
use crate::types::{ResetId, Timestamp, UserId};

/// How long a new password waits, in seconds.
pub const RESET_SECONDS: i64 = 15 * 60;
/// Codes that may be tried while one account's resets wait, whatever number of codes is sent.
pub const MAX_TRIES: i64 = 5;
/// Codes that are sent while one account's resets wait.
pub const MAX_CODES: i64 = 3;

/// A keyed digest of a code: all that is stored of one.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// Wraps a digest that only the server's key can make.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In constant time.
impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash([redacted])")
    }
}

/// A new password that is to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReset {
    /// The password, hashed.
    pub password: PasswordHash,
    /// The code that makes it real; `None` = an admin's approval does.
    pub code: Option<CodeHash>,
}

/// A new password that waits for an admin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReset {
    /// Its number: another request never gets it.
    pub id: ResetId,
    /// Whose it is.
    pub user: User,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

/// What is known of the reset of a user that waits when another one is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingReset {
    /// Whether it waits for a code alone, not for an admin.
    pub has_code: bool,
    /// Codes that may still be tried.
    pub tries_left: i64,
    /// Codes that were sent.
    pub codes_sent: i64,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

/// What becomes of a reset that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetVerdict {
    /// It waits in place of any older one, with so many tries left and so many codes sent.
    Store {
        /// Codes that may be tried.
        tries_left: i64,
        /// Codes sent, this one included.
        codes_sent: i64,
    },
    /// What waits stays as it is.
    Keep,
}

/// Judges a reset that is asked for while `waiting` may wait. One that waits for an admin is never replaced: what they
/// approve is what they saw. One that waits for a code is, because messages get lost; but the tries go on being counted,
/// and the codes, so that nobody guesses longer or rings more often by asking anew.
pub fn judge_reset(waiting: Option<&WaitingReset>, has_code: bool, now: Timestamp) -> ResetVerdict {
    match waiting.filter(|waiting| now < waiting.expires_at) {
        None => ResetVerdict::Store { tries_left: MAX_TRIES, codes_sent: 1 },
        Some(old) if has_code && old.has_code && old.tries_left > 0 && old.codes_sent < MAX_CODES => {
            ResetVerdict::Store { tries_left: old.tries_left, codes_sent: old.codes_sent + 1 }
        }
        Some(_) => ResetVerdict::Keep,
    }
}

/// Passwords that wait, in a database.
///
/// One a user waits at a time, for [`RESET_SECONDS`] from when it was asked for; after that it is as if it had never
/// been. Admins have none: who became one in between keeps their password.
#[async_trait]
pub trait ResetStore: Send + Sync {
    /// Lets a new password of the user of exactly this name wait, as [`judge_reset`] says. Answers the user if it does;
    /// `None` when nobody has the name, they run the shop, or what waits stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn request_reset(
        &self,
        name: &str,
        reset: NewReset,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError>;

    /// Makes the password real that waits for this code of the user of exactly this name, and ends all of their
    /// sessions. It is used up by that; a wrong code uses up one of [`MAX_TRIES`]. Answers whether it was the code.
    /// Of any number at once, one succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn confirm_reset(&self, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError>;

    /// Leaves to an admin the password of this user that waits for this code, because the code could not be delivered;
    /// should it have been after all, it counts too. Answers whether that password still waited.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn leave_reset_to_admins(
        &self,
        user: UserId,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// What waits for an admin, the oldest first, at most `max`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_resets(&self, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError>;

    /// Makes the password real that waits for an admin under this number, and ends all sessions of its user. Answers
    /// whether there was one; of any number at once, one succeeds.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn approve_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Forgets the password that waits for an admin under this number. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn refuse_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError>;

    /// Forgets at most `limit` passwords whose time was over at `now`. Answers how many; 0 = done.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn sweep_resets(&self, now: Timestamp, limit: i64) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const FRESH: ResetVerdict = ResetVerdict::Store { tries_left: MAX_TRIES, codes_sent: 1 };

    fn waiting(has_code: bool) -> WaitingReset {
        WaitingReset { has_code, tries_left: 4, codes_sent: 2, expires_at: NOW.plus_seconds(1) }
    }

    #[test]
    fn what_waits_for_an_admin_is_never_replaced() {
        for has_code in [false, true] {
            assert_eq!(judge_reset(Some(&waiting(false)), has_code, NOW), ResetVerdict::Keep);
            assert_eq!(judge_reset(None, has_code, NOW), FRESH);
            assert_eq!(judge_reset(Some(&waiting(false)), has_code, NOW.plus_seconds(1)), FRESH);
        }
    }

    #[test]
    fn asking_anew_gives_no_more_tries_and_few_more_codes() {
        let again = ResetVerdict::Store { tries_left: 4, codes_sent: 3 };
        assert_eq!(judge_reset(Some(&waiting(true)), true, NOW), again);
        assert_eq!(judge_reset(Some(&waiting(true)), false, NOW), ResetVerdict::Keep);
        let burnt = WaitingReset { tries_left: 0, ..waiting(true) };
        assert_eq!(judge_reset(Some(&burnt), true, NOW), ResetVerdict::Keep);
        let loud = WaitingReset { codes_sent: MAX_CODES, ..waiting(true) };
        assert_eq!(judge_reset(Some(&loud), true, NOW), ResetVerdict::Keep);
        assert_eq!(judge_reset(Some(&loud), true, NOW.plus_seconds(1)), FRESH);
    }
}
