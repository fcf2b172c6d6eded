//! Accounts and sessions.

mod resets;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::{
    AccountError, AccountStore, Credentials, FirstSession, NewSession, NewUser, PasswordHash, ProfileChange,
    RefreshHash, RefreshToken, Rotation, SessionId, User, UserChange, UserPage, UserQuery,
};
use slippers_core::types::{Phone, Timestamp, UserId};

use crate::store::PostgresStore;

#[async_trait]
impl AccountStore for PostgresStore {
    async fn check_free(&self, name: &str, phone: &Phone) -> Result<(), AccountError> {
        todo!()
    }

    async fn register(
        &self,
        new: NewUser,
        first: FirstSession,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        todo!()
    }

    async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, AccountError> {
        todo!()
    }

    async fn find_credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        todo!()
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        todo!()
    }

    async fn find_password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        todo!()
    }

    async fn list_users(&self, query: UserQuery) -> Result<UserPage, StoreError> {
        todo!()
    }

    async fn update_profile(
        &self,
        id: UserId,
        change: ProfileChange,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        todo!()
    }

    async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        todo!()
    }

    async fn delete_user(&self, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError> {
        todo!()
    }

    async fn open_session(
        &self,
        user: UserId,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        todo!()
    }

    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        todo!()
    }

    async fn rotate_refresh(
        &self,
        presented: RefreshHash,
        next: RefreshToken,
        leeway_seconds: i64,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        todo!()
    }

    async fn end_session(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    async fn list_admins(&self) -> Result<Vec<User>, StoreError> {
        todo!()
    }

    async fn reset_password(
        &self,
        name: &str,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        todo!()
    }

    async fn upgrade_password(
        &self,
        user: UserId,
        checked: PasswordHash,
        better: PasswordHash,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    async fn sweep_sessions(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        todo!()
    }
}
