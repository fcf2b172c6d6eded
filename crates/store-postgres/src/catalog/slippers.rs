//! One product: read, made, changed, deleted.

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::rules::pause_after;
use slippers_core::catalog::search::fold;
use slippers_core::catalog::{CatalogError, Image, NewSlipper, Slipper, SlipperChange};
use slippers_core::types::{CategoryId, Money, SlipperId, Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::rows::{pictures_of, read_images, read_slipper, slipper_columns};
use super::search;
use crate::audit;
use crate::db::Db;
use crate::images;
use crate::params::params;

const FIND: &str = concat!(
    "SELECT ",
    slipper_columns!(),
    ", ",
    pictures_of!("s.id"),
    " FROM slippers s LEFT JOIN categories c ON c.id = s.category_id WHERE s.id = $1"
);

pub(super) async fn find(db: &Db, id: SlipperId) -> Result<Option<Slipper>, StoreError> {
    db.first(FIND, params![id.get()], |row| read_slipper(row, 0)).await
}

const IMAGES: &str = concat!("SELECT ", pictures_of!("$1"), " FROM slippers WHERE id = $1");

pub(super) async fn list_images(db: &Db, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError> {
    let found = db.first(IMAGES, params![id.get()], |row| read_images(row, 0)).await?;
    Ok(found.map(|mut images| {
        images.sort_by_key(|image| (image.order_index, image.id));
        images
    }))
}

const CREATE: &str = "
    INSERT INTO slippers (name, name_key, size, size_key, price_minor, quantity, category_id, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id";

pub(super) async fn create(
    db: &Db,
    new: &NewSlipper,
    by: By,
    now: Timestamp,
) -> Result<Slipper, CatalogError> {
    count_in_category(db, new.category, 1).await?;
    let (name_key, size_key) = (fold(&new.name), fold(&new.size));
    let values = params![
        &new.name,
        &name_key,
        &new.size,
        &size_key,
        new.price.minor(),
        new.quantity,
        new.category.map(CategoryId::get),
        now.micros(),
    ];
    let id = db.one(CREATE, values, |row| row.int(0)).await?;
    search::add(db, id, [&name_key, &size_key]).await?;
    db.note(Change::Slipper(SlipperId::new(id)));
    audit::record(db, &Entry::slipper_created(by, SlipperId::new(id), new), now).await?;
    count_in_shop(db, 1).await?;
    Ok(db.one(FIND, params![id], |row| read_slipper(row, 0)).await?)
}

/// A product before a change.
struct Present {
    name: String,
    name_key: String,
    size: String,
    size_key: String,
    price_minor: i64,
    quantity: i64,
    is_paused: bool,
    image: String,
    category: Option<CategoryId>,
}

const PRESENT: &str = "
    SELECT name, name_key, size, size_key, price_minor, quantity, is_paused, image, category_id
    FROM slippers WHERE id = $1 FOR UPDATE";
// In the order in which a category is deleted: the category, then its products.
const LOCK_CATEGORIES: &str = "
    SELECT id FROM categories
    WHERE id = $2 OR id = (SELECT category_id FROM slippers WHERE id = $1)
    ORDER BY id FOR NO KEY UPDATE";

/// The product, which nobody else changes any more, and neither its category nor the `next` one.
async fn lock(db: &Db, id: SlipperId, next: Option<CategoryId>) -> Result<Present, CatalogError> {
    db.run(LOCK_CATEGORIES, params![id.get(), next.map(CategoryId::get)]).await?;
    let found = db.first(PRESENT, params![id.get()], |row| {
        Ok(Present {
            name: row.text(0)?,
            name_key: row.text(1)?,
            size: row.text(2)?,
            size_key: row.text(3)?,
            price_minor: row.int(4)?,
            quantity: row.int(5)?,
            is_paused: row.flag(6)?,
            image: row.text(7)?,
            category: row.get::<Option<i64>>(8)?.map(CategoryId::new),
        })
    });
    found.await?.ok_or(CatalogError::SlipperNotFound)
}

const UPDATE: &str = "
    UPDATE slippers
    SET name = $2, name_key = $3, size = $4, size_key = $5, price_minor = $6, quantity = $7, is_paused = $8,
        image = $9, category_id = $10, updated_at = $11
    WHERE id = $1";

pub(super) async fn update(
    db: &Db,
    id: SlipperId,
    change: &SlipperChange,
    by: UserId,
    now: Timestamp,
) -> Result<Slipper, CatalogError> {
    let before = lock(db, id, change.category.flatten()).await?;
    let category = change.category.unwrap_or(before.category);
    if category != before.category {
        count_in_category(db, category, 1).await?;
        count_in_category(db, before.category, -1).await?;
    }
    let name = change.name.as_ref().unwrap_or(&before.name);
    let size = change.size.as_ref().unwrap_or(&before.size);
    let (name_key, size_key) = (fold(name), fold(size));
    let reindex = name_key != before.name_key || size_key != before.size_key;
    if reindex {
        search::remove(db, id.get(), [&before.name_key, &before.size_key]).await?;
    }
    let values = params![
        id.get(),
        name,
        &name_key,
        size,
        &size_key,
        change.price.map_or(before.price_minor, Money::minor),
        change.quantity.unwrap_or(before.quantity),
        pause_after(change.is_available, before.quantity, before.is_paused),
        change.image.as_ref().unwrap_or(&before.image),
        category.map(CategoryId::get),
        now.micros(),
    ];
    db.run(UPDATE, values).await?;
    if change.image.as_ref().is_some_and(|image| *image != before.image) {
        images::let_go(db, &before.image).await?;
    }
    if reindex {
        search::add(db, id.get(), [&name_key, &size_key]).await?;
    }
    if let Some(counted) = change.quantity {
        record_count(db, id, counted - before.quantity, counted, by, now).await?;
    }
    db.note(Change::Slipper(id));
    audit::record(db, &Entry::slipper_updated(By::Admin(by), id, change), now).await?;
    Ok(db.one(FIND, params![id.get()], |row| read_slipper(row, 0)).await?)
}

const RECORD_COUNT: &str = "
    INSERT INTO stock_movements (slipper_id, delta, quantity_after, reason, user_id, created_at)
    VALUES ($1, $2, $3, 'counted', $4, $5)";

async fn record_count(
    db: &Db,
    id: SlipperId,
    delta: i64,
    after: i64,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.run(RECORD_COUNT, params![id.get(), delta, after, by.get(), now.micros()]).await?;
    Ok(())
}

// Taking the product out of a cart is a change of that cart. Carts first, as everywhere.
const BUMP_CARTS: &str = "
    WITH held AS MATERIALIZED (
        SELECT id FROM carts
        WHERE id IN (SELECT cart_id FROM cart_items WHERE slipper_id = $1) AND NOT id = ANY($3)
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE carts SET version = version + 1, updated_at = $2
    FROM held WHERE carts.id = held.id RETURNING carts.id";

/// Moves the versions of the carts that hold the product, but for those that were `done` already.
async fn bump_carts(db: &Db, id: SlipperId, done: &[i64], now: Timestamp) -> Result<Vec<i64>, StoreError> {
    db.all(BUMP_CARTS, params![id.get(), now.micros(), done], |row| row.int(0)).await
}

// The foreign keys take its pictures and its lines in carts.
const DELETE: &str = "DELETE FROM slippers WHERE id = $1";

pub(super) async fn delete(db: &Db, id: SlipperId, by: By, now: Timestamp) -> Result<(), CatalogError> {
    let carts = bump_carts(db, id, &[], now).await?;
    let before = lock(db, id, None).await?;
    // Those into which it was put until it was locked.
    bump_carts(db, id, &carts, now).await?;
    let pictures = list_images(db, id).await?.unwrap_or_default();
    search::remove(db, id.get(), [&before.name_key, &before.size_key]).await?;
    // Before the product: who makes one locks its category first too, then the number of the lists' order.
    count_in_category(db, before.category, -1).await?;
    db.run(DELETE, params![id.get()]).await?;
    db.note(Change::Slipper(id));
    audit::record(db, &Entry::slipper_deleted(by, id), now).await?;
    images::let_go(db, &before.image).await?;
    images::remember_gone(db, &pictures).await?;
    Ok(count_in_shop(db, -1).await?)
}

const COUNT_IN_CATEGORY: &str = "UPDATE categories SET slipper_count = slipper_count + $2 WHERE id = $1";

/// Moves a category's count, which also tells whether there is such a category.
async fn count_in_category(db: &Db, id: Option<CategoryId>, by: i64) -> Result<(), CatalogError> {
    match id {
        Some(id) if db.run(COUNT_IN_CATEGORY, params![id.get(), by]).await? == 0 => {
            Err(CatalogError::CategoryNotFound)
        }
        _ => Ok(()),
    }
}

const COUNT_IN_SHOP: &str = "UPDATE shop_counters SET value = value + $1 WHERE name = 'slippers'";

async fn count_in_shop(db: &Db, by: i64) -> Result<(), StoreError> {
    db.run(COUNT_IN_SHOP, params![by]).await?;
    Ok(())
}
