//! The catalogue: categories, products, their pictures and the search.

mod categories;
mod list;
mod row_cache;
pub(crate) mod rows;
pub(crate) mod search;
mod slippers;
mod stock;

use std::sync::Arc;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::audit::By;
use slippers_core::catalog::{
    Assortment, CatalogError, CatalogStore, Category, CategoryChange, Image, NewCategory, NewSlipper,
    Slipper, SlipperChange, SlipperPage, SlipperQuery,
};
use slippers_core::types::{CategoryId, SlipperId, Timestamp, UserId};

use self::list::Patience;
pub(crate) use self::list::Remembered;
use crate::store::SqliteStore;

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn list_categories(&self, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError> {
        self.readers.read(|db| categories::list(db, skip, limit))
    }

    async fn find_category(&self, id: CategoryId) -> Result<Option<Category>, StoreError> {
        self.readers.read(|db| categories::find(db, id))
    }

    async fn create_category(
        &self,
        new: NewCategory,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        self.writer.run(move |db| categories::create(db, &new, by, now)).await
    }

    async fn update_category(
        &self,
        id: CategoryId,
        change: CategoryChange,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        self.writer.run(move |db| categories::update(db, id, &change, by, now)).await
    }

    async fn delete_category(&self, id: CategoryId, by: By, now: Timestamp) -> Result<(), CatalogError> {
        // Each part is a job of its own: others' writes come in between.
        while !self.writer.run(move |db| categories::delete_part(db, id, by, now)).await? {}
        Ok(())
    }

    async fn list_slippers(&self, query: SlipperQuery) -> Result<SlipperPage, StoreError> {
        if list::may_be_short(&self.lists, &query) {
            let page = self.readers.snapshot(|db| list::page(db, &self.lists, &query, Patience::Short))?;
            if let Some(page) = page {
                return Ok(page);
            }
        }
        let lists = Arc::clone(&self.lists);
        let page = self.readers.long_snapshot(move |db| list::page(db, &lists, &query, Patience::Long));
        page.await?.ok_or_else(|| StoreError::Corrupt("a search was not counted".to_owned()))
    }

    async fn find_slipper(&self, id: SlipperId) -> Result<Option<Slipper>, StoreError> {
        self.readers.read(|db| slippers::find(db, id))
    }

    async fn create_slipper(&self, new: NewSlipper, by: By, now: Timestamp) -> Result<Slipper, CatalogError> {
        self.writer.run(move |db| slippers::create(db, &new, by, now)).await
    }

    async fn update_slipper(
        &self,
        id: SlipperId,
        change: SlipperChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<Slipper, CatalogError> {
        self.writer.run(move |db| slippers::update(db, id, &change, by, now)).await
    }

    async fn delete_slipper(&self, id: SlipperId, by: By, now: Timestamp) -> Result<(), CatalogError> {
        self.writer.run(move |db| slippers::delete(db, id, by, now)).await
    }

    async fn list_images(&self, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError> {
        self.readers.read(|db| slippers::list_images(db, id))
    }

    async fn stock_catalog(&self, goods: Arc<dyn Assortment>, now: Timestamp) -> Result<(), CatalogError> {
        self.writer.run(move |db| stock::fill(db, goods.as_ref(), now)).await
    }
}
