//! Pictures of products.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::catalog::{Image, Variant};
use slippers_core::images::rules::{Gallery, plan_addition, plan_removal};
use slippers_core::images::{ImageError, ImageStore, NewImage};
use slippers_core::types::{ImageId, SlipperId, Timestamp};

use crate::catalog::rows::{images_of_slipper, read_images};
use crate::db::Db;
use crate::params::params;
use crate::store::PostgresStore;

#[async_trait]
impl ImageStore for PostgresStore {
    async fn add_images(
        &self,
        slipper: SlipperId,
        new: Vec<NewImage>,
        now: Timestamp,
    ) -> Result<Vec<Image>, ImageError> {
        self.write((slipper, new, now), |db, (slipper, new, now)| Box::pin(add(db, *slipper, new, *now)))
            .await
    }

    async fn delete_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Vec<String>, ImageError> {
        self.write((slipper, image, now), |db, (slipper, image, now)| {
            Box::pin(delete(db, *slipper, *image, *now))
        })
        .await
    }

    async fn set_primary_image(
        &self,
        slipper: SlipperId,
        image: ImageId,
        now: Timestamp,
    ) -> Result<Image, ImageError> {
        self.write((slipper, image, now), |db, (slipper, image, now)| {
            Box::pin(set_primary(db, *slipper, *image, *now))
        })
        .await
    }
}

const LOCK: &str = "SELECT FROM slippers WHERE id = $1 FOR NO KEY UPDATE";
// A statement of its own: one that has waited for a lock still sees the pictures as they were when it began.
const FIND: &str = concat!("SELECT s.image, ", images_of_slipper!(), " FROM slippers s WHERE s.id = $1");

/// A product's `image` and its pictures, the primary one first.
async fn find(db: &Db, slipper: SlipperId) -> Result<Option<(String, Vec<Image>)>, StoreError> {
    db.first(FIND, params![slipper.get()], |row| Ok((row.text(0)?, read_images(row, 1)?))).await
}

/// The same, and nobody else changes them any more.
async fn lock(db: &Db, slipper: SlipperId) -> Result<Option<(String, Vec<Image>)>, StoreError> {
    db.run(LOCK, params![slipper.get()]).await?;
    find(db, slipper).await
}

const ADD: &str = "
    INSERT INTO slipper_images (slipper_id, image_path, variants, is_primary, order_index, created_at)
    SELECT $1, path, variants, place = 1 AND $4, $5 + place - 1, $6
    FROM unnest($2, $3) WITH ORDINALITY AS new (path, variants, place) ORDER BY place";

async fn add(
    db: &Db,
    slipper: SlipperId,
    new: &[NewImage],
    now: Timestamp,
) -> Result<Vec<Image>, ImageError> {
    let (image, before) = lock(db, slipper).await?.ok_or(ImageError::SlipperNotFound)?;
    let Some(first) = new.first() else { return Ok(Vec::new()) };
    let plan = plan_addition(Gallery {
        last_place: before.iter().map(|image| image.order_index).max(),
        has_primary: before.iter().any(|image| image.is_primary),
        has_image: !image.is_empty(),
    });
    let paths: Vec<&str> = new.iter().map(|image| image.path.as_str()).collect();
    let variants = new.iter().map(|image| widths(&image.variants)).collect::<Result<Vec<_>, _>>()?;
    let values =
        params![slipper.get(), paths, variants, plan.first_is_primary, plan.first_place, now.micros()];
    db.run(ADD, values).await?;
    touch(db, slipper, plan.sets_image.then_some(&first.path), now).await?;
    let (_, mut after) = find(db, slipper).await?.ok_or(ImageError::SlipperNotFound)?;
    after.retain(|image| image.order_index >= plan.first_place);
    after.sort_unstable_by_key(|image| image.order_index);
    Ok(after)
}

fn widths(variants: &[Variant]) -> Result<String, StoreError> {
    let pairs: Vec<_> = variants.iter().map(|variant| (variant.width, variant.path.as_str())).collect();
    serde_json::to_string(&pairs).map_err(|error| StoreError::Other(error.to_string()))
}

const TOUCH: &str = "UPDATE slippers SET image = coalesce($2, image), updated_at = $3 WHERE id = $1";

async fn touch(
    db: &Db,
    slipper: SlipperId,
    image: Option<&String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.run(TOUCH, params![slipper.get(), image, now.micros()]).await?;
    Ok(())
}

const DELETE: &str = "DELETE FROM slipper_images WHERE id = $1";
const DEMOTE: &str = "UPDATE slipper_images SET is_primary = FALSE WHERE slipper_id = $1 AND is_primary";
const PROMOTE: &str = "UPDATE slipper_images SET is_primary = TRUE WHERE id = $1";

async fn delete(
    db: &Db,
    slipper: SlipperId,
    image: ImageId,
    now: Timestamp,
) -> Result<Vec<String>, ImageError> {
    let (shown, mut left) = lock(db, slipper).await?.ok_or(ImageError::ImageNotFound)?;
    let at = left.iter().position(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    let removed = left.remove(at);
    let plan = plan_removal(&shown, &removed, &left);
    db.run(DELETE, params![image.get()]).await?;
    if let Some(promoted) = plan.promoted {
        db.run(PROMOTE, params![promoted.get()]).await?;
    }
    touch(db, slipper, plan.image.as_ref(), now).await?;
    Ok(unneeded(db, &[removed]).await?)
}

async fn set_primary(
    db: &Db,
    slipper: SlipperId,
    image: ImageId,
    now: Timestamp,
) -> Result<Image, ImageError> {
    let (_, all) = lock(db, slipper).await?.ok_or(ImageError::ImageNotFound)?;
    let chosen = all.into_iter().find(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    // Two statements: the index that holds "at most one" looks at every row by itself.
    db.run(DEMOTE, params![slipper.get()]).await?;
    db.run(PROMOTE, params![image.get()]).await?;
    touch(db, slipper, Some(&chosen.path), now).await?;
    Ok(Image { is_primary: true, ..chosen })
}

// The conditions are those of the partial indexes.
const UNNEEDED: &str = "
    SELECT p.value FROM unnest($1) AS p (value)
    WHERE NOT EXISTS (SELECT 1 FROM order_items o WHERE o.image = p.value AND o.image <> '')
      AND NOT EXISTS (SELECT 1 FROM slipper_images i WHERE i.image_path = p.value)
      AND NOT EXISTS (SELECT 1 FROM slippers s WHERE s.image = p.value AND s.image <> '')";

/// Of pictures whose rows are gone: the paths of the files that nothing names any more.
pub(crate) async fn unneeded(db: &Db, gone: &[Image]) -> Result<Vec<String>, StoreError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let paths: Vec<&str> = gone.iter().map(|image| image.path.as_str()).collect();
    let free = db.all(UNNEEDED, params![paths], |row| row.text(0)).await?;
    let is_free = |image: &&Image| free.contains(&image.path);
    let files = gone.iter().filter(is_free).flat_map(|image| {
        let variants = image.variants.iter().map(|variant| variant.path.clone());
        std::iter::once(image.path.clone()).chain(variants)
    });
    Ok(files.collect())
}
