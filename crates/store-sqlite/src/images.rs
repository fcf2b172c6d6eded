//! Pictures of products.

use async_trait::async_trait;
use slippers_core::catalog::{Image, Variant};
use slippers_core::images::rules::{Gallery, plan_addition, plan_removal};
use slippers_core::images::{GonePicture, ImageError, ImageStore, NewImage};
use slippers_core::types::{ImageId, OrderId, SlipperId, Timestamp};
use slippers_core::{Change, StoreError};

use crate::catalog::rows::read_images;
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
    ) -> Result<(), ImageError> {
        self.writer.run(move |db| delete(db, slipper, image, now)).await
    }

    async fn list_unneeded_pictures(&self, limit: i64) -> Result<Vec<GonePicture>, StoreError> {
        // Where nothing is due, which is nearly always, the writer is left alone.
        if self.readers.read(|db| db.first(IS_ANY_DUE, (), |row| row.flag(0)))? != Some(true) {
            return Ok(Vec::new());
        }
        self.writer.run(move |db| list_unneeded(db, limit)).await
    }

    async fn forget_pictures(&self, paths: Vec<String>) -> Result<(), StoreError> {
        self.writer.run(move |db| db.run(FORGET, [json_list(&paths)?]).map(drop)).await
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
    const FIND: &str = "SELECT image, pictures FROM slippers WHERE id = ?1";
    db.first(FIND, [slipper.get()], |row| Ok((row.text(0)?, read_images(row.str(1)?)?)))
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

fn delete(db: &Db<'_>, slipper: SlipperId, image: ImageId, now: Timestamp) -> Result<(), ImageError> {
    let (shown, mut left) = find(db, slipper)?.ok_or(ImageError::ImageNotFound)?;
    let at = left.iter().position(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    let removed = left.remove(at);
    let plan = plan_removal(&shown, &removed, &left);
    db.run(DELETE, [image.get()])?;
    if let Some(promoted) = plan.promoted {
        db.run(PROMOTE, [promoted.get()])?;
    }
    touch(db, slipper, plan.image.as_ref(), now)?;
    let_go(db, &shown)?;
    Ok(remember_gone(db, &[removed])?)
}

fn set_primary(db: &Db<'_>, slipper: SlipperId, image: ImageId, now: Timestamp) -> Result<Image, ImageError> {
    let (shown, all) = find(db, slipper)?.ok_or(ImageError::ImageNotFound)?;
    let chosen = all.into_iter().find(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    // Two statements: the index that holds "at most one" looks at every row by itself.
    db.run(DEMOTE, [slipper.get()])?;
    db.run(PROMOTE, [image.get()])?;
    touch(db, slipper, Some(&chosen.path), now)?;
    let_go(db, &shown)?;
    Ok(Image { is_primary: true, ..chosen })
}

const REMEMBER_GONE: &str = "
    INSERT INTO gone_pictures (path, files, is_due)
    SELECT value ->> 0, value -> 1, 1 FROM json_each(?1) WHERE TRUE
    ON CONFLICT (path) DO UPDATE SET is_due = 1";

/// Remembers pictures whose rows are gone.
pub(crate) fn remember_gone(db: &Db<'_>, gone: &[Image]) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let files_of = |image: &Image| {
        let variants = image.variants.iter().map(|variant| variant.path.clone());
        std::iter::once(image.path.clone()).chain(variants).collect::<Vec<_>>()
    };
    let rows: Vec<_> = gone.iter().map(|image| (image.path.as_str(), files_of(image))).collect();
    db.run(REMEMBER_GONE, [json_list(&rows)?])?;
    Ok(())
}

const LET_GO: &str = "UPDATE gone_pictures SET is_due = 1 WHERE path = ?1";

/// A product's `image` names this path no more, or soon will not.
pub(crate) fn let_go(db: &Db<'_>, path: &str) -> Result<(), StoreError> {
    db.run(LET_GO, [path])?;
    Ok(())
}

const LET_GO_OF_ORDER: &str = "
    UPDATE gone_pictures SET is_due = 1 WHERE path IN (SELECT image FROM order_items WHERE order_id = ?1)";

/// An order is about to be deleted.
pub(crate) fn let_go_of_order(db: &Db<'_>, order: OrderId) -> Result<(), StoreError> {
    db.run(LET_GO_OF_ORDER, [order.get()])?;
    Ok(())
}

const IS_ANY_DUE: &str = "SELECT EXISTS (SELECT 1 FROM gone_pictures WHERE is_due = 1)";
// The conditions are those of the partial indexes.
const LOOK_AT: &str = "
    SELECT g.path, g.files,
           EXISTS (
               SELECT 1 FROM json_each(g.files) f
               WHERE EXISTS (SELECT 1 FROM order_items o WHERE o.image = f.value AND o.image <> '')
                  OR EXISTS (SELECT 1 FROM slipper_images i WHERE i.image_path = f.value)
                  OR EXISTS (SELECT 1 FROM slippers s WHERE s.image = f.value AND s.image <> ''))
    FROM gone_pictures g WHERE g.is_due = 1 ORDER BY g.path LIMIT ?1";
const PUT_ASIDE: &str = "UPDATE gone_pictures SET is_due = 0 WHERE path IN (SELECT value FROM json_each(?1))";
const FORGET: &str = "
    DELETE FROM gone_pictures WHERE is_due = 1 AND path IN (SELECT value FROM json_each(?1))";

fn list_unneeded(db: &Db<'_>, limit: i64) -> Result<Vec<GonePicture>, StoreError> {
    let seen = db.all(LOOK_AT, [limit.max(0)], |row| Ok((row.text(0)?, row.text(1)?, row.flag(2)?)))?;
    let (named, free): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(_, _, is_named)| *is_named);
    if !named.is_empty() {
        let paths: Vec<&str> = named.iter().map(|(path, ..)| path.as_str()).collect();
        db.run(PUT_ASIDE, [json_list(&paths)?])?;
    }
    let read = |(path, files, _): (String, String, bool)| {
        let files = serde_json::from_str(&files);
        let files = files.map_err(|error| StoreError::Corrupt(format!("the files of {path:?}: {error}")))?;
        Ok(GonePicture { path, files })
    };
    free.into_iter().map(read).collect()
}
