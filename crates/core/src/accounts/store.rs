//! What a database promises of accounts and sessions.

use async_trait::async_trait;
use thiserror::Error;

use super::{Credentials, NewSession, NewUser, PasswordHash, RefreshHash, RefreshToken, SessionId, User};
use crate::store::StoreError;
use crate::types::{Timestamp, UserId};

/// Why an account could not be made or changed. Nothing was changed.
#[derive(Debug, Error)]
pub enum AccountError {
    /// Another user has this name.
    #[error("the name is taken")]
    NameTaken,
    /// Another user has this phone number.
    #[error("the phone number is taken")]
    PhoneTaken,
    /// No such user.
    #[error("no such user")]
    NotFound,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was exchanged; the successor is stored.
    Renewed {
        /// Whose session it is, as they are now.
        user: User,
        /// The session.
        session: SessionId,
        /// Past which nothing renews the session.
        cap_at: Option<Timestamp>,
    },
    /// Unknown, expired, or of a session that was ended (maybe just now, by this reuse).
    Refused,
    /// Its session has reached its cap.
    SessionOver,
}

/// Accounts and sessions in a database.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Makes a user.
    ///
    /// # Errors
    /// [`AccountError::NameTaken`] first, then [`AccountError::PhoneTaken`]; of two made at once with one name or one
    /// phone, one is.
    async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, AccountError>;

    /// The user of exactly this name with their hashed password, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError>;

    /// Opens a session of a user.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when the user is gone.
    async fn open_session(
        &self,
        user: UserId,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError>;

    /// The user whose session this is, as they are now; `None` when it is unknown or was ended, or the user is gone.
    /// Whether it has reached its cap is for the caller to see in their token.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError>;

    /// Exchanges a refresh token for `next` as [`judge_refresh`](super::rules::judge_refresh) says. Of any number of
    /// exchanges at once, all follow the same rule: at a leeway of 0, exactly one wins and the session ends.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn rotate_refresh(
        &self,
        presented: RefreshHash,
        next: RefreshToken,
        leeway_seconds: i64,
        now: Timestamp,
    ) -> Result<Rotation, StoreError>;

    /// Ends a session: neither its access nor its refresh tokens are worth anything any more. One that is unknown or
    /// ended already stays so.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn end_session(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError>;

    /// Everybody who runs the shop, by id.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_admins(&self) -> Result<Vec<User>, StoreError>;

    /// Gives the user of exactly this name another password and ends all of their sessions.
    ///
    /// # Errors
    /// [`AccountError::NotFound`].
    async fn reset_password(
        &self,
        name: &str,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError>;

    /// Replaces a user's password that was checked, if it still is that one, by a better hash of the same; so that it
    /// never undoes a change that came in between. Nothing else of the user changes, their sessions go on. Answers
    /// whether it was replaced; of any number at once, one is.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn upgrade_password(
        &self,
        user: UserId,
        checked: PasswordHash,
        better: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Forgets refresh tokens that expired before `before` and sessions that have none left; at most about `limit`
    /// rows a call, so that nobody waits for it. Answers how many rows went; 0 = done.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn sweep_sessions(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError>;
}
