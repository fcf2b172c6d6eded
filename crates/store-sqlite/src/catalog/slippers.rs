//! One product: read, made, changed, deleted.

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::rules::pause_after;
use slippers_core::catalog::search::fold;
use slippers_core::catalog::{CatalogError, Image, NewSlipper, Slipper, SlipperChange};
use slippers_core::types::{CategoryId, Money, SlipperId, Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::rows::{read_images, read_slipper, slipper_columns};
use super::search;
use crate::audit;
use crate::db::Db;
use crate::images;

const FIND: &str = concat!(
    "SELECT ",
    slipper_columns!(),
    " FROM slippers s LEFT JOIN categories c ON c.id = s.category_id WHERE s.id = ?1"
);

pub(super) fn find(db: &Db<'_>, id: SlipperId) -> Result<Option<Slipper>, StoreError> {
    db.first(FIND, [id.get()], read_slipper)
}

const IMAGES: &str = "SELECT pictures FROM slippers WHERE id = ?1";

pub(super) fn list_images(db: &Db<'_>, id: SlipperId) -> Result<Option<Vec<Image>>, StoreError> {
    let found = db.first(IMAGES, [id.get()], |row| read_images(row.str(0)?))?;
    Ok(found.map(|mut images| {
        images.sort_by_key(|image| (image.order_index, image.id));
        images
    }))
}

const CREATE: &str = "
    INSERT INTO slippers (name, name_key, size, size_key, price_minor, quantity, category_id, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)";

pub(super) fn create(db: &Db<'_>, new: &NewSlipper, by: By, now: Timestamp) -> Result<Slipper, CatalogError> {
    count_in_category(db, new.category, 1)?;
    count_in_shop(db, 1)?;
    let (name_key, size_key) = (fold(&new.name), fold(&new.size));
    let id = db.insert(
        CREATE,
        (
            &new.name,
            &name_key,
            &new.size,
            &size_key,
            new.price.minor(),
            new.quantity,
            new.category.map(CategoryId::get),
            now.micros(),
        ),
    )?;
    search::add(db, id, &name_key, &size_key)?;
    audit::record(db, &Entry::slipper_created(by, SlipperId::new(id), new), now)?;
    db.note(Change::Slipper(SlipperId::new(id)));
    Ok(db.one(FIND, [id], read_slipper)?)
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
    FROM slippers WHERE id = ?1";

fn present(db: &Db<'_>, id: SlipperId) -> Result<Present, CatalogError> {
    let found = db.first(PRESENT, [id.get()], |row| {
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
    })?;
    found.ok_or(CatalogError::SlipperNotFound)
}

const UPDATE: &str = "
    UPDATE slippers
    SET name = ?2, name_key = ?3, size = ?4, size_key = ?5, price_minor = ?6, quantity = ?7, is_paused = ?8,
        image = ?9, category_id = ?10, updated_at = ?11
    WHERE id = ?1";

pub(super) fn update(
    db: &Db<'_>,
    id: SlipperId,
    change: &SlipperChange,
    by: UserId,
    now: Timestamp,
) -> Result<Slipper, CatalogError> {
    let before = present(db, id)?;
    let category = change.category.unwrap_or(before.category);
    if category != before.category {
        count_in_category(db, category, 1)?;
        count_in_category(db, before.category, -1)?;
    }
    let name = change.name.as_ref().unwrap_or(&before.name);
    let size = change.size.as_ref().unwrap_or(&before.size);
    let (name_key, size_key) = (fold(name), fold(size));
    let reindex = name_key != before.name_key || size_key != before.size_key;
    if reindex {
        search::remove(db, id.get(), &before.name_key, &before.size_key)?;
    }
    let values = rusqlite::params![
        id.get(),
        name,
        name_key,
        size,
        size_key,
        change.price.map_or(before.price_minor, Money::minor),
        change.quantity.unwrap_or(before.quantity),
        pause_after(change.is_available, before.quantity, before.is_paused),
        change.image.as_ref().unwrap_or(&before.image),
        category.map(CategoryId::get),
        now.micros(),
    ];
    db.run(UPDATE, values)?;
    if change.image.as_ref().is_some_and(|image| *image != before.image) {
        images::let_go(db, &before.image)?;
    }
    if reindex {
        search::add(db, id.get(), &name_key, &size_key)?;
    }
    if let Some(counted) = change.quantity {
        record_count(db, id, counted - before.quantity, counted, by, now)?;
    }
    audit::record(db, &Entry::slipper_updated(By::Admin(by), id, change), now)?;
    db.note(Change::Slipper(id));
    Ok(db.one(FIND, [id.get()], read_slipper)?)
}

const RECORD_COUNT: &str = "
    INSERT INTO stock_movements (slipper_id, delta, quantity_after, reason, user_id, created_at)
    VALUES (?1, ?2, ?3, 'counted', ?4, ?5)";

fn record_count(
    db: &Db<'_>,
    id: SlipperId,
    delta: i64,
    after: i64,
    by: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.run(RECORD_COUNT, (id.get(), delta, after, by.get(), now.micros()))?;
    Ok(())
}

// Taking the product out of a cart is a change of that cart.
const BUMP_CARTS: &str = "
    UPDATE carts SET version = version + 1, updated_at = ?2
    WHERE id IN (SELECT cart_id FROM cart_items WHERE slipper_id = ?1)";
// The foreign keys take its pictures and its lines in carts.
const DELETE: &str = "DELETE FROM slippers WHERE id = ?1";

pub(super) fn delete(db: &Db<'_>, id: SlipperId, by: By, now: Timestamp) -> Result<(), CatalogError> {
    let before = present(db, id)?;
    let pictures = list_images(db, id)?.unwrap_or_default();
    db.run(BUMP_CARTS, (id.get(), now.micros()))?;
    search::remove(db, id.get(), &before.name_key, &before.size_key)?;
    db.run(DELETE, [id.get()])?;
    count_in_category(db, before.category, -1)?;
    count_in_shop(db, -1)?;
    audit::record(db, &Entry::slipper_deleted(by, id), now)?;
    db.note(Change::Slipper(id));
    images::let_go(db, &before.image)?;
    Ok(images::remember_gone(db, &pictures)?)
}

const COUNT_IN_CATEGORY: &str = "UPDATE categories SET slipper_count = slipper_count + ?2 WHERE id = ?1";

/// Moves a category's count, which also tells whether there is such a category.
fn count_in_category(db: &Db<'_>, id: Option<CategoryId>, by: i64) -> Result<(), CatalogError> {
    match id {
        Some(id) if db.run(COUNT_IN_CATEGORY, (id.get(), by))? == 0 => Err(CatalogError::CategoryNotFound),
        _ => Ok(()),
    }
}

const COUNT_IN_SHOP: &str = "UPDATE shop_counters SET value = value + ?1 WHERE name = 'slippers'";

fn count_in_shop(db: &Db<'_>, by: i64) -> Result<(), StoreError> {
    db.run(COUNT_IN_SHOP, [by])?;
    Ok(())
}
