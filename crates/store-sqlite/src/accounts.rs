//! Accounts and sessions.

mod resets;

use async_trait::async_trait;
use slippers_core::accounts::rules::{PresentedToken, RefreshVerdict, judge_refresh};
use slippers_core::accounts::{
    AccountError, AccountStore, Credentials, NewSession, NewUser, PasswordHash, RefreshHash, RefreshToken,
    Rotation, SessionId, User,
};
use slippers_core::types::{Phone, Timestamp, UserId};
use slippers_core::{Constraint, StoreError};

use crate::db::{Cells, Db, json_list, time};
use crate::store::SqliteStore;

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, AccountError> {
        self.writer.run(move |db| create_user(db, &new, now)).await
    }

    async fn find_credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        self.readers.read(|db| find_credentials(db, name))
    }

    async fn open_session(
        &self,
        user: UserId,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.writer.run(move |db| open_session(db, user, &session, now)).await
    }

    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        self.readers.read(|db| db.first(FIND_SESSION_USER, [session.as_bytes()], read_user))
    }

    async fn rotate_refresh(
        &self,
        presented: RefreshHash,
        next: RefreshToken,
        leeway_seconds: i64,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        self.writer.run(move |db| rotate_refresh(db, presented, next, leeway_seconds, now)).await
    }

    async fn end_session(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.writer.run(move |db| end_session(db, session, now)).await
    }

    async fn list_admins(&self) -> Result<Vec<User>, StoreError> {
        self.readers.read(|db| db.all(LIST_ADMINS, [], read_user))
    }

    async fn reset_password(
        &self,
        name: &str,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let name = name.to_owned();
        self.writer.run(move |db| reset_password(db, &name, &password, now)).await
    }

    async fn upgrade_password(
        &self,
        user: UserId,
        checked: PasswordHash,
        better: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.writer.run(move |db| upgrade_password(db, user, &checked, &better)).await
    }

    async fn sweep_sessions(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.writer.run(move |db| sweep_sessions(db, before, limit)).await
    }
}

/// The columns that [`read_user`] reads, of `users u`.
macro_rules! user_columns {
    () => {
        "u.id, u.name, u.surname, u.phone_number, u.is_admin, u.created_at, u.updated_at"
    };
}
use user_columns;

fn read_user(row: &Cells<'_>) -> Result<User, StoreError> {
    let phone = row.text(3)?;
    Ok(User {
        id: UserId::new(row.int(0)?),
        name: row.text(1)?,
        surname: row.text(2)?,
        phone: Phone::parse(&phone)
            .map_err(|error| StoreError::Corrupt(format!("the phone of a user: {error}")))?,
        is_admin: row.flag(4)?,
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
    })
}

// Both are asked, so that the name is told first whichever index SQLite would check first.
const ARE_TAKEN: &str = "
    SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1), EXISTS (SELECT 1 FROM users WHERE phone_number = ?2)";
const CREATE_USER: &str = "
    INSERT INTO users (name, surname, phone_number, password_hash, is_admin, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
const COUNT_USER: &str = "UPDATE shop_counters SET value = value + 1 WHERE name = 'users'";

fn create_user(db: &Db<'_>, new: &NewUser, now: Timestamp) -> Result<User, AccountError> {
    match db.one(ARE_TAKEN, (&new.name, new.phone.as_str()), |row| Ok((row.flag(0)?, row.flag(1)?)))? {
        (true, _) => return Err(AccountError::NameTaken),
        (false, true) => return Err(AccountError::PhoneTaken),
        (false, false) => {}
    }
    let password = new.password.as_str();
    let values = (&new.name, &new.surname, new.phone.as_str(), password, new.is_admin, now.micros());
    let id = UserId::new(db.insert(CREATE_USER, values).map_err(taken)?);
    db.run(COUNT_USER, [])?;
    Ok(User {
        id,
        name: new.name.clone(),
        surname: new.surname.clone(),
        phone: new.phone.clone(),
        is_admin: new.is_admin,
        created_at: now,
        updated_at: now,
    })
}

fn taken(error: StoreError) -> AccountError {
    match error {
        StoreError::Conflict(Constraint::UserName) => AccountError::NameTaken,
        StoreError::Conflict(Constraint::UserPhone) => AccountError::PhoneTaken,
        other => other.into(),
    }
}

const FIND_CREDENTIALS: &str =
    concat!("SELECT ", user_columns!(), ", u.password_hash FROM users u WHERE u.name = ?1");

fn find_credentials(db: &Db<'_>, name: &str) -> Result<Option<Credentials>, StoreError> {
    db.first(FIND_CREDENTIALS, [name], |row| {
        Ok(Credentials { user: read_user(row)?, password: PasswordHash::new(row.text(7)?) })
    })
}

const OPEN_SESSION: &str = "
    INSERT INTO sessions (id, user_id, created_at, cap_at)
    SELECT ?1, id, ?3, ?4 FROM users WHERE id = ?2";
const ADD_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (?1, ?2, ?3)";

fn open_session(db: &Db<'_>, user: UserId, session: &NewSession, now: Timestamp) -> Result<(), AccountError> {
    let cap_at = session.cap_at.map(Timestamp::micros);
    if db.run(OPEN_SESSION, (session.id.as_bytes(), user.get(), now.micros(), cap_at))? == 0 {
        return Err(AccountError::NotFound);
    }
    add_token(db, session.id, session.refresh)?;
    Ok(())
}

fn add_token(db: &Db<'_>, session: SessionId, token: RefreshToken) -> Result<(), StoreError> {
    db.run(ADD_TOKEN, (token.hash.as_bytes(), session.as_bytes(), token.expires_at.micros()))?;
    Ok(())
}

const FIND_SESSION_USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?1 AND s.ended_at IS NULL"
);

