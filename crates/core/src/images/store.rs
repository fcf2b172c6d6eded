//! What a database promises of pictures.

use async_trait::async_trait;
use thiserror::Error;

use super::NewImage;
use crate::catalog::Image;
use crate::store::StoreError;
use crate::types::{ImageId, SlipperId, Timestamp};

/// Why a change of a product's pictures was refused. Nothing was changed.
#[derive(Debug, Error)]
pub enum ImageError {
    /// No product bears this number.
    #[error("no such product")]
    SlipperNotFound,
    /// The product has no picture of this number; that another product has it makes no difference.
    #[error("the product has no such picture")]
    ImageNotFound,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The pictures of products in a database. Each change of them is a change of the product: its `updated_at` moves.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Adds pictures to a product, in their order, behind those that it has
    /// ([`plan_addition`](super::rules::plan_addition)), and answers them. Of two calls at once for a product without
    /// pictures, one brings the primary one; no place is taken twice.
    ///
    /// # Errors
    /// [`ImageError::SlipperNotFound`].
    async fn add_images(
        &self,
        slipper: SlipperId,
        new: Vec<NewImage>,
        now: Timestamp,
    ) -> Result<Vec<Image>, ImageError>;

    /// Deletes a picture, with what follows from it ([`plan_removal`](super::rules::plan_removal)). Answers the paths
    /// of the files that nobody needs any more: its own and its variants', or none of them while a line of an order,
    /// another picture or a product's `image` names it. Of two calls at once one deletes.
    ///
    /// # Errors
    /// [`ImageError::ImageNotFound`].
    async fn delete_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Vec<String>, ImageError>;

    /// Makes a picture the primary one and its path the product's `image`, and answers it. The one before is primary no
    /// more.
    ///
    /// # Errors
    /// [`ImageError::ImageNotFound`].
    async fn set_primary_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Image, ImageError>;
}
