//! How a product is read.

use slippers_core::StoreError;
use slippers_core::catalog::{CategoryLabel, Image, Slipper, Variant};
use slippers_core::types::{CategoryId, ImageId, SlipperId};

use crate::db::{Cells, time};

/// The columns that [`read_slipper`] reads, of `slippers s` and `categories c`, but for the pictures, which come last.
macro_rules! slipper_columns {
    () => {
        "s.id, s.name, s.size, s.price_minor, s.quantity, s.is_paused, s.image, s.created_at, s.updated_at, \
         s.category_id, c.name"
    };
}

/// The pictures of the product with this number, as [`read_images`] reads them.
macro_rules! pictures_of {
    ($id:literal) => {
        concat!("coalesce((SELECT pictures FROM slipper_galleries WHERE slipper_id = ", $id, "), '[]')")
    };
}

pub(crate) use pictures_of;
pub(super) use slipper_columns;

/// A picture as `hang_pictures` writes it: id, path, primary, alternative text, place, time, variants.
type ImageRow = (i64, String, i64, Option<String>, i64, i64, Vec<(u32, String)>);

/// A product whose columns begin at `at`.
pub(super) fn read_slipper(row: &Cells<'_>, at: usize) -> Result<Slipper, StoreError> {
    Ok(Slipper { images: read_images(row, at + 11)?, ..read_slipper_alone(row, at)? })
}

/// Without its pictures.
pub(super) fn read_slipper_alone(row: &Cells<'_>, at: usize) -> Result<Slipper, StoreError> {
    let category = match (row.get::<Option<i64>>(at + 9)?, row.get::<Option<String>>(at + 10)?) {
        (None, None) => None,
        (Some(id), Some(name)) => Some(CategoryLabel { id: CategoryId::new(id), name }),
        _ => return Err(StoreError::Corrupt("a product's category does not exist".to_owned())),
    };
    Ok(Slipper {
        id: SlipperId::new(row.int(at)?),
        name: row.text(at + 1)?,
        size: row.text(at + 2)?,
        price: row.money(at + 3)?,
        quantity: row.int(at + 4)?,
        is_paused: row.flag(at + 5)?,
        image: row.text(at + 6)?,
        created_at: row.time(at + 7)?,
        updated_at: row.time(at + 8)?,
        category,
        images: Vec::new(),
    })
}

/// The primary picture first, then by place, then by number.
pub(crate) fn read_images(row: &Cells<'_>, at: usize) -> Result<Vec<Image>, StoreError> {
    let stored: Vec<ImageRow> = row.json(at)?;
    let mut images = stored.into_iter().map(read_image).collect::<Result<Vec<_>, _>>()?;
    images.sort_unstable_by_key(|image| (!image.is_primary, image.order_index, image.id));
    Ok(images)
}

fn read_image(stored: ImageRow) -> Result<Image, StoreError> {
    let (id, path, is_primary, alt_text, order_index, created_at, variants) = stored;
    Ok(Image {
        id: ImageId::new(id),
        path,
        is_primary: is_primary != 0,
        alt_text,
        order_index,
        created_at: time(created_at)?,
        variants: variants.into_iter().map(|(width, path)| Variant { width, path }).collect(),
    })
}
