//! The catalogue: categories, products, their pictures and the search.

use std::sync::Arc;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::audit::By;
use slippers_core::catalog::{
    Assortment, CatalogError, CatalogStore, Category, CategoryChange, Image, NewCategory, NewSlipper,
    Slipper, SlipperChange, SlipperPage, SlipperQuery,
};
use slippers_core::types::{CategoryId, SlipperId, Timestamp, UserId};

use crate::store::PostgresStore;

#[async_trait]
impl CatalogStore for PostgresStore {
    async fn list_categories(&self, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError> {
        todo!()
    }

    async fn find_category(&self, id: CategoryId) -> Result<Option<Category>, StoreError> {
        todo!()
    }

    async fn create_category(
        &self,
        new: NewCategory,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        todo!()
    }

    async fn update_category(
        &self,
        id: CategoryId,
        change: CategoryChange,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        todo!()
    }

    async fn delete_category(&self, id: CategoryId, by: By, now: Timestamp) -> Result<(), CatalogError> {
        todo!()
    }

    async fn list_slippers(&self, query: SlipperQuery) -> Result<SlipperPage, StoreError> {
        todo!()
    }

    async fn find_slipper(&self, id: SlipperId) -> Result<Option<Slipper>, StoreError> {
        todo!()
    }

    async fn create_slipper(&self, new: NewSlipper, by: By, now: Timestamp) -> Result<Slipper, CatalogError> {
        todo!()
    }

    async fn update_slipper(
        &self,
        id: SlipperId,
        change: SlipperChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<Slipper, CatalogError> {
        todo!()
    }

    async fn delete_slipper(
        &self,
        id: SlipperId,
        by: By,
        now: Timestamp,
    ) -> Result<Vec<String>, CatalogError> {
        todo!()
    }

    async fn list_images(&self, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError> {
        todo!()
    }

    async fn stock_catalog(&self, goods: Arc<dyn Assortment>, now: Timestamp) -> Result<(), CatalogError> {
        todo!()
    }
}
