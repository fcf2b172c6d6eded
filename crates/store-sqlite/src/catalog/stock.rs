//! Filling an empty catalogue.

use std::collections::BTreeMap;

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::search::{fold, parts};
use slippers_core::catalog::{Assortment, CatalogError, NewCategory, StockedSlipper};
use slippers_core::types::{CategoryId, Timestamp};
use slippers_core::{Change, StoreError};

use crate::audit;
use crate::db::{Db, Prepared};

/// Told to [`Assortment::progress`] every so many products.
const PROGRESS_EVERY: u64 = 1_000;
/// The grams of so many products are kept in memory (a few MB) and written in order: one by one they would touch a
/// thousand places of the index for every product.
const GRAMS_EVERY: u64 = 20_000;
/// The page cache during the import, in KiB, as far as it is needed: the indexes of a million products stay in it while
/// they are filled in no order.
const IMPORT_CACHE_KIB: i64 = 524_288;
const USUAL_CACHE_KIB: i64 = 16_384;

const IS_EMPTY: &str = "
    SELECT NOT EXISTS (SELECT 1 FROM categories) AND NOT EXISTS (SELECT 1 FROM slippers)";

pub(super) fn fill(db: &Db<'_>, goods: &dyn Assortment, now: Timestamp) -> Result<(), CatalogError> {
    if !db.one(IS_EMPTY, [], |row| row.flag(0))? {
        return Err(CatalogError::NotEmpty);
    }
    db.pragma("cache_size", -IMPORT_CACHE_KIB)?;
    let filled = write_all(db, goods, now);
    // Also after a failure; that the cache stays large for once would be no reason to fail.
    let _ = db.pragma("cache_size", -USUAL_CACHE_KIB);
    Ok(filled?)
}

const COUNT_IN_CATEGORIES: &str = "
    UPDATE categories
    SET slipper_count = (SELECT count(*) FROM slippers WHERE slippers.category_id = categories.id)";
const COUNT_IN_SHOP: &str = "UPDATE shop_counters SET value = ?1 WHERE name = 'slippers'";
const REBUILD_SEARCH: &str = "INSERT INTO slipper_search (slipper_search) VALUES ('rebuild')";
/// Makes one of the parts that the index was written in, each of which would be asked for each three letters of a search: 23 us
/// for a word that nothing has become 13 (300,000 products, 0.4 s).
const MERGE_SEARCH: &str = "INSERT INTO slipper_search (slipper_search) VALUES ('optimize')";

fn write_all(db: &Db<'_>, goods: &dyn Assortment, now: Timestamp) -> Result<(), StoreError> {
    write_categories(db, &goods.categories(), now)?;
    let mut import = Import::new(db, now)?;
    let mut written = 0;
    while written < goods.len() {
        import.write(&goods.slipper(written))?;
        written += 1;
        if written.is_multiple_of(GRAMS_EVERY) {
            import.write_grams()?;
        }
        if written.is_multiple_of(PROGRESS_EVERY) || written == goods.len() {
            goods.progress(written);
        }
    }
    import.write_grams()?;
    db.run(REBUILD_SEARCH, [])?;
    db.run(MERGE_SEARCH, [])?;
    db.run(COUNT_IN_CATEGORIES, [])?;
    db.note(Change::Catalog);
    let written = i64::try_from(written).unwrap_or(i64::MAX);
    db.run(COUNT_IN_SHOP, [written])?;
    audit::record(db, &Entry::catalog_stocked(By::CommandLine, written), now)
}

// With its number given: it starts at 1 whatever was there once, and what comes later still gets a number of its own,
// since AUTOINCREMENT remembers the highest of all.
const ADD_CATEGORY: &str = "
    INSERT INTO categories (id, name, description, is_active, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?5)";

fn write_categories(db: &Db<'_>, categories: &[NewCategory], now: Timestamp) -> Result<(), StoreError> {
    for (id, new) in (1_i64..).zip(categories) {
        db.run(ADD_CATEGORY, (id, &new.name, &new.description, new.is_active, now.micros()))?;
    }
    Ok(())
}

const ADD_SLIPPER: &str = "
    INSERT INTO slippers
        (name, name_key, size, size_key, price_minor, quantity, image, category_id, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)";
const ADD_IMAGE: &str = "
    INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const ADD_GRAM: &str = "INSERT INTO slipper_grams (gram, slipper_id) VALUES (?1, ?2)";

/// An import under way.
struct Import<'d> {
    slippers: Prepared<'d>,
    images: Prepared<'d>,
    grams: Prepared<'d>,
    /// Grams that are not written yet, each with the numbers of its products, which only grow.
    pending: BTreeMap<String, Vec<i64>>,
    now: Timestamp,
}

impl<'d> Import<'d> {
    fn new(db: &'d Db<'_>, now: Timestamp) -> Result<Self, StoreError> {
        Ok(Self {
            slippers: db.prepare(ADD_SLIPPER)?,
            images: db.prepare(ADD_IMAGE)?,
            grams: db.prepare(ADD_GRAM)?,
            pending: BTreeMap::new(),
            now,
        })
    }

    fn write(&mut self, stocked: &StockedSlipper) -> Result<(), StoreError> {
        let new = &stocked.slipper;
        let (name_key, size_key) = (fold(&new.name), fold(&new.size));
        let id = self.slippers.insert((
            &new.name,
            &name_key,
            &new.size,
            &size_key,
            new.price.minor(),
            new.quantity,
            stocked.images.first().map_or("", String::as_str),
            new.category.map(CategoryId::get),
            self.now.micros(),
        ))?;
        for (place, path) in (0_i64..).zip(&stocked.images) {
            self.images.insert((id, path, place == 0, place, self.now.micros()))?;
        }
        let mut all = parts(&name_key);
        all.extend(parts(&size_key));
        for gram in all {
            match self.pending.get_mut(gram) {
                Some(ids) => ids.push(id),
                None => {
                    self.pending.insert(gram.to_owned(), vec![id]);
                }
            }
        }
        Ok(())
    }

    fn write_grams(&mut self) -> Result<(), StoreError> {
        for (gram, ids) in std::mem::take(&mut self.pending) {
            for id in ids {
                self.grams.insert((&gram, id))?;
            }
        }
        Ok(())
    }
}
