//! Stories of pictures.

pub mod additions;
pub mod files;
pub mod primary;
pub mod shown;

use slippers_core::catalog::{Image, Variant};
use slippers_core::images::NewImage;
use slippers_core::types::SlipperId;

use crate::given::{NOW, Shop};

/// The path of a picture of this name.
fn path(name: &str) -> String {
    format!("/static/images/{name}.png")
}

/// A picture of this name with two variants.
fn picture(name: &str) -> NewImage {
    let variant = |width: u32| Variant { width, path: path(&format!("{name}-{width}")) };
    NewImage { path: path(name), variants: vec![variant(320), variant(800)] }
}

/// Adds pictures of these names.
async fn add(shop: &Shop, slipper: SlipperId, names: &[&str]) -> Vec<Image> {
    let new = names.iter().map(|name| picture(name)).collect();
    shop.add_images(slipper, new, NOW.plus_seconds(1)).await.expect("pictures are added")
}

/// The files of a picture of this name.
fn files(name: &str) -> Vec<String> {
    [name.to_owned(), format!("{name}-320"), format!("{name}-800")].map(|name| path(&name)).into()
}
