//! What clients read of pictures. Keys and their order are the legacy's; `variants` came later.

use serde::Serialize;
use slippers_core::catalog::Image;
use slippers_core::types::{ImageId, SlipperId};
use utoipa::ToSchema;

use crate::catalog::VariantOut;

/// The pictures that were added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadedImages)]
pub(super) struct UploadedOut {
    slipper_id: i64,
    uploaded_images: Vec<UploadedImageOut>,
    total_uploaded: usize,
}

/// A picture that was added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadedImage)]
struct UploadedImageOut {
    image_path: String,
    is_primary: bool,
    /// Its place among the product's pictures.
    order_index: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    variants: Vec<VariantOut>,
}

impl UploadedOut {
    pub(super) fn new(slipper: SlipperId, added: Vec<Image>) -> Self {
        let told = |image: Image| UploadedImageOut {
            is_primary: image.is_primary,
            order_index: image.order_index,
            variants: VariantOut::all_of(&image),
            image_path: image.path,
        };
        Self {
            slipper_id: slipper.get(),
            total_uploaded: added.len(),
            uploaded_images: added.into_iter().map(told).collect(),
        }
    }
}

/// A picture that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedImage)]
pub(super) struct DeletedImageOut {
    message: &'static str,
    deleted_image_id: i64,
}

impl DeletedImageOut {
    pub(super) fn new(id: ImageId) -> Self {
        Self { message: "Image deleted successfully", deleted_image_id: id.get() }
    }
}
