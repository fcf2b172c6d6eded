//! Pictures of products.

use std::collections::BTreeMap;

use async_trait::async_trait;
use slippers_core::catalog::{Image, Variant};
use slippers_core::images::rules::{Gallery, plan_addition, plan_removal};
use slippers_core::images::{GonePicture, ImageError, ImageStore, NewImage};
use slippers_core::types::{ImageId, OrderId, SlipperId, Timestamp};
use slippers_core::{Change, StoreError};

use crate::catalog::rows::{pictures_of, read_images};
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
    ) -> Result<(), ImageError> {
        self.write((slipper, image, now), |db, (slipper, image, now)| {
            Box::pin(delete(db, *slipper, *image, *now))
        })
        .await
    }

    async fn list_unneeded_pictures(&self, limit: i64) -> Result<Vec<GonePicture>, StoreError> {
        // Nearly always nothing is due.
        if !self.read((), |db, ()| Box::pin(is_any_due(db))).await? {
            return Ok(Vec::new());
        }
        self.write(limit, |db, limit| Box::pin(list_unneeded(db, *limit))).await
    }

    async fn forget_pictures(&self, paths: Vec<String>) -> Result<(), StoreError> {
        self.write(paths, |db, paths| Box::pin(forget(db, paths))).await
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
const FIND: &str = concat!("SELECT image, ", pictures_of!("$1"), " FROM slippers WHERE id = $1");

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
    db.note(Change::Slipper(slipper));
    db.run(TOUCH, params![slipper.get(), image, now.micros()]).await?;
    Ok(())
}

const DELETE: &str = "DELETE FROM slipper_images WHERE id = $1";
const DEMOTE: &str = "UPDATE slipper_images SET is_primary = FALSE WHERE slipper_id = $1 AND is_primary";
const PROMOTE: &str = "UPDATE slipper_images SET is_primary = TRUE WHERE id = $1";

