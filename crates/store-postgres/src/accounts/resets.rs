//! Passwords that wait.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::{CodeHash, NewReset, PendingReset, ResetStore, User};
use slippers_core::types::{ResetId, Timestamp};

use crate::store::PostgresStore;

#[async_trait]
impl ResetStore for PostgresStore {
    async fn request_reset(
        &self,
        name: &str,
        reset: NewReset,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        todo!()
    }

    async fn confirm_reset(&self, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }

    async fn list_resets(&self, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError> {
        todo!()
    }

    async fn approve_reset(&self, reset: ResetId, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }

    async fn refuse_reset(&self, reset: ResetId, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }

    async fn sweep_resets(&self, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
        todo!()
    }
}
