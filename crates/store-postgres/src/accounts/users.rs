//! Users: listed, changed and deleted.

use futures_util::future::{try_join3, try_join5};
use slippers_core::accounts::rules::decide_user_change;
use slippers_core::accounts::{AccountError, PasswordChange, PasswordHash, ProfileChange, User, UserChange};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::search::{self, Keys};
use super::{count, read_user, refuse_taken, sessions, taken, user_columns};
use crate::audit;
use crate::db::Db;
use crate::params::params;

const FIND: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1 AND u.wiped_at IS NULL");

pub(super) async fn find(db: &Db, id: UserId) -> Result<Option<User>, StoreError> {
    db.first(FIND, params![id.get()], read_user).await
}

const LOCK: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1 AND u.wiped_at IS NULL FOR UPDATE");

/// A user whom nobody else changes until the verb is over.
async fn lock(db: &Db, id: UserId) -> Result<User, AccountError> {
    db.first(LOCK, params![id.get()], read_user).await?.ok_or(AccountError::NotFound)
}

const PASSWORD: &str = "SELECT password_hash FROM users WHERE id = $1 AND wiped_at IS NULL";

pub(super) async fn password(db: &Db, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
    db.first(PASSWORD, params![id.get()], |row| row.text(0).map(PasswordHash::new)).await
}

pub(super) async fn update_profile(
    db: &Db,
    id: UserId,
    change: &ProfileChange,
    now: Timestamp,
) -> Result<User, AccountError> {
    let before = lock(db, id).await?;
    if let Some(password) = &change.password {
        change_password(db, id, password, now).await?;
    }
    let after = User {
        name: change.name.as_ref().unwrap_or(&before.name).clone(),
        surname: change.surname.as_ref().unwrap_or(&before.surname).clone(),
        phone: change.phone.as_ref().unwrap_or(&before.phone).clone(),
        updated_at: now,
        ..before
    };
    write(db, &before, after).await
}

const CHANGE_PASSWORD: &str = "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3";

async fn change_password(
    db: &Db,
    id: UserId,
    change: &PasswordChange,
    now: Timestamp,
) -> Result<(), AccountError> {
    let values = params![id.get(), change.next.as_str(), change.present.as_str()];
    if db.run(CHANGE_PASSWORD, values).await? == 0 {
        return Err(AccountError::PasswordMoved);
    }
    Ok(sessions::end_others(db, id, change.session, now).await?)
}

pub(super) async fn update(
    db: &Db,
    id: UserId,
    change: &UserChange,
    by: UserId,
    now: Timestamp,
) -> Result<User, AccountError> {
    let before = lock(db, id).await?;
    let is_admin = change.is_admin.unwrap_or(before.is_admin);
    let admins = admins(db, before.is_admin != is_admin).await?;
    decide_user_change(by, id, before.is_admin && !is_admin, admins)?;
    let after = User {
        name: change.name.as_ref().unwrap_or(&before.name).clone(),
        surname: change.surname.as_ref().unwrap_or(&before.surname).clone(),
        phone: change.phone.as_ref().unwrap_or(&before.phone).clone(),
        is_admin,
        updated_at: now,
        ..before
    };
    let after = write(db, &before, after).await?;
    audit::record(db, &Entry::user_updated(By::Admin(by), id, change), now).await?;
    Ok(after)
}

const ADMINS: &str = "SELECT value FROM shop_counters WHERE name = 'admins'";
// Two admins who demote each other at once: the second counts when the first is done.
const ADMINS_THAT_STAY: &str = "SELECT value FROM shop_counters WHERE name = 'admins' FOR UPDATE";

/// How many run the shop; with `must_stay` until the verb is over.
async fn admins(db: &Db, must_stay: bool) -> Result<i64, StoreError> {
    db.one(if must_stay { ADMINS_THAT_STAY } else { ADMINS }, params![], |row| row.int(0)).await
}

