//! Verbs of admins as most stories call them: who does it matters to stories of the audit alone.

use slippers_core::StoreError;
use slippers_core::audit::By;
use slippers_core::catalog::{CatalogError, Category, CategoryChange, NewCategory, NewSlipper, Slipper};
use slippers_core::types::{CategoryId, ResetId, SlipperId, Timestamp, UserId};

use crate::given::{NOW, Shop};

const BY: By = By::CommandLine;
/// Records name admins by number, whether or not they are there.
const ADMIN: UserId = UserId::new(4711);

impl Shop {
    /// Makes a category.
    pub async fn create_category(&self, new: NewCategory, now: Timestamp) -> Result<Category, CatalogError> {
        (**self).create_category(new, BY, now).await
    }

    /// Changes a category.
    pub async fn update_category(
        &self,
        id: CategoryId,
        change: CategoryChange,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        (**self).update_category(id, change, BY, now).await
    }

    /// Deletes a category.
    pub async fn delete_category(&self, id: CategoryId) -> Result<(), CatalogError> {
        (**self).delete_category(id, BY, NOW).await
    }

    /// Makes a product.
    pub async fn create_slipper(&self, new: NewSlipper, now: Timestamp) -> Result<Slipper, CatalogError> {
        (**self).create_slipper(new, BY, now).await
    }

    /// Deletes a product.
    pub async fn delete_slipper(&self, id: SlipperId, now: Timestamp) -> Result<(), CatalogError> {
        (**self).delete_slipper(id, BY, now).await
    }

    /// Approves a new password.
    pub async fn approve_reset(&self, id: ResetId, now: Timestamp) -> Result<bool, StoreError> {
        (**self).approve_reset(id, ADMIN, now).await
    }

    /// Refuses a new password.
    pub async fn refuse_reset(&self, id: ResetId, now: Timestamp) -> Result<bool, StoreError> {
        (**self).refuse_reset(id, ADMIN, now).await
    }
}
