//! Pictures of products.

use async_trait::async_trait;
use slippers_core::catalog::Image;
use slippers_core::images::{ImageError, ImageStore, NewImage};
use slippers_core::types::{ImageId, SlipperId, Timestamp};

use crate::store::PostgresStore;

#[async_trait]
impl ImageStore for PostgresStore {
    async fn add_images(
        &self,
        slipper: SlipperId,
        new: Vec<NewImage>,
        now: Timestamp,
    ) -> Result<Vec<Image>, ImageError> {
        todo!()
    }

    async fn delete_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Vec<String>, ImageError> {
        todo!()
    }

    async fn set_primary_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Image, ImageError> {
        todo!()
    }
}