const UPDATE: &str = "
    UPDATE users
    SET name = $2, name_key = $3, surname = $4, surname_key = $5, phone_number = $6, is_admin = $7, updated_at = $8
    WHERE id = $1";

/// Writes a user who was changed, and everything that follows from it.
async fn write(db: &Db, before: &User, after: User) -> Result<User, AccountError> {
    let id = after.id.get();
    db.note(Change::User(after.id));
    refuse_taken(db, &after.name, &after.phone, id).await?;
    let (old, new) = (Keys::of(before), Keys::of(&after));
    let values = params![
        id,
        &after.name,
        &new.name,
        &after.surname,
        &new.surname,
        after.phone.as_str(),
        after.is_admin,
        after.updated_at.micros(),
    ];
    db.run(UPDATE, values).await.map_err(taken)?;
    if old != new {
        search::remove(db, id, &old).await?;
        search::add(db, id, &new).await?;
    }
    if before.is_admin != after.is_admin {
        count(db, 0, if after.is_admin { 1 } else { -1 }).await?;
    }
    Ok(after)
}

// What refers to a user and must outlive them.
const IS_REFERRED_TO: &str = "
    SELECT EXISTS (SELECT 1 FROM orders WHERE user_id = $1) OR EXISTS (SELECT 1 FROM payments WHERE recorded_by = $1)
        OR EXISTS (SELECT 1 FROM refunds WHERE begun_by = $1)";
// The foreign keys take sessions, the cart and idempotency keys.
const DELETE: &str = "DELETE FROM users WHERE id = $1";
const WIPE: &str = "
    UPDATE users
    SET name = $2, name_key = '', surname = '', surname_key = '', phone_number = $3, password_hash = '', is_admin = FALSE,
        wiped_at = $4, updated_at = $4
    WHERE id = $1";
const WIPE_SESSIONS: &str = "DELETE FROM sessions WHERE user_id = $1";
const WIPE_CART: &str = "DELETE FROM carts WHERE user_id = $1";
const WIPE_KEYS: &str = "DELETE FROM idempotency_keys WHERE user_id = $1";
const WIPE_RESET: &str = "DELETE FROM password_resets WHERE user_id = $1";

pub(super) async fn delete(db: &Db, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError> {
    let user = lock(db, id).await?;
    db.note(Change::User(id));
    decide_user_change(by, id, user.is_admin, admins(db, user.is_admin).await?)?;
    let entry = Entry::user_deleted(By::Admin(by), id);
    let (keys, user_id) = (Keys::of(&user), id.get());
    try_join3(
        search::remove(db, user_id, &keys),
        count(db, -1, -i64::from(user.is_admin)),
        audit::record(db, &entry, now),
    )
    .await?;
    if !db.one(IS_REFERRED_TO, params![user_id], |row| row.flag(0)).await? {
        db.run(DELETE, params![user_id]).await?;
        return Ok(());
    }
    let (name, phone) = nobody(id);
    try_join5(
        db.run(WIPE, params![user_id, name, phone, now.micros()]),
        db.run(WIPE_SESSIONS, params![user_id]),
        db.run(WIPE_CART, params![user_id]),
        db.run(WIPE_KEYS, params![user_id]),
        db.run(WIPE_RESET, params![user_id]),
    )
    .await?;
    Ok(())
}

/// A name and a phone that nobody else has or can get: the one is longer than any name, the other is no phone.
fn nobody(id: UserId) -> (String, String) {
    (format!("deleted user {id:0>100}"), format!("deleted user {id}"))
}

#[cfg(test)]
mod tests {
    use slippers_core::types::Phone;

    use super::*;

    #[test]
    fn nobody_can_be_called_like_a_deleted_user() {
        let (name, phone) = nobody(UserId::new(7));
        assert!(name.chars().count() > 100 && name.ends_with("007"));
        assert!(Phone::parse(&phone).is_err());
        assert!(nobody(UserId::new(70)).0 != name && nobody(UserId::new(i64::MAX)).0.chars().count() > 100);
    }
}
