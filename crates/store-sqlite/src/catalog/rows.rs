//! How a product is read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use slippers_core::StoreError;
use slippers_core::catalog::{CategoryLabel, Image, Slipper, Variant};
use slippers_core::types::{CategoryId, ImageId, Money, SlipperId};

use crate::db::{Cells, flag, time};

/// The columns of a [`SlipperRow`], of `slippers s` and `categories c`.
macro_rules! slipper_columns {
    () => {
        "s.id, s.name, s.size, s.price_minor, s.quantity, s.is_paused, s.image, s.created_at, s.updated_at, \
         s.category_id, c.name, s.pictures"
    };
}

pub(super) use slipper_columns;

/// A product as the file has it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SlipperRow<'r> {
    pub(super) id: i64,
    name: &'r str,
    size: &'r str,
    price_minor: i64,
    quantity: i64,
    is_paused: i64,
    image: &'r str,
    created_at: i64,
    updated_at: i64,
    category_id: Option<i64>,
    category: Option<&'r str>,
    #[serde(borrow)]
    pictures: Vec<ImageRow<'r>>,
}

/// A picture as the triggers of `slipper_images` write it, in an array.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ImageRow<'r> {
    id: i64,
    #[serde(borrow)]
    path: Cow<'r, str>,
    is_primary: i64,
    alt_text: Option<String>,
    order_index: i64,
    created_at: i64,
    variants: Vec<(u32, String)>,
}

impl<'r> SlipperRow<'r> {
    pub(super) fn read(row: &'r Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.int(0)?,
            name: row.str(1)?,
            size: row.str(2)?,
            price_minor: row.int(3)?,
            quantity: row.int(4)?,
            is_paused: row.int(5)?,
            image: row.str(6)?,
            created_at: row.int(7)?,
            updated_at: row.int(8)?,
            category_id: row.get(9)?,
            category: row.optional_str(10)?,
            pictures: read_pictures(row.str(11)?)?,
        })
    }

    /// What it says.
    pub(super) fn slipper(&self, with_images: bool) -> Result<Slipper, StoreError> {
        let category = match (self.category_id, self.category) {
            (None, None) => None,
            (Some(id), Some(name)) => Some(CategoryLabel { id: CategoryId::new(id), name: name.to_owned() }),
            _ => return Err(StoreError::Corrupt("a product's category does not exist".to_owned())),
        };
        Ok(Slipper {
            id: SlipperId::new(self.id),
            name: self.name.to_owned(),
            size: self.size.to_owned(),
            price: Money::from_minor(self.price_minor),
            quantity: self.quantity,
            is_paused: flag(self.is_paused)?,
            image: self.image.to_owned(),
            created_at: time(self.created_at)?,
            updated_at: time(self.updated_at)?,
            category,
            images: if with_images { images(&self.pictures)? } else { Vec::new() },
        })
    }
}

pub(super) fn read_slipper(row: &Cells<'_>) -> Result<Slipper, StoreError> {
    SlipperRow::read(row)?.slipper(true)
}

/// What a column `pictures` says: the primary picture first, then by place, then by number.
pub(crate) fn read_images(pictures: &str) -> Result<Vec<Image>, StoreError> {
    images(&read_pictures(pictures)?)
}

fn read_pictures(pictures: &str) -> Result<Vec<ImageRow<'_>>, StoreError> {
    serde_json::from_str(pictures)
        .map_err(|error| StoreError::Corrupt(format!("a product's pictures: {error}")))
}

fn images(stored: &[ImageRow<'_>]) -> Result<Vec<Image>, StoreError> {
    let mut images = stored.iter().map(image).collect::<Result<Vec<_>, _>>()?;
    images.sort_unstable_by_key(|image| (!image.is_primary, image.order_index, image.id));
    Ok(images)
}

fn image(stored: &ImageRow<'_>) -> Result<Image, StoreError> {
    let variant = |(width, path): &(u32, String)| Variant { width: *width, path: path.clone() };
    Ok(Image {
        id: ImageId::new(stored.id),
        path: stored.path.as_ref().to_owned(),
        is_primary: flag(stored.is_primary)?,
        alt_text: stored.alt_text.clone(),
        order_index: stored.order_index,
        created_at: time(stored.created_at)?,
        variants: stored.variants.iter().map(variant).collect(),
    })
}
