//! What a database promises of accounts and sessions.

use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use super::rules::UserRefusal;
use super::{
    Credentials, NewSession, NewUser, PasswordHash, ProfileChange, RefreshHash, RefreshToken, SessionId,
    User, UserChange, UserPage, UserQuery,
};
use crate::store::StoreError;
use crate::types::{Phone, Timestamp, UserId};

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
    /// The present password is another by now.
    #[error("the present password is another")]
    PasswordMoved,
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] UserRefusal),
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

/// Makes the first session of a user whose number is known only inside of the transaction. It may be called more than
/// once and answers the same for the same number: what is random in it was drawn before.
pub type FirstSession = Arc<dyn Fn(UserId) -> NewSession + Send + Sync>;

/// Accounts and sessions in a database. Somebody who was deleted is nobody for every verb.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Whether a name and a phone are free at this moment. It is one cheap read, for callers that would otherwise hash a
    /// password for nothing; [`Self::create_user`] and [`Self::register`] decide.
    ///
    /// # Errors
    /// [`AccountError::NameTaken`] first, then [`AccountError::PhoneTaken`].
    async fn check_free(&self, name: &str, phone: &Phone) -> Result<(), AccountError>;

    /// Makes a user and opens their first session, in one transaction: both are there or neither.
    ///
    /// # Errors
    /// As [`Self::create_user`].
    async fn register(&self, new: NewUser, first: FirstSession, now: Timestamp)
    -> Result<User, AccountError>;

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

    /// The user with this number, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The hashed password of the user with this number, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError>;

    /// A page of users, newest first: by number, downwards. `total` is right past the end too; without a search it is
    /// exact and comes from maintained counts, with one it counts what a scan of the folded name, the folded surname and
    /// the phone would count, up to [`EXACT_SEARCH_TOTAL`](crate::catalog::rules::EXACT_SEARCH_TOTAL).
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_users(&self, query: UserQuery) -> Result<UserPage, StoreError>;

    /// Changes somebody's own account and answers it as it is then; `updated_at` moves even when nothing else does. With
    /// a password that is changed all of their sessions end but the one it is changed in; of two such changes that
    /// were checked against the same present password, one is made.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], then [`AccountError::PasswordMoved`], [`AccountError::NameTaken`] and
    /// [`AccountError::PhoneTaken`].
    async fn update_profile(
        &self,
        id: UserId,
        change: ProfileChange,
        now: Timestamp,
    ) -> Result<User, AccountError>;

    /// Changes the account of somebody else in the name of an admin, and answers it as it is then; `updated_at` moves
    /// even when nothing else does. However many demote each other at once, an admin is left.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], then [`AccountError::Refused`] as
    /// [`decide_user_change`](super::rules::decide_user_change) says, then [`AccountError::NameTaken`] and
    /// [`AccountError::PhoneTaken`].
    async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<User, AccountError>;

    /// Deletes the account of somebody else in the name of an admin: their sessions end, their cart goes, their name and
    /// phone are free again. Their orders, and payments that they recorded, stay; the orders show
    /// [`DELETED_USER`](super::DELETED_USER) as their name, and nothing else of the person is kept.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], then [`AccountError::Refused`] as
    /// [`decide_user_change`](super::rules::decide_user_change) says.
    async fn delete_user(&self, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError>;

    /// Opens a session of a user whose password was checked, if it still is that one: who signs in while their password
    /// is changed or reset gets no session with the old one.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] when the user is gone, then [`AccountError::PasswordMoved`].
    async fn open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError>;

    /// The user whose session this is, as they are now; `None` when it is unknown or was ended, or the user is gone.
    /// Whether it has reached its cap is for the caller to see in their token.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError>;

    /// A number that moves with every change of this user and with every end of one of their sessions: after the commit
    /// and before the verb is answered, also when nobody waits for the answer any more. It may move without a change.
    /// What [`Self::find_session_user`] answers to who has asked for it *before* holds while it stands, except for
    /// changes that other processes make: those do not move it.
    fn user_generation(&self, user: UserId) -> u64;

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
