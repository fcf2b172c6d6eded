//! Passwords that wait.

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::accounts::{
    CodeHash, NewReset, PendingReset, RESET_SECONDS, ResetStore, ResetVerdict, User, WaitingReset,
    judge_reset,
};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{ResetId, Timestamp, UserId};

use super::{END_SESSIONS, read_user, user_columns};
use crate::audit;
use crate::db::Db;
use crate::store::SqliteStore;

#[async_trait]
impl ResetStore for SqliteStore {
    async fn request_reset(
        &self,
        name: &str,
        reset: NewReset,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let name = name.to_owned();
        self.writer.run(move |db| request_reset(db, &name, &reset, now)).await
    }

    async fn confirm_reset(&self, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer.run(move |db| confirm_reset(db, &name, code, now)).await
    }

    async fn leave_reset_to_admins(
        &self,
        user: UserId,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |db| Ok(db.run(LEAVE_TO_ADMINS, (user.get(), code.as_bytes(), now.micros()))? > 0))
            .await
    }

    async fn list_resets(&self, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError> {
        self.readers.read(|db| list_resets(db, max, now))
    }

    async fn approve_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.run(move |db| approve_reset(db, reset, by, now)).await
    }

    async fn refuse_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.run(move |db| refuse_reset(db, reset, by, now)).await
    }

    async fn sweep_resets(&self, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.writer
            .run(move |db| {
                let swept = db.run(SWEEP, (now.micros(), limit.max(0)))?;
                Ok(u64::try_from(swept).unwrap_or(u64::MAX))
            })
            .await
    }
}

const FIND_WAITING: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", r.for_admins = 0, r.tries_left, r.codes_sent, r.expires_at \
     FROM users u LEFT JOIN password_resets r ON r.user_id = u.id WHERE u.name = ?1 AND u.is_admin = 0 AND u.wiped_at IS NULL"
);
// A new number each time: REPLACE takes the old row away first.
const STORE: &str = "
    INSERT OR REPLACE INTO password_resets
        (user_id, password_hash, code_hash, tries_left, codes_sent, created_at, expires_at, for_admins)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?3 IS NULL)";

fn request_reset(
    db: &Db<'_>,
    name: &str,
    reset: &NewReset,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    let found = db.first(FIND_WAITING, [name], |row| {
        let waiting = match row.get::<Option<i64>>(8)? {
            None => None,
            Some(tries_left) => Some(WaitingReset {
                has_code: row.flag(7)?,
                tries_left,
                codes_sent: row.int(9)?,
                expires_at: row.time(10)?,
            }),
        };
        Ok((read_user(row)?, waiting))
    })?;
    let Some((user, waiting)) = found else { return Ok(None) };
    match judge_reset(waiting.as_ref(), reset.code.is_some(), now) {
        ResetVerdict::Keep => Ok(None),
        ResetVerdict::Store { tries_left, codes_sent } => {
            let code = reset.code.as_ref().map(CodeHash::as_bytes);
            let until = now.plus_seconds(RESET_SECONDS).micros();
            let password = reset.password.as_str();
            db.run(STORE, (user.id.get(), password, code, tries_left, codes_sent, now.micros(), until))?;
            Ok(Some(user))
        }
    }
}

const FIND_CODE: &str = "
    SELECT r.id, r.user_id, r.password_hash, r.code_hash
    FROM users u JOIN password_resets r ON r.user_id = u.id
    WHERE u.name = ?1 AND u.is_admin = 0 AND u.wiped_at IS NULL AND r.code_hash IS NOT NULL AND r.tries_left > 0 AND r.expires_at > ?2";
const USE_TRY: &str = "UPDATE password_resets SET tries_left = tries_left - 1 WHERE id = ?1";

fn confirm_reset(db: &Db<'_>, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
    let found = db.first(FIND_CODE, (name, now.micros()), |row| {
        Ok((row.int(0)?, row.int(1)?, row.text(2)?, CodeHash::new(row.get(3)?)))
    })?;
    let Some((reset, user, password, expected)) = found else { return Ok(false) };
    if code != expected {
        db.run(USE_TRY, [reset])?;
        return Ok(false);
    }
    make_real(db, reset, user, &password, now)?;
    Ok(true)
}

const USE_UP: &str = "DELETE FROM password_resets WHERE id = ?1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1";

fn make_real(db: &Db<'_>, reset: i64, user: i64, password: &str, now: Timestamp) -> Result<(), StoreError> {
    db.run(USE_UP, [reset])?;
    db.run(SET_PASSWORD, (user, password, now.micros()))?;
    db.run(END_SESSIONS, (user, now.micros()))?;
    Ok(())
}

const LEAVE_TO_ADMINS: &str = "
    UPDATE password_resets SET for_admins = 1 WHERE user_id = ?1 AND code_hash = ?2 AND expires_at > ?3";

const LIST: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", r.id, r.created_at, r.expires_at FROM password_resets r JOIN users u ON u.id = r.user_id \
     WHERE r.for_admins = 1 AND r.expires_at > ?1 AND u.is_admin = 0 AND u.wiped_at IS NULL ORDER BY r.id LIMIT ?2"
);

fn list_resets(db: &Db<'_>, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError> {
    db.all(LIST, (now.micros(), max.max(0)), |row| {
        Ok(PendingReset {
            id: ResetId::new(row.int(7)?),
            user: read_user(row)?,
            created_at: row.time(8)?,
            expires_at: row.time(9)?,
        })
    })
}

const FIND_FOR_ADMIN: &str = "
    SELECT r.user_id, r.password_hash FROM password_resets r JOIN users u ON u.id = r.user_id
    WHERE r.id = ?1 AND r.for_admins = 1 AND r.expires_at > ?2 AND u.is_admin = 0 AND u.wiped_at IS NULL";

fn approve_reset(db: &Db<'_>, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let found =
        db.first(FIND_FOR_ADMIN, (reset.get(), now.micros()), |row| Ok((row.int(0)?, row.text(1)?)))?;
    let Some((user, password)) = found else { return Ok(false) };
    make_real(db, reset.get(), user, &password, now)?;
    audit::record(db, &Entry::reset_approved(By::Admin(by), UserId::new(user), reset), now)?;
    Ok(true)
}

const REFUSE: &str = "
    DELETE FROM password_resets WHERE id = ?1 AND for_admins = 1 AND expires_at > ?2 RETURNING user_id";

fn refuse_reset(db: &Db<'_>, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let user = db.first(REFUSE, (reset.get(), now.micros()), |row| row.int(0))?;
    let Some(user) = user else { return Ok(false) };
    audit::record(db, &Entry::reset_refused(By::Admin(by), UserId::new(user), reset), now)?;
    Ok(true)
}

const SWEEP: &str = "
    DELETE FROM password_resets
    WHERE id IN (SELECT id FROM password_resets WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
