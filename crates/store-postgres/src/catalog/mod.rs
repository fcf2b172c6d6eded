//! The catalogue: categories, products, their pictures and the search.

mod categories;
pub(crate) mod list;
pub(crate) mod rows;
pub(crate) mod search;
mod seen;
mod slippers;
mod stock;
mod tid;

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::audit::By;
use slippers_core::catalog::{
    Assortment, CatalogError, CatalogStore, Category, CategoryChange, Image, NewCategory, NewSlipper,
    Slipper, SlipperChange, SlipperPage, SlipperQuery,
};
use slippers_core::types::{CategoryId, SlipperId, Timestamp, UserId};

use crate::reading::Reading;
use crate::replicas::Shown;
use crate::store::PostgresStore;

/// By which a page is asked of the same replica every time.
fn key_of(asked: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::new().hash_one(asked)
}

#[async_trait]
impl CatalogStore for PostgresStore {
    async fn list_categories(&self, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError> {
        let args = (skip, limit);
        self.read_shown(Shown::Categories, Reading::Statement, key_of(&args), args, |db, (skip, limit)| {
            Box::pin(categories::list(db, *skip, *limit))
        })
        .await
    }

    async fn find_category(&self, id: CategoryId) -> Result<Option<Category>, StoreError> {
        self.read_shown(Shown::Categories, Reading::Statement, key_of(&id), id, |db, id| {
            Box::pin(categories::find(db, *id))
        })
        .await
    }

    async fn create_category(
        &self,
        new: NewCategory,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        self.write((new, by, now), |db, (new, by, now)| Box::pin(categories::create(db, new, *by, *now)))
            .await
    }

    async fn update_category(
        &self,
        id: CategoryId,
        change: CategoryChange,
        by: By,
        now: Timestamp,
    ) -> Result<Category, CatalogError> {
        let args = (id, change, by, now);
        self.write(args, |db, (id, change, by, now)| Box::pin(categories::update(db, *id, change, *by, *now)))
            .await
    }

    async fn delete_category(&self, id: CategoryId, by: By, now: Timestamp) -> Result<(), CatalogError> {
        let args = (id, by, now);
        // Each part is a transaction of its own: others come in between.
        while !self
            .write(args, |db, (id, by, now)| Box::pin(categories::delete_part(db, *id, *by, *now)))
            .await?
        {}
        Ok(())
    }

    async fn list_slippers(&self, query: SlipperQuery) -> Result<SlipperPage, StoreError> {
        let reading = match (&query.search, query.category) {
            (None, _) => Reading::Statement,
            (Some(_), None) => Reading::PlannedOnce,
            // What a category and a term have in common is found by one or by both, by how common they are.
            (Some(_), Some(_)) => Reading::Snapshot,
        };
        let key = key_of(&query);
        let args = (query, Arc::clone(&self.lists));
        self.read_shown(Shown::Slippers, reading, key, args, |db, (query, lists)| {
            Box::pin(list::page(db, lists, query))
        })
        .await
    }

    async fn find_slipper(&self, id: SlipperId) -> Result<Option<Slipper>, StoreError> {
        self.read_shown(Shown::Slipper(id), Reading::Statement, key_of(&id), id, |db, id| {
            Box::pin(slippers::find(db, *id))
        })
        .await
    }

    async fn create_slipper(&self, new: NewSlipper, by: By, now: Timestamp) -> Result<Slipper, CatalogError> {
        self.write((new, by, now), |db, (new, by, now)| Box::pin(slippers::create(db, new, *by, *now))).await
    }

    async fn update_slipper(
        &self,
        id: SlipperId,
        change: SlipperChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<Slipper, CatalogError> {
        let args = (id, change, by, now);
        self.write(args, |db, (id, change, by, now)| Box::pin(slippers::update(db, *id, change, *by, *now)))
            .await
    }

    async fn delete_slipper(&self, id: SlipperId, by: By, now: Timestamp) -> Result<(), CatalogError> {
        self.write((id, by, now), |db, (id, by, now)| Box::pin(slippers::delete(db, *id, *by, *now))).await
    }

    async fn list_images(&self, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError> {
        self.read_shown(Shown::Slipper(id), Reading::Statement, key_of(&id), id, |db, id| {
            Box::pin(slippers::list_images(db, *id))
        })
        .await
    }

    async fn stock_catalog(&self, goods: Arc<dyn Assortment>, now: Timestamp) -> Result<(), CatalogError> {
        self.import((goods, now), |db, (goods, now)| Box::pin(stock::fill(db, goods.as_ref(), *now))).await
    }
}
