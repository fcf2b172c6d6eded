//! Users: listed, changed and deleted.

use slippers_core::accounts::rules::decide_user_change;
use slippers_core::accounts::{AccountError, PasswordChange, PasswordHash, ProfileChange, User, UserChange};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::search::{self, Keys};
use super::{count, read_user, refuse_taken, taken, user_columns};
use crate::audit;
use crate::db::Db;

const FIND: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = ?1 AND u.wiped_at IS NULL");

pub(super) fn find(db: &Db<'_>, id: UserId) -> Result<Option<User>, StoreError> {
    db.first(FIND, [id.get()], read_user)
}

const PASSWORD: &str = "SELECT password_hash FROM users WHERE id = ?1 AND wiped_at IS NULL";

pub(super) fn password(db: &Db<'_>, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
    db.first(PASSWORD, [id.get()], |row| row.text(0).map(PasswordHash::new))
}

pub(super) fn update_profile(
    db: &Db<'_>,
    id: UserId,
    change: &ProfileChange,
    now: Timestamp,
) -> Result<User, AccountError> {
    let before = find(db, id)?.ok_or(AccountError::NotFound)?;
    if let Some(password) = &change.password {
        change_password(db, id, password, now)?;
    }
    let after = User {
        name: change.name.as_ref().unwrap_or(&before.name).clone(),
        surname: change.surname.as_ref().unwrap_or(&before.surname).clone(),
        phone: change.phone.as_ref().unwrap_or(&before.phone).clone(),
        updated_at: now,
        ..before
    };
    write(db, &before, after)
}

const CHANGE_PASSWORD: &str = "UPDATE users SET password_hash = ?2 WHERE id = ?1 AND password_hash = ?3";
const END_OTHER_SESSIONS: &str =
    "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND id <> ?3 AND ended_at IS NULL";

fn change_password(
    db: &Db<'_>,
    id: UserId,
    change: &PasswordChange,
    now: Timestamp,
) -> Result<(), AccountError> {
    if db.run(CHANGE_PASSWORD, (id.get(), change.next.as_str(), change.present.as_str()))? == 0 {
        return Err(AccountError::PasswordMoved);
    }
    db.run(END_OTHER_SESSIONS, (id.get(), now.micros(), change.session.as_bytes()))?;
    Ok(())
}

pub(super) fn update(
    db: &Db<'_>,
    id: UserId,
    change: &UserChange,
    by: UserId,
    now: Timestamp,
) -> Result<User, AccountError> {
    let before = find(db, id)?.ok_or(AccountError::NotFound)?;
    let is_admin = change.is_admin.unwrap_or(before.is_admin);
    decide_user_change(by, id, before.is_admin && !is_admin, admins(db)?)?;
    let after = User {
        name: change.name.as_ref().unwrap_or(&before.name).clone(),
        surname: change.surname.as_ref().unwrap_or(&before.surname).clone(),
        phone: change.phone.as_ref().unwrap_or(&before.phone).clone(),
        is_admin,
        updated_at: now,
        ..before
    };
    let after = write(db, &before, after)?;
    audit::record(db, &Entry::user_updated(By::Admin(by), id, change), now)?;
    Ok(after)
}

const ADMINS: &str = "SELECT value FROM shop_counters WHERE name = 'admins'";

fn admins(db: &Db<'_>) -> Result<i64, StoreError> {
    db.one(ADMINS, [], |row| row.int(0))
}

const UPDATE: &str = "
    UPDATE users
    SET name = ?2, name_key = ?3, surname = ?4, surname_key = ?5, phone_number = ?6, is_admin = ?7, updated_at = ?8
    WHERE id = ?1";

/// Writes a user who was changed, and everything that follows from it.
fn write(db: &Db<'_>, before: &User, after: User) -> Result<User, AccountError> {
    db.note(Change::User(after.id));
    let id = after.id.get();
    refuse_taken(db, &after.name, &after.phone, id)?;
    let (old, new) = (Keys::of(before), Keys::of(&after));
    if old != new {
        search::remove(db, id, &old)?;
    }
    let phone = after.phone.as_str();
    let time = after.updated_at.micros();
    let values = (id, &after.name, &new.name, &after.surname, &new.surname, phone, after.is_admin, time);
    db.run(UPDATE, values).map_err(taken)?;
    if old != new {
        search::add(db, id, &new)?;
    }
    if before.is_admin != after.is_admin {
        count(db, 0, if after.is_admin { 1 } else { -1 })?;
    }
    Ok(after)
}

// What refers to a user and must outlive them.
const IS_REFERRED_TO: &str = "
    SELECT EXISTS (SELECT 1 FROM orders WHERE user_id = ?1) OR EXISTS (SELECT 1 FROM payments WHERE recorded_by = ?1)
        OR EXISTS (SELECT 1 FROM refunds WHERE begun_by = ?1)";
// The foreign keys take sessions, the cart and idempotency keys.
const DELETE: &str = "DELETE FROM users WHERE id = ?1";
const WIPE: &str = "
    UPDATE users
    SET name = ?2, name_key = '', surname = '', surname_key = '', phone_number = ?3, password_hash = '', is_admin = 0,
        wiped_at = ?4, updated_at = ?4
    WHERE id = ?1";
const WIPE_SESSIONS: &str = "DELETE FROM sessions WHERE user_id = ?1";
const WIPE_CART: &str = "DELETE FROM carts WHERE user_id = ?1";
const WIPE_KEYS: &str = "DELETE FROM idempotency_keys WHERE user_id = ?1";

pub(super) fn delete(db: &Db<'_>, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError> {
    let user = find(db, id)?.ok_or(AccountError::NotFound)?;
    decide_user_change(by, id, user.is_admin, admins(db)?)?;
    db.note(Change::User(id));
    search::remove(db, id.get(), &Keys::of(&user))?;
    count(db, -1, -i64::from(user.is_admin))?;
    audit::record(db, &Entry::user_deleted(By::Admin(by), id), now)?;
    if !db.one(IS_REFERRED_TO, [id.get()], |row| row.flag(0))? {
        db.run(DELETE, [id.get()])?;
        return Ok(());
    }
    let (name, phone) = nobody(id);
    db.run(WIPE, (id.get(), name, phone, now.micros()))?;
    for statement in [WIPE_SESSIONS, WIPE_CART, WIPE_KEYS] {
        db.run(statement, [id.get()])?;
    }
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
