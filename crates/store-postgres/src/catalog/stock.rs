//! Filling an empty catalogue.

use std::collections::BTreeMap;
use std::mem;

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::search::{fold, parts};
use slippers_core::catalog::{Assortment, CatalogError, NewCategory, StockedSlipper};
use slippers_core::types::{CategoryId, Timestamp};
use slippers_core::{Change, StoreError};

use crate::audit;
use crate::db::Db;
use crate::params::params;

/// Products that are written by one statement, and told to [`Assortment::progress`].
const AT_ONCE: u64 = 1_000;
/// The grams of so many products are kept in memory (a few MB) and written in order: one by one they would touch a
/// thousand places of the index for every product.
const GRAMS_EVERY: u64 = 20_000;

// Two who fill it at once, or one who makes a product meanwhile: one of them finds it not empty, or waits.
const LOCK: &str = "LOCK TABLE categories, slippers IN SHARE ROW EXCLUSIVE MODE";
const IS_EMPTY: &str = "
    SELECT NOT EXISTS (SELECT 1 FROM categories) AND NOT EXISTS (SELECT 1 FROM slippers)";

const COUNT_IN_CATEGORIES: &str = "
    UPDATE categories
    SET slipper_count = (SELECT count(*) FROM slippers WHERE slippers.category_id = categories.id)";
const COUNT_IN_SHOP: &str = "UPDATE shop_counters SET value = $1 WHERE name = 'slippers'";
// Plans need to know the tables now, not when autovacuum comes by. One that is vacuumed by hand meanwhile is left to it: no import
// waits or fails for that.
const ANALYZE: &str = "ANALYZE (SKIP_LOCKED) categories, slippers, slipper_images, slipper_grams";

pub(super) async fn fill(db: &Db, goods: &dyn Assortment, now: Timestamp) -> Result<(), CatalogError> {
    db.control(LOCK).await?;
    if !db.one(IS_EMPTY, params![], |row| row.flag(0)).await? {
        return Err(CatalogError::NotEmpty);
    }
    write_categories(db, &goods.categories(), now).await?;
    let mut pending = BTreeMap::new();
    let mut written = 0;
    while written < goods.len() {
        let end = goods.len().min(written + AT_ONCE);
        let batch: Vec<StockedSlipper> = (written..end).map(|index| goods.slipper(index)).collect();
        write_slippers(db, &batch, &mut pending, now).await?;
        written = end;
        if written.is_multiple_of(GRAMS_EVERY) || written == goods.len() {
            write_grams(db, mem::take(&mut pending)).await?;
        }
        goods.progress(written);
    }
    db.note(Change::Catalog);
    db.run(COUNT_IN_CATEGORIES, params![]).await?;
    let written = i64::try_from(written).unwrap_or(i64::MAX);
    db.run(COUNT_IN_SHOP, params![written]).await?;
    db.control(ANALYZE).await?;
    Ok(audit::record(db, &Entry::catalog_stocked(By::CommandLine, written), now).await?)
}

// With its number given: it starts at 1 whatever was there once.
const ADD_CATEGORY: &str = "
    INSERT INTO categories (id, name, description, is_active, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $5)";
// What comes later still gets a number of its own, higher than all that were ever given.
const MOVE_NUMBERS: &str = "
    SELECT setval('categories_id_seq', greatest($1, (SELECT last_value FROM categories_id_seq)))";

async fn write_categories(db: &Db, categories: &[NewCategory], now: Timestamp) -> Result<(), StoreError> {
    let mut highest = 1;
    for (id, new) in (1_i64..).zip(categories) {
        let values = params![id, &new.name, &new.description, new.is_active, now.micros()];
        db.run(ADD_CATEGORY, values).await?;
        highest = id;
    }
    db.one(MOVE_NUMBERS, params![highest], |row| row.int(0)).await?;
    Ok(())
}

// Numbers are given in the order of the rows.
const ADD_SLIPPERS: &str = "
    INSERT INTO slippers
        (name, name_key, size, size_key, price_minor, quantity, image, category_id, created_at, updated_at)
    SELECT name, name_key, size, size_key, price_minor, quantity, image, category_id, $9, $9
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY
        AS new (name, name_key, size, size_key, price_minor, quantity, image, category_id, place)
    ORDER BY place
    RETURNING id";
const ADD_IMAGES: &str = "
    INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)
    SELECT slipper_id, path, order_index = 0, order_index, $4
    FROM unnest($1, $2, $3) AS new (slipper_id, path, order_index)";

/// Grams that are not written yet, each with the numbers of its products.
type Pending = BTreeMap<String, Vec<i64>>;

async fn write_slippers(
    db: &Db,
    batch: &[StockedSlipper],
    pending: &mut Pending,
    now: Timestamp,
) -> Result<(), StoreError> {
    let keys: Vec<(String, String)> =
        batch.iter().map(|new| (fold(&new.slipper.name), fold(&new.slipper.size))).collect();
    let goods = || batch.iter().map(|new| &new.slipper);
    let values = params![
        goods().map(|new| new.name.as_str()).collect::<Vec<_>>(),
        keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        goods().map(|new| new.size.as_str()).collect::<Vec<_>>(),
        keys.iter().map(|(_, size)| size.as_str()).collect::<Vec<_>>(),
        goods().map(|new| new.price.minor()).collect::<Vec<_>>(),
        goods().map(|new| new.quantity).collect::<Vec<_>>(),
        batch.iter().map(|new| new.images.first().map_or("", String::as_str)).collect::<Vec<_>>(),
        goods().map(|new| new.category.map(CategoryId::get)).collect::<Vec<_>>(),
        now.micros(),
    ];
    let mut ids = db.all(ADD_SLIPPERS, values, |row| row.int(0)).await?;
    ids.sort_unstable();
    write_images(db, batch, &ids, now).await?;
    for ((name_key, size_key), id) in keys.iter().zip(ids) {
        let mut all = parts(name_key);
        all.extend(parts(size_key));
        for gram in all {
            match pending.get_mut(gram) {
                Some(ids) => ids.push(id),
                None => {
                    pending.insert(gram.to_owned(), vec![id]);
                }
            }
        }
    }
    Ok(())
}

async fn write_images(
    db: &Db,
    batch: &[StockedSlipper],
    ids: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let (mut slippers, mut paths, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (new, id) in batch.iter().zip(ids) {
        for (place, path) in (0_i64..).zip(&new.images) {
            slippers.push(*id);
            paths.push(path.as_str());
            places.push(place);
        }
    }
    db.run(ADD_IMAGES, params![slippers, paths, places, now.micros()]).await?;
    Ok(())
}

const ADD_GRAMS: &str = "
    INSERT INTO slipper_grams (gram, slipper_id)
    SELECT gram, slipper_id FROM unnest($1, $2) AS new (gram, slipper_id)";

/// Rows of one statement, or of one gram if it has more: most grams have few.
const ROWS: usize = 10_000;

async fn write_grams(db: &Db, pending: Pending) -> Result<(), StoreError> {
    let (mut grams, mut slippers) = (Vec::new(), Vec::new());
    for (gram, ids) in &pending {
        grams.extend(std::iter::repeat_n(gram.as_str(), ids.len()));
        slippers.extend_from_slice(ids);
        if slippers.len() >= ROWS {
            db.run(ADD_GRAMS, params![mem::take(&mut grams), mem::take(&mut slippers)]).await?;
        }
    }
    if !slippers.is_empty() {
        db.run(ADD_GRAMS, params![grams, slippers]).await?;
    }
    Ok(())
}
