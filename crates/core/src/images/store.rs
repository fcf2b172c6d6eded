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

/// A picture that nothing names any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GonePicture {
    /// Its path.
    pub path: String,
    /// The paths of its files: its own and its variants'.
    pub files: Vec<String>,
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

    /// Deletes a picture, with what follows from it ([`plan_removal`](super::rules::plan_removal)). Its files are left
    /// to [`list_unneeded_pictures`](Self::list_unneeded_pictures). Of two calls at once one deletes.
    ///
    /// # Errors
    /// [`ImageError::ImageNotFound`].
    async fn delete_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<(), ImageError>;

    /// Pictures that were deleted, also with their product, and that nothing names any more: no line of an order, no
    /// other picture, no product's `image`. Those that something still names are not looked at again until it lets go of
    /// them. At most `limit` are looked at; they are answered until they are forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn list_unneeded_pictures(&self, limit: i64) -> Result<Vec<GonePicture>, StoreError>;

    /// Forgets pictures by their paths: their files were deleted. Those that are forgotten already make no difference.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    async fn forget_pictures(&self, paths: Vec<String>) -> Result<(), StoreError>;

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
