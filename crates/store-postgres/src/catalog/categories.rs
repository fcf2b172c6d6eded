//! Categories.

use slippers_core::audit::{By, Entry};
use slippers_core::catalog::{CatalogError, Category, CategoryChange, NewCategory};
use slippers_core::types::{CategoryId, Timestamp};
use slippers_core::{Change, Constraint, StoreError};

use crate::audit;
use crate::db::{Cells, Db};
use crate::params::params;

const LIST: &str = "
    SELECT id, name, description, is_active, created_at, updated_at
    FROM categories ORDER BY id LIMIT $2 OFFSET $1";

pub(super) async fn list(db: &Db, skip: i64, limit: i64) -> Result<Vec<Category>, StoreError> {
    // A negative one would be an error.
    db.all(LIST, params![skip.max(0), limit.max(0)], read_category).await
}

const FIND: &str = "
    SELECT id, name, description, is_active, created_at, updated_at
    FROM categories WHERE id = $1";

pub(super) async fn find(db: &Db, id: CategoryId) -> Result<Option<Category>, StoreError> {
    db.first(FIND, params![id.get()], read_category).await
}

const CREATE: &str = "
    INSERT INTO categories (name, description, is_active, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $4) RETURNING id";

pub(super) async fn create(
    db: &Db,
    new: &NewCategory,
    by: By,
    now: Timestamp,
) -> Result<Category, CatalogError> {
    let values = params![&new.name, &new.description, new.is_active, now.micros()];
    let id = db.one(CREATE, values, |row| row.int(0)).await.map_err(name_taken)?;
    let id = CategoryId::new(id);
    db.note(Change::Category(id));
    audit::record(db, &Entry::category_created(by, id, new), now).await?;
    Ok(Category {
        id,
        name: new.name.clone(),
        description: new.description.clone(),
        is_active: new.is_active,
        created_at: now,
        updated_at: now,
    })
}

const FIND_TO_CHANGE: &str = "
    SELECT id, name, description, is_active, created_at, updated_at
    FROM categories WHERE id = $1 FOR NO KEY UPDATE";
const UPDATE: &str = "
    UPDATE categories SET name = $2, description = $3, is_active = $4, updated_at = $5
    WHERE id = $1";

pub(super) async fn update(
    db: &Db,
    id: CategoryId,
    change: &CategoryChange,
    by: By,
    now: Timestamp,
) -> Result<Category, CatalogError> {
    let present = db
        .first(FIND_TO_CHANGE, params![id.get()], read_category)
        .await?
        .ok_or(CatalogError::CategoryNotFound)?;
    let next = Category {
        name: change.name.clone().unwrap_or(present.name),
        description: change.description.clone().unwrap_or(present.description),
        is_active: change.is_active.unwrap_or(present.is_active),
        updated_at: now,
        ..present
    };
    let values = params![id.get(), &next.name, &next.description, next.is_active, now.micros()];
    db.run(UPDATE, values).await.map_err(name_taken)?;
    db.note(Change::Category(id));
    audit::record(db, &Entry::category_updated(by, id, change), now).await?;
    Ok(next)
}

/// Products that lose their category in one transaction, and for so long can't be bought.
const PART: u64 = 1000;
const LOCK: &str = "SELECT id FROM categories WHERE id = $1 FOR UPDATE";
// In the order of their numbers, as everywhere.
const DETACH: &str = "
    WITH part AS MATERIALIZED (
        SELECT id FROM slippers WHERE category_id = $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE
    )
    UPDATE slippers SET category_id = NULL FROM part WHERE slippers.id = part.id";
const COUNT_DETACHED: &str = "UPDATE categories SET slipper_count = slipper_count - $2 WHERE id = $1";
const DELETE: &str = "DELETE FROM categories WHERE id = $1";

/// Takes a part of the products out of a category, and with the last of them the category away; answers whether it is
/// done.
pub(super) async fn delete_part(
    db: &Db,
    id: CategoryId,
    by: By,
    now: Timestamp,
) -> Result<bool, CatalogError> {
    // From here on no product comes in.
    if db.run(LOCK, params![id.get()]).await? == 0 {
        return Err(CatalogError::CategoryNotFound);
    }
    let part = i64::try_from(PART).unwrap_or(i64::MAX);
    if db.run(DETACH, params![id.get(), part]).await? == PART {
        db.run(COUNT_DETACHED, params![id.get(), part]).await?;
        db.note(Change::Category(id));
        return Ok(false);
    }
    db.run(DELETE, params![id.get()]).await?;
    db.note(Change::Category(id));
    audit::record(db, &Entry::category_deleted(by, id), now).await?;
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
