//! Categories.

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::{CatalogError, Category, CategoryChange, NewCategory};
use slippers_core::types::{CategoryId, Timestamp};
use slippers_core::{Constraint, StoreError};

use crate::audit;
use crate::db::{Cells, Db};

const LIST: &str = "
    SELECT id, name, description, is_active, created_at, updated_at
    FROM categories ORDER BY id LIMIT ?2 OFFSET ?1";

pub(super) fn list(db: &Db<'_>, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError> {
    // A negative LIMIT would mean none.
    db.all(LIST, (skip.max(0), limit.max(0)), read_category)
}

const FIND: &str = "
    SELECT id, name, description, is_active, created_at, updated_at
    FROM categories WHERE id = ?1";

pub(super) fn find(db: &Db<'_>, id: CategoryId) -> Result<Option<Category>, StoreError> {
    db.first(FIND, [id.get()], read_category)
}

const CREATE: &str = "
    INSERT INTO categories (name, description, is_active, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?4)";

pub(super) fn create(
    db: &Db<'_>,
    new: &NewCategory,
    by: By,
    now: Timestamp,
) -> Result<Category, CatalogError> {
    let values = (&new.name, &new.description, new.is_active, now.micros());
    let id = CategoryId::new(db.insert(CREATE, values).map_err(name_taken)?);
    audit::record(db, &Entry::category_created(by, id, new), now)?;
    Ok(Category {
        id,
        name: new.name.clone(),
        description: new.description.clone(),
        is_active: new.is_active,
        created_at: now,
        updated_at: now,
    })
}

const UPDATE: &str = "
    UPDATE categories SET name = ?2, description = ?3, is_active = ?4, updated_at = ?5
    WHERE id = ?1";

pub(super) fn update(
    db: &Db<'_>,
    id: CategoryId,
    change: &CategoryChange,
    by: By,
    now: Timestamp,
) -> Result<Category, CatalogError> {
    let present = find(db, id)?.ok_or(CatalogError::CategoryNotFound)?;
    let next = Category {
        name: change.name.clone().unwrap_or(present.name),
        description: change.description.clone().unwrap_or(present.description),
        is_active: change.is_active.unwrap_or(present.is_active),
        updated_at: now,
        ..present
    };
    let values = (id.get(), &next.name, &next.description, next.is_active, now.micros());
    db.run(UPDATE, values).map_err(name_taken)?;
    audit::record(db, &Entry::category_updated(by, id, change), now)?;
    Ok(next)
}

/// Products that lose their category in one transaction: each costs some 4 µs in four indexes, and all writers wait.
const PART: i64 = 1000;
const DETACH: &str = "
    UPDATE slippers SET category_id = NULL
    WHERE id IN (SELECT id FROM slippers WHERE category_id = ?1 ORDER BY id LIMIT ?2)";
const COUNT_DETACHED: &str = "UPDATE categories SET slipper_count = slipper_count - ?2 WHERE id = ?1";
const DELETE: &str = "DELETE FROM categories WHERE id = ?1";

/// Takes a part of the products out of a category, and with the last of them the category away; answers whether it is
/// done.
pub(super) fn delete_part(db: &Db<'_>, id: CategoryId, by: By, now: Timestamp) -> Result<bool, CatalogError> {
    if i64::try_from(db.run(DETACH, (id.get(), PART))?) == Ok(PART) {
        db.run(COUNT_DETACHED, (id.get(), PART))?;
        return Ok(false);
    }
    if db.run(DELETE, [id.get()])? == 0 {
        return Err(CatalogError::CategoryNotFound);
    }
    audit::record(db, &Entry::category_deleted(by, id), now)?;
    Ok(true)
}

fn name_taken(error: StoreError) -> CatalogError {
    match error {
        StoreError::Conflict(Constraint::CategoryName) => CatalogError::CategoryNameTaken,
        other => other.into(),
    }
}

fn read_category(row: &Cells<'_>) -> Result<Category, StoreError> {
    Ok(Category {
        id: CategoryId::new(row.int(0)?),
        name: row.text(1)?,
        description: row.get(2)?,
        is_active: row.flag(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}
