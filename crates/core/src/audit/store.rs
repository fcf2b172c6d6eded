//! What a database promises of the record of admin actions.

use async_trait::async_trait;

use super::AuditRecord;
use crate::store::StoreError;

/// Which records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only records with a smaller number.
    pub before: Option<i64>,
    /// At most so many, 1..=[`MAX_AUDIT_LISTED`](super::MAX_AUDIT_LISTED).
    pub max: i64,
}

/// The record of admin actions in a database.
///
/// Every verb that an admin calls (of categories, products, others' accounts, forgotten passwords and, for admins,
/// orders), and every verb of
/// the command line that changes who runs the shop or stocks it, writes one record in the transaction that does it:
/// what was refused leaves none, and what was done leaves one. No verb changes or removes a record.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The newest records asked for, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;
}
