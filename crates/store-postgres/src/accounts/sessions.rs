//! Sessions and their refresh tokens.

use futures_util::future::try_join;
use slippers_core::accounts::rules::{PresentedToken, RefreshVerdict, judge_refresh};
use slippers_core::accounts::{
    AccountError, NewSession, PasswordHash, RefreshHash, RefreshToken, Rotation, SessionId, User,
};
use slippers_core::types::{Timestamp, UserId};
use slippers_core::{Change, StoreError};

use super::{read_user, user_columns, users};
use crate::db::Db;
use crate::params::params;

// The lock lets nobody delete the user, or change their password, before the session is there to be ended with it.
const OPEN: &str = "
    INSERT INTO sessions (id, user_id, created_at, cap_at)
    SELECT $1, id, $3, $4 FROM users WHERE id = $2 AND wiped_at IS NULL AND password_hash = $5 FOR SHARE";

pub(super) async fn open(
    db: &Db,
    user: UserId,
    checked: &PasswordHash,
    session: &NewSession,
    now: Timestamp,
) -> Result<(), AccountError> {
    let cap_at = session.cap_at.map(Timestamp::micros);
    let values = params![&session.id.as_bytes()[..], user.get(), now.micros(), cap_at, checked.as_str()];
    if db.run(OPEN, values).await? == 0 {
        let is_there = users::find(db, user).await?.is_some();
        return Err(if is_there { AccountError::PasswordMoved } else { AccountError::NotFound });
    }
    add_token(db, session.id, session.refresh).await?;
    Ok(())
}

const ADD_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES ($1, $2, $3)";

async fn add_token(db: &Db, session: SessionId, token: RefreshToken) -> Result<(), StoreError> {
    let values = params![&token.hash.as_bytes()[..], &session.as_bytes()[..], token.expires_at.micros()];
    db.run(ADD_TOKEN, values).await?;
    Ok(())
}

const FIND_USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.ended_at IS NULL"
);

pub(super) async fn find_user(db: &Db, session: SessionId) -> Result<Option<User>, StoreError> {
    db.first(FIND_USER, params![&session.as_bytes()[..]], read_user).await
}

// Both rows are locked, so whoever waited judges them as they are then.
const FIND_TOKEN: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", s.id, t.expires_at, t.used_at, s.ended_at, s.cap_at \
     FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id \
     WHERE t.hash = $1 FOR UPDATE OF s, t"
);
// The leeway runs from the first use.
const USE_TOKEN: &str = "UPDATE refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";

pub(super) async fn rotate_refresh(
    db: &Db,
    presented: RefreshHash,
    next: RefreshToken,
    leeway_seconds: i64,
    now: Timestamp,
) -> Result<Rotation, StoreError> {
    let hash = &presented.as_bytes()[..];
    let found = db.first(FIND_TOKEN, params![hash], |row| {
        let token = PresentedToken {
            expires_at: row.time(8)?,
            used_at: row.time_or_none(9)?,
            session_ended_at: row.time_or_none(10)?,
            session_cap_at: row.time_or_none(11)?,
        };
        Ok((read_user(row)?, session_id(row.get(7)?)?, token))
    });
    let Some((user, session, token)) = found.await? else { return Ok(Rotation::Refused) };
    match judge_refresh(&token, now, leeway_seconds) {
        RefreshVerdict::Renew => {
            let values = params![hash, now.micros()];
            try_join(db.run(USE_TOKEN, values), add_token(db, session, next)).await?;
            Ok(Rotation::Renewed { user, session, cap_at: token.session_cap_at })
        }
        RefreshVerdict::Refuse => Ok(Rotation::Refused),
        RefreshVerdict::SessionOver => Ok(Rotation::SessionOver),
        RefreshVerdict::EndSession => {
            end(db, session, now).await?;
            Ok(Rotation::Refused)
        }
    }
}

fn session_id(stored: &[u8]) -> Result<SessionId, StoreError> {
    let bytes =
        stored.try_into().map_err(|_| StoreError::Corrupt("a session's name is not 16 bytes".to_owned()))?;
    Ok(SessionId::new(bytes))
}

const END: &str = "UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING user_id";

pub(super) async fn end(db: &Db, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
    let ended = db.first(END, params![&session.as_bytes()[..], now.micros()], |row| row.int(0)).await?;
    ended.into_iter().for_each(|user| db.note(Change::User(UserId::new(user))));
    Ok(())
}

const END_ALL: &str = "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL";

/// Ends all sessions of a user.
pub(super) async fn end_all(db: &Db, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    db.note(Change::User(user));
    db.run(END_ALL, params![user.get(), now.micros()]).await?;
    Ok(())
}

const END_OTHERS: &str =
    "UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND id <> $3 AND ended_at IS NULL";

/// Ends all sessions of a user but one.
pub(super) async fn end_others(
    db: &Db,
    user: UserId,
    kept: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    db.run(END_OTHERS, params![user.get(), now.micros(), &kept.as_bytes()[..]]).await?;
    Ok(())
}

// Another instance that sweeps at the same time takes others.
const SWEEP_TOKENS: &str = "
    DELETE FROM refresh_tokens
    WHERE hash IN (
        SELECT hash FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING session_id";
// Only sessions that have just lost a token can have none left: each is opened with one.
const SWEEP: &str = "
    DELETE FROM sessions
    WHERE id = ANY($1) AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = sessions.id)
    RETURNING user_id";

pub(super) async fn sweep(db: &Db, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let values = params![before.micros(), limit.max(0)];
    let sessions: Vec<Vec<u8>> = db.all(SWEEP_TOKENS, values, |row| row.get(0)).await?;
    if sessions.is_empty() {
        return Ok(0);
    }
    let users = db.all(SWEEP, params![&sessions], |row| row.int(0).map(UserId::new)).await?;
    users.iter().for_each(|user| db.note(Change::User(*user)));
    Ok(u64::try_from(sessions.len() + users.len()).unwrap_or(u64::MAX))
}