async fn delete(db: &Db, slipper: SlipperId, image: ImageId, now: Timestamp) -> Result<(), ImageError> {
    let (shown, mut left) = lock(db, slipper).await?.ok_or(ImageError::ImageNotFound)?;
    let at = left.iter().position(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    let removed = left.remove(at);
    let plan = plan_removal(&shown, &removed, &left);
    db.run(DELETE, params![image.get()]).await?;
    if let Some(promoted) = plan.promoted {
        db.run(PROMOTE, params![promoted.get()]).await?;
    }
    touch(db, slipper, plan.image.as_ref(), now).await?;
    let_go(db, &shown).await?;
    Ok(remember_gone(db, &[removed]).await?)
}

async fn set_primary(
    db: &Db,
    slipper: SlipperId,
    image: ImageId,
    now: Timestamp,
) -> Result<Image, ImageError> {
    let (shown, all) = lock(db, slipper).await?.ok_or(ImageError::ImageNotFound)?;
    let chosen = all.into_iter().find(|other| other.id == image).ok_or(ImageError::ImageNotFound)?;
    // Two statements: the index that holds "at most one" looks at every row by itself.
    db.run(DEMOTE, params![slipper.get()]).await?;
    db.run(PROMOTE, params![image.get()]).await?;
    touch(db, slipper, Some(&chosen.path), now).await?;
    let_go(db, &shown).await?;
    Ok(Image { is_primary: true, ..chosen })
}

const REMEMBER_GONE: &str = "
    INSERT INTO gone_pictures (path, files, is_due) SELECT path, files, TRUE FROM unnest($1, $2) AS new (path, files)
    ON CONFLICT (path) DO UPDATE SET is_due = TRUE";

/// Remembers pictures whose rows are gone.
pub(crate) async fn remember_gone(db: &Db, gone: &[Image]) -> Result<(), StoreError> {
    // Each path once: a row can't be inserted and changed by one statement.
    let gone: BTreeMap<&str, &Image> = gone.iter().map(|image| (image.path.as_str(), image)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let files_of = |image: &&Image| {
        let variants = image.variants.iter().map(|variant| variant.path.as_str());
        let files: Vec<&str> = std::iter::once(image.path.as_str()).chain(variants).collect();
        serde_json::to_string(&files).map_err(|error| StoreError::Other(error.to_string()))
    };
    let files = gone.values().map(files_of).collect::<Result<Vec<_>, _>>()?;
    let paths: Vec<&str> = gone.into_keys().collect();
    db.run(REMEMBER_GONE, params![paths, files]).await?;
    Ok(())
}

const LET_GO: &str = "UPDATE gone_pictures SET is_due = TRUE WHERE path = $1";

/// A product's `image` names this path no more, or soon will not.
pub(crate) async fn let_go(db: &Db, path: &str) -> Result<(), StoreError> {
    db.run(LET_GO, params![path]).await?;
    Ok(())
}

const LET_GO_OF_ORDER: &str = "
    UPDATE gone_pictures SET is_due = TRUE
    WHERE path = ANY(ARRAY(SELECT image FROM order_items WHERE order_id = $1))";

/// An order is about to be deleted.
pub(crate) async fn let_go_of_order(db: &Db, order: OrderId) -> Result<(), StoreError> {
    db.run(LET_GO_OF_ORDER, params![order.get()]).await?;
    Ok(())
}

const IS_ANY_DUE: &str = "SELECT EXISTS (SELECT 1 FROM gone_pictures WHERE is_due)";

async fn is_any_due(db: &Db) -> Result<bool, StoreError> {
    db.one(IS_ANY_DUE, params![], |row| row.flag(0)).await
}

// Locked first, looked at then: whoever lets go of one meanwhile says so after us.
const LOCK_DUE: &str = "SELECT path FROM gone_pictures WHERE is_due ORDER BY path LIMIT $1 FOR UPDATE";
// The conditions are those of the partial indexes. Not EXISTS, of which PostgreSQL would make a hash of each whole table.
const LOOK_AT: &str = "
    SELECT g.path, g.files,
           EXISTS (
               SELECT 1 FROM json_array_elements_text(g.files::json) AS f (path)
               WHERE (SELECT TRUE FROM order_items o WHERE o.image = f.path AND o.image <> '' LIMIT 1)
                  OR (SELECT TRUE FROM slipper_images i WHERE i.image_path = f.path LIMIT 1)
                  OR (SELECT TRUE FROM slippers s WHERE s.image = f.path AND s.image <> '' LIMIT 1))
    FROM gone_pictures g WHERE g.path = ANY($1) ORDER BY g.path";
const PUT_ASIDE: &str = "UPDATE gone_pictures SET is_due = FALSE WHERE path = ANY($1)";
const FORGET: &str = "DELETE FROM gone_pictures WHERE is_due AND path = ANY($1)";

async fn list_unneeded(db: &Db, limit: i64) -> Result<Vec<GonePicture>, StoreError> {
    let due = db.all(LOCK_DUE, params![limit.max(0)], |row| row.text(0)).await?;
    let seen = db.all(LOOK_AT, params![due], |row| Ok((row.text(0)?, row.text(1)?, row.flag(2)?))).await?;
    let (named, free): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(_, _, is_named)| *is_named);
    if !named.is_empty() {
        let paths: Vec<String> = named.into_iter().map(|(path, ..)| path).collect();
        db.run(PUT_ASIDE, params![paths]).await?;
    }
    let read = |(path, files, _): (String, String, bool)| {
        let files = serde_json::from_str(&files);
        let files = files.map_err(|error| StoreError::Corrupt(format!("the files of {path:?}: {error}")))?;
        Ok(GonePicture { path, files })
    };
    free.into_iter().map(read).collect()
}

async fn forget(db: &Db, paths: &[String]) -> Result<(), StoreError> {
    db.run(FORGET, params![paths]).await?;
    Ok(())
}
