//! Passwords that wait.

use async_trait::async_trait;
use futures_util::future::try_join3;
use slippers_core::StoreError;
use slippers_core::accounts::{
    CodeHash, NewReset, PendingReset, RESET_SECONDS, ResetStore, ResetVerdict, User, WaitingReset,
    judge_reset,
};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{ResetId, Timestamp, UserId};

use super::{read_user, sessions, user_columns};
use crate::audit;
use crate::db::Db;
use crate::params::params;
use crate::pool::Class;
use crate::store::PostgresStore;

#[async_trait]
impl ResetStore for PostgresStore {
    async fn request_reset(
        &self,
        name: &str,
        reset: NewReset,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        self.write((name.to_owned(), reset, now), |db, (name, reset, now)| {
            Box::pin(request_reset(db, name, reset, *now))
        })
        .await
    }

    async fn confirm_reset(&self, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
        self.write((name.to_owned(), code, now), |db, (name, code, now)| {
            Box::pin(confirm_reset(db, name, *code, *now))
        })
        .await
    }

    async fn list_resets(&self, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError> {
        self.read_as(Class::Back, (max, now), |db, (max, now)| Box::pin(list_resets(db, *max, *now))).await
    }

    async fn leave_reset_to_admins(
        &self,
        user: UserId,
        code: CodeHash,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write((user, code, now), |db, (user, code, now)| {
            Box::pin(leave_to_admins(db, *user, *code, *now))
        })
        .await
    }

    async fn approve_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((reset, by, now), |db, (reset, by, now)| Box::pin(approve_reset(db, *reset, *by, *now)))
            .await
    }

    async fn refuse_reset(&self, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
        self.write((reset, by, now), |db, (reset, by, now)| Box::pin(refuse_reset(db, *reset, *by, *now)))
            .await
    }

    async fn sweep_resets(&self, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.sweep((now, limit), |db, (now, limit)| Box::pin(sweep_resets(db, *now, *limit))).await
    }
}

// The lock comes first and in a statement of its own: what waits is read as it is once nobody else can change it.
const LOCK_USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM users u WHERE u.name = $1 AND NOT u.is_admin AND u.wiped_at IS NULL FOR UPDATE"
);
const FIND_WAITING: &str = "
    SELECT NOT for_admins, tries_left, codes_sent, expires_at FROM password_resets WHERE user_id = $1";
const TAKE_AWAY: &str = "DELETE FROM password_resets WHERE user_id = $1";
// A new number each time.
const STORE: &str = "
    INSERT INTO password_resets
        (user_id, password_hash, code_hash, tries_left, codes_sent, created_at, expires_at, for_admins)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $3 IS NULL)";

async fn request_reset(
    db: &Db,
    name: &str,
    reset: &NewReset,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    let Some(user) = db.first(LOCK_USER, params![name], read_user).await? else { return Ok(None) };
    let waiting = db.first(FIND_WAITING, params![user.id.get()], |row| {
        Ok(WaitingReset {
            has_code: row.flag(0)?,
            tries_left: row.int(1)?,
            codes_sent: row.int(2)?,
            expires_at: row.time(3)?,
        })
    });
    match judge_reset(waiting.await?.as_ref(), reset.code.is_some(), now) {
        ResetVerdict::Keep => Ok(None),
        ResetVerdict::Store { tries_left, codes_sent } => {
            let code = reset.code.as_ref().map(|code| &code.as_bytes()[..]);
            let until = now.plus_seconds(RESET_SECONDS).micros();
            let values = params![
                user.id.get(),
                reset.password.as_str(),
                code,
                tries_left,
                codes_sent,
                now.micros(),
                until,
            ];
            // One after the other: of two that go together the one that is prepared already may overtake.
            db.run(TAKE_AWAY, params![user.id.get()]).await?;
            db.run(STORE, values).await?;
            Ok(Some(user))
        }
    }
}

// Whoever waited for the rows sees them as they are then: a code that was used up in between is gone.
const FIND_CODE: &str = "
    SELECT r.id, r.user_id, r.password_hash, r.code_hash
    FROM users u JOIN password_resets r ON r.user_id = u.id
    WHERE u.name = $1 AND NOT u.is_admin AND u.wiped_at IS NULL
      AND r.code_hash IS NOT NULL AND r.tries_left > 0 AND r.expires_at > $2
    FOR UPDATE OF u, r";
