//! Pictures of products.

use async_trait::async_trait;
use slippers_core::catalog::{Image, Variant};
use slippers_core::images::rules::{Gallery, plan_addition, plan_removal};
use slippers_core::images::{ImageError, ImageStore, NewImage};
use slippers_core::types::{ImageId, SlipperId, Timestamp};
use slippers_core::{Change, StoreError};

use crate::catalog::rows::{images_of_slipper, read_images};
use crate::db::{Db, json_list};
use crate::store::SqliteStore;

#[async_trait]
impl ImageStore for SqliteStore {
    async fn add_images(
        &self,
        slipper: SlipperId,
        new: Vec<NewImage>,
        now: Timestamp,
    ) -> Result<Vec<Image>, ImageError> {
        self.writer.run(move |db| add(db, slipper, &new, now)).await
    }

    async fn delete_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Vec<String>, ImageError> {
        self.writer.run(move |db| delete(db, slipper, image, now)).await
    }

    async fn set_primary_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Image, ImageError> {
        self.writer.run(move |db| set_primary(db, slipper, image, now)).await
    }
}

/// A product's `image` and its pictures, the primary one first.
fn find(db: &Db<'_>, slipper: SlipperId) -> Result<Option<(String, Vec<Image>)>, StoreError> {
    const FIND: &str = concat!("SELECT s.image, ", images_of_slipper!(), " FROM slippers s WHERE s.id = ?1");
    db.first(FIND, [slipper.get()], |row| Ok((row.text(0)?, read_images(row, 1)?)))
}

const ADD: &str = "
    INSERT INTO slipper_images (slipper_id, image_path, variants, is_primary, order_index, created_at)
    SELECT ?1, value ->> 0, value -> 1, key = 0 AND ?3, key + ?4, ?5 FROM json_each(?2) ORDER BY key";

fn add(db: &Db<'_>, slipper: SlipperId, new: &[NewImage], now: Timestamp) -> Result<Vec<Image>, ImageError> {
    let (image, before) = find(db, slipper)?.ok_or(ImageError::SlipperNotFound)?;
    let Some(first) = new.first() else { return Ok(Vec::new()) };
    let plan = plan_addition(Gallery {
        last_place: before.iter().map(|image| image.order_index).max(),
        has_primary: before.iter().any(|image| image.is_primary),
        has_image: !image.is_empty(),
    });
    let rows: Vec<(&str, Vec<(u32, &str)>)> =
        new.iter().map(|image| (image.path.as_str(), widths(&image.variants))).collect();
    let rows = json_list(&rows)?;
    db.run(ADD, (slipper.get(), rows, plan.first_is_primary, plan.first_place, now.micros()))?;
    touch(db, slipper, plan.sets_image.then_some(&first.path), now)?;
    let (_, mut after) = find(db, slipper)?.ok_or(ImageError::SlipperNotFound)?;
    after.retain(|image| image.order_index >= plan.first_place);
    after.sort_unstable_by_key(|image| image.order_index);
    Ok(after)
}

fn widths(variants: &[Variant]) -> Vec<(u32, &str)> {
    variants.iter().map(|variant| (variant.width, variant.path.as_str())).collect()
}

const TOUCH: &str = "UPDATE slippers SET image = coalesce(?2, image), updated_at = ?3 WHERE id = ?1";

/// Notes the change of a product, as every verb here ends.
fn touch(db: &Db<'_>, slipper: SlipperId, image: Option<&String>, now: Timestamp) -> Result<(), StoreError> {
    db.run(TOUCH, (slipper.get(), image, now.micros()))?;
    db.note(Change::Slipper(slipper));
    Ok(())
}

const DELETE: &str = "DELETE FROM slipper_images WHERE id = ?1";
const DEMOTE: &str = "UPDATE slipper_images SET is_primary = 0 WHERE slipper_id = ?1 AND is_primary = 1";
const PROMOTE: &str = "UPDATE slipper_images SET is_primary = 1 WHERE id = ?1";

fn delete(
    db: &Db<'_>,
    slipper: SlipperId,
    image: ImageId,
    now: Timestamp,
) -> Result<Vec<String>, ImageError> {
    let (shown, mut left) = find(db, slipper)?.ok_or(ImageError::ImageNotFound)?;
    let at = left.iter().position(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    let removed = left.remove(at);
    let plan = plan_removal(&shown, &removed, &left);
    db.run(DELETE, [image.get()])?;
    if let Some(promoted) = plan.promoted {
        db.run(PROMOTE, [promoted.get()])?;
    }
    touch(db, slipper, plan.image.as_ref(), now)?;
    Ok(unneeded(db, &[removed])?)
}

fn set_primary(db: &Db<'_>, slipper: SlipperId, image: ImageId, now: Timestamp) -> Result<Image, ImageError> {
    let (_, all) = find(db, slipper)?.ok_or(ImageError::ImageNotFound)?;
    let chosen = all.into_iter().find(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    // Two statements: the index that holds "at most one" looks at every row by itself.
    db.run(DEMOTE, [slipper.get()])?;
    db.run(PROMOTE, [image.get()])?;
    touch(db, slipper, Some(&chosen.path), now)?;
    Ok(Image { is_primary: true, ..chosen })
}

// The conditions are those of the partial indexes.
const UNNEEDED: &str = "
    SELECT p.value FROM json_each(?1) p
    WHERE NOT EXISTS (SELECT 1 FROM order_items o WHERE o.image = p.value AND o.image <> '')
      AND NOT EXISTS (SELECT 1 FROM slipper_images i WHERE i.image_path = p.value)
      AND NOT EXISTS (SELECT 1 FROM slippers s WHERE s.image = p.value AND s.image <> '')";

/// Of pictures whose rows are gone: the paths of the files that nothing names any more.
pub(crate) fn unneeded(db: &Db<'_>, gone: &[Image]) -> Result<Vec<String>, StoreError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let paths: Vec<&str> = gone.iter().map(|image| image.path.as_str()).collect();
    let free = db.all(UNNEEDED, [json_list(&paths)?], |row| row.text(0))?;
    let is_free = |image: &&Image| free.contains(&image.path);
    let files = gone.iter().filter(is_free).flat_map(|image| {
        let variants = image.variants.iter().map(|variant| variant.path.clone());
        std::iter::once(image.path.clone()).chain(variants)
    });
    Ok(files.collect())
}