const FIND_TOKEN: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", s.id, t.expires_at, t.used_at, s.ended_at, s.cap_at \
     FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id \
     WHERE t.hash = ?1"
);
// The leeway runs from the first use.
const USE_TOKEN: &str = "UPDATE refresh_tokens SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL";

fn rotate_refresh(
    db: &Db<'_>,
    presented: RefreshHash,
    next: RefreshToken,
    leeway_seconds: i64,
    now: Timestamp,
) -> Result<Rotation, StoreError> {
    let found = db.first(FIND_TOKEN, [presented.as_bytes()], |row| {
        let token = PresentedToken {
            expires_at: row.time(8)?,
            used_at: row.get::<Option<i64>>(9)?.map(time).transpose()?,
            session_ended_at: row.get::<Option<i64>>(10)?.map(time).transpose()?,
            session_cap_at: row.get::<Option<i64>>(11)?.map(time).transpose()?,
        };
        Ok((read_user(row)?, SessionId::new(row.get(7)?), token))
    })?;
    let Some((user, session, token)) = found else { return Ok(Rotation::Refused) };
    match judge_refresh(&token, now, leeway_seconds) {
        RefreshVerdict::Renew => {
            db.run(USE_TOKEN, (presented.as_bytes(), now.micros()))?;
            add_token(db, session, next)?;
            Ok(Rotation::Renewed { user, session, cap_at: token.session_cap_at })
        }
        RefreshVerdict::Refuse => Ok(Rotation::Refused),
        RefreshVerdict::SessionOver => Ok(Rotation::SessionOver),
        RefreshVerdict::EndSession => {
            end_session(db, session, now)?;
            Ok(Rotation::Refused)
        }
    }
}

const END_SESSION: &str = "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL";

fn end_session(db: &Db<'_>, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
    db.run(END_SESSION, (session.as_bytes(), now.micros()))?;
    Ok(())
}

const LIST_ADMINS: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.is_admin = 1 ORDER BY u.id");

const RESET_PASSWORD: &str = "
    UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE name = ?1 RETURNING id";
const END_SESSIONS: &str = "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND ended_at IS NULL";

fn reset_password(
    db: &Db<'_>,
    name: &str,
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(), AccountError> {
    let user = db
        .first(RESET_PASSWORD, (name, password.as_str(), now.micros()), |row| row.int(0))?
        .ok_or(AccountError::NotFound)?;
    db.run(END_SESSIONS, (user, now.micros()))?;
    Ok(())
}

const UPGRADE_PASSWORD: &str = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";

fn upgrade_password(
    db: &Db<'_>,
    user: UserId,
    checked: &PasswordHash,
    better: &PasswordHash,
) -> Result<bool, StoreError> {
    Ok(db.run(UPGRADE_PASSWORD, (user.get(), checked.as_str(), better.as_str()))? > 0)
}

const SWEEP_TOKENS: &str = "
    DELETE FROM refresh_tokens
    WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)
    RETURNING hex(session_id)";
// Only sessions that have just lost a token can have none left: each is opened with one.
const SWEEP_SESSIONS: &str = "
    DELETE FROM sessions
    WHERE id IN (SELECT unhex(value) FROM json_each(?1))
      AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)";

fn sweep_sessions(db: &Db<'_>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let sessions = db.all(SWEEP_TOKENS, (before.micros(), limit.max(0)), |row| row.text(0))?;
    if sessions.is_empty() {
        return Ok(0);
    }
    let ended = db.run(SWEEP_SESSIONS, [json_list(&sessions)?])?;
    Ok(u64::try_from(sessions.len() + ended).unwrap_or(u64::MAX))
}