const USE_TRY: &str = "UPDATE password_resets SET tries_left = tries_left - 1 WHERE id = $1";

async fn confirm_reset(db: &Db, name: &str, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
    let found = db.first(FIND_CODE, params![name, now.micros()], |row| {
        Ok((row.int(0)?, row.int(1)?, row.text(2)?, code_hash(row.get(3)?)?))
    });
    let Some((reset, user, password, expected)) = found.await? else { return Ok(false) };
    if code != expected {
        db.run(USE_TRY, params![reset]).await?;
        return Ok(false);
    }
    make_real(db, reset, user, &password, now).await?;
    Ok(true)
}

fn code_hash(stored: &[u8]) -> Result<CodeHash, StoreError> {
    let bytes = stored
        .try_into()
        .map_err(|_| StoreError::Corrupt("the digest of a code is not 32 bytes".to_owned()))?;
    Ok(CodeHash::new(bytes))
}

const USE_UP: &str = "DELETE FROM password_resets WHERE id = $1";
const SET_PASSWORD: &str = "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1";

async fn make_real(db: &Db, reset: i64, user: i64, password: &str, now: Timestamp) -> Result<(), StoreError> {
    try_join3(
        db.run(USE_UP, params![reset]),
        db.run(SET_PASSWORD, params![user, password, now.micros()]),
        sessions::end_all(db, UserId::new(user), now),
    )
    .await?;
    Ok(())
}

const LIST: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", r.id, r.created_at, r.expires_at FROM password_resets r JOIN users u ON u.id = r.user_id \
     WHERE r.for_admins AND r.expires_at > $1 AND NOT u.is_admin AND u.wiped_at IS NULL ORDER BY r.id LIMIT $2"
);

async fn list_resets(db: &Db, max: i64, now: Timestamp) -> Result<Vec<PendingReset>, StoreError> {
    db.all(LIST, params![now.micros(), max.max(0)], |row| {
        Ok(PendingReset {
            id: ResetId::new(row.int(7)?),
            user: read_user(row)?,
            created_at: row.time(8)?,
            expires_at: row.time(9)?,
        })
    })
    .await
}

const FIND_FOR_ADMIN: &str = "
    SELECT r.user_id, r.password_hash FROM users u JOIN password_resets r ON u.id = r.user_id
    WHERE r.id = $1 AND r.for_admins AND r.expires_at > $2 AND NOT u.is_admin AND u.wiped_at IS NULL
    FOR UPDATE OF u, r";

async fn approve_reset(db: &Db, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let values = params![reset.get(), now.micros()];
    let found = db.first(FIND_FOR_ADMIN, values, |row| Ok((row.int(0)?, row.text(1)?)));
    let Some((user, password)) = found.await? else { return Ok(false) };
    make_real(db, reset.get(), user, &password, now).await?;
    audit::record(db, &Entry::reset_approved(By::Admin(by), UserId::new(user), reset), now).await?;
    Ok(true)
}

const REFUSE: &str =
    "DELETE FROM password_resets WHERE id = $1 AND for_admins AND expires_at > $2 RETURNING user_id";

async fn refuse_reset(db: &Db, reset: ResetId, by: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let user = db.first(REFUSE, params![reset.get(), now.micros()], |row| row.int(0)).await?;
    let Some(user) = user else { return Ok(false) };
    audit::record(db, &Entry::reset_refused(By::Admin(by), UserId::new(user), reset), now).await?;
    Ok(true)
}

const LEAVE_TO_ADMINS: &str =
    "UPDATE password_resets SET for_admins = TRUE WHERE user_id = $1 AND code_hash = $2 AND expires_at > $3";

async fn leave_to_admins(db: &Db, user: UserId, code: CodeHash, now: Timestamp) -> Result<bool, StoreError> {
    let values = params![user.get(), &code.as_bytes()[..], now.micros()];
    Ok(db.run(LEAVE_TO_ADMINS, values).await? > 0)
}

const SWEEP: &str = "
    DELETE FROM password_resets
    WHERE id IN (
        SELECT id FROM password_resets WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

async fn sweep_resets(db: &Db, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    db.run(SWEEP, params![now.micros(), limit.max(0)]).await
}
