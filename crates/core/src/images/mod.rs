//! Pictures of products: added, deleted, put in front.

pub mod rules;
mod store;

pub use store::{GonePicture, ImageError, ImageStore};

use crate::catalog::Variant;

/// A picture whose files are in their place, to be added to a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// Where it is served, from `/static/images/`; no other picture has this path.
    pub path: String,
    /// The smaller ones, narrowest first.
    pub variants: Vec<Variant>,
}
