//! What a database promises of the catalogue.

use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use super::{
    Category, CategoryChange, Image, NewCategory, NewSlipper, Slipper, SlipperChange, SlipperPage,
    SlipperQuery, StockedSlipper,
};
use crate::audit::By;
use crate::store::StoreError;
use crate::types::{CategoryId, SlipperId, Timestamp, UserId};

/// Why a change of the catalogue was refused. Nothing was changed.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// No category bears this number.
    #[error("no such category")]
    CategoryNotFound,
    /// No product bears this number.
    #[error("no such product")]
    SlipperNotFound,
    /// Another category has this name.
    #[error("the category's name is taken")]
    CategoryNameTaken,
    /// The catalogue was to be stocked but holds something already.
    #[error("the catalogue is not empty")]
    NotEmpty,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Goods to stock an empty shop with. Every call with the same number gives the same goods: a store may ask twice.
pub trait Assortment: Send + Sync {
    /// The categories, numbered from 1 in this order.
    fn categories(&self) -> Vec<NewCategory>;
    /// How many products there are.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The product at this place, from 0 to [`Self::len`] - 1.
    fn slipper(&self, index: u64) -> StockedSlipper;
    /// Told from time to time how many products are written; not yet committed.
    fn progress(&self, _written: u64) {}
}

/// The catalogue in a database. What `by` does is recorded in the same transaction: see
/// [`AuditStore`](crate::audit::AuditStore).
#[async_trait]
pub trait CatalogStore: Send + Sync {
    /// Categories by id, active or not, `limit` of them after the first `skip`; past the end there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_categories(&self, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError>;

    /// The category with this number, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_category(&self, id: CategoryId) -> Result<Option<Category>, StoreError>;

    /// Makes a category. Of two made at once with one name, one is.
    ///
    /// # Errors
    /// [`CatalogError::CategoryNameTaken`]; names are compared to the letter.
    async fn create_category(
        &self,
        new: NewCategory,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError>;

    /// Changes a category and answers it as it is then; `updated_at` moves even when nothing else does.
    ///
    /// # Errors
    /// [`CatalogError::CategoryNotFound`], [`CatalogError::CategoryNameTaken`].
    async fn update_category(
        &self,
        id: CategoryId,
        change: CategoryChange,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError>;

    /// Deletes a category. Its products stay, without one. A large one may lose them part by part, so that nobody waits
    /// long meanwhile; each part leaves everything right, and who is interrupted can go on.
    ///
    /// # Errors
    /// [`CatalogError::CategoryNotFound`].
    async fn delete_category(&self, id: CategoryId, by: By, now: Timestamp) -> Result<(), CatalogError>;

    /// A page of products. `total` is right past the end too. It counts what a scan with
    /// [`SearchTerm::matches`](super::SearchTerm::matches) would count, up to
    /// [`EXACT_SEARCH_TOTAL`](super::rules::EXACT_SEARCH_TOTAL); without a search it is always exact and comes from
    /// maintained counts, so that its price does not grow with the table.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_slippers(&self, query: SlipperQuery) -> Result<SlipperPage, StoreError>;

    /// The product with this number and its pictures, or `None`.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn find_slipper(&self, id: SlipperId) -> Result<Option<Slipper>, StoreError>;

    /// Makes a product, not paused and without pictures.
    ///
    /// # Errors
    /// [`CatalogError::CategoryNotFound`].
    async fn create_slipper(&self, new: NewSlipper, by: By, now: Timestamp) -> Result<Slipper, CatalogError>;

    /// Changes a product and answers it as it is then. A quantity that is given replaces the stock and leaves a stock
    /// movement with who (`by`), when, and the difference, also when that is zero.
    ///
    /// # Errors
    /// [`CatalogError::SlipperNotFound`] first, then [`CatalogError::CategoryNotFound`].
    async fn update_slipper(
        &self,
        id: SlipperId,
        change: SlipperChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<Slipper, CatalogError>;

    /// Deletes a product with its pictures' rows and takes it out of every cart (which is a change of those carts).
    /// Lines of orders stay as they are. Its pictures' files are left to
    /// [`list_unneeded_pictures`](crate::images::ImageStore::list_unneeded_pictures).
    ///
    /// # Errors
    /// [`CatalogError::SlipperNotFound`].
    async fn delete_slipper(&self, id: SlipperId, by: By, now: Timestamp) -> Result<(), CatalogError>;

    /// The pictures of a product by `order_index`, then id; `None` when there is no such product.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_images(&self, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError>;

    /// Fills an empty catalogue, all of it or nothing. The categories get the numbers 1, 2, 3, …, whatever was in
    /// the table once.
    ///
    /// # Errors
    /// [`CatalogError::NotEmpty`] when there is a category or a product.
    async fn stock_catalog(&self, goods: Arc<dyn Assortment>, now: Timestamp) -> Result<(), CatalogError>;
}
