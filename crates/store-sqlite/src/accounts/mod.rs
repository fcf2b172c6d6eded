//! Accounts and sessions.

mod list;
mod resets;
pub(crate) mod search;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use slippers_core::accounts::rules::{PresentedToken, RefreshVerdict, judge_refresh};
use slippers_core::accounts::{
    AccountError, AccountStore, Credentials, FirstSession, NewSession, NewUser, PasswordHash, ProfileChange,
    RefreshHash, RefreshToken, Rotation, SessionId, User, UserChange, UserPage, UserQuery,
};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{Phone, Timestamp, UserId};
use slippers_core::{Change, Constraint, StoreError};

use self::search::Keys;
use crate::audit;
use crate::db::{Cells, Db, json_list, time};
use crate::store::SqliteStore;

#[async_trait]
impl AccountStore for SqliteStore {
    async fn check_free(&self, name: &str, phone: &Phone) -> Result<(), AccountError> {
        self.readers.read(|db| refuse_taken(db, name, phone, 0))
    }

    async fn register(
        &self,
        new: NewUser,
        first: FirstSession,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        let verb = move |db: &Db<'_>| {
            let user = create_user(db, &new, now)?;
            open_session(db, user.id, &new.password, &first(user.id), now)?;
            Ok(user)
        };
        self.writer.run(verb).await
    }

    async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, AccountError> {
        self.writer.run(move |db| create_user(db, &new, now)).await
    }

    async fn find_credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        self.readers.read(|db| find_credentials(db, name))
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.readers.read(|db| users::find(db, id))
    }

    async fn find_password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.readers.read(|db| users::password(db, id))
    }

    async fn list_users(&self, query: UserQuery) -> Result<UserPage, StoreError> {
        let people = Arc::clone(&self.people);
        self.readers.long_snapshot(move |db| list::page(db, &people, &query)).await
    }

    async fn update_profile(
        &self,
        id: UserId,
        change: ProfileChange,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        self.writer.run(move |db| users::update_profile(db, id, &change, now)).await
    }

    async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        self.writer.run(move |db| users::update(db, id, &change, by, now)).await
    }

    async fn delete_user(&self, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError> {
        self.writer.run(move |db| users::delete(db, id, by, now)).await
    }

    async fn open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let checked = checked.clone();
        self.writer.run(move |db| open_session(db, user, &checked, &session, now)).await
    }

    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        self.readers.read(|db| db.first(FIND_SESSION_USER, [session.as_bytes()], read_user))
    }

    fn user_generation(&self, user: UserId) -> u64 {
        self.writer.generations().of(user)
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
    SELECT EXISTS (SELECT 1 FROM users WHERE name = ?1 AND id <> ?3),
           EXISTS (SELECT 1 FROM users WHERE phone_number = ?2 AND id <> ?3)";

/// Refuses what belongs to somebody else but `id`.
fn refuse_taken(db: &Db<'_>, name: &str, phone: &Phone, id: i64) -> Result<(), AccountError> {
    match db.one(ARE_TAKEN, (name, phone.as_str(), id), |row| Ok((row.flag(0)?, row.flag(1)?)))? {
        (true, _) => Err(AccountError::NameTaken),
        (false, true) => Err(AccountError::PhoneTaken),
        (false, false) => Ok(()),
    }
}

const CREATE_USER: &str = "
    INSERT INTO users (name, name_key, surname, surname_key, phone_number, password_hash, is_admin, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)";
const COUNT: &str = "
    UPDATE shop_counters SET value = value + iif(name = 'users', ?1, ?2) WHERE name IN ('users', 'admins')";

/// Moves the counts of users and of those among them who run the shop.
fn count(db: &Db<'_>, users: i64, admins: i64) -> Result<(), StoreError> {
    db.run(COUNT, (users, admins))?;
    Ok(())
}

fn create_user(db: &Db<'_>, new: &NewUser, now: Timestamp) -> Result<User, AccountError> {
    refuse_taken(db, &new.name, &new.phone, 0)?;
    let mut user = User {
        id: UserId::new(0),
        name: new.name.clone(),
        surname: new.surname.clone(),
        phone: new.phone.clone(),
        is_admin: new.is_admin,
        created_at: now,
        updated_at: now,
    };
    let keys = Keys::of(&user);
    let values = rusqlite::params![
        new.name,
        keys.name,
        new.surname,
        keys.surname,
        new.phone.as_str(),
        new.password.as_str(),
        new.is_admin,
        now.micros(),
    ];
    user.id = UserId::new(db.insert(CREATE_USER, values).map_err(taken)?);
    search::add(db, user.id.get(), &keys)?;
    count(db, 1, i64::from(new.is_admin))?;
    if new.is_admin {
        // Nobody registers as one.
        audit::record(db, &Entry::admin_created(By::CommandLine, user.id), now)?;
    }
    Ok(user)
}

fn taken(error: StoreError) -> AccountError {
    match error {
        StoreError::Conflict(Constraint::UserName) => AccountError::NameTaken,
        StoreError::Conflict(Constraint::UserPhone) => AccountError::PhoneTaken,
        other => other.into(),
    }
}

const FIND_CREDENTIALS: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.password_hash FROM users u WHERE u.name = ?1 AND u.wiped_at IS NULL"
);

fn find_credentials(db: &Db<'_>, name: &str) -> Result<Option<Credentials>, StoreError> {
    db.first(FIND_CREDENTIALS, [name], |row| {
        Ok(Credentials { user: read_user(row)?, password: PasswordHash::new(row.text(7)?) })
    })
}

const OPEN_SESSION: &str = "
    INSERT INTO sessions (id, user_id, created_at, cap_at)
    SELECT ?1, id, ?3, ?4 FROM users WHERE id = ?2 AND wiped_at IS NULL AND password_hash = ?5";
const ADD_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES (?1, ?2, ?3)";

fn open_session(
    db: &Db<'_>,
    user: UserId,
    checked: &PasswordHash,
    session: &NewSession,
    now: Timestamp,
) -> Result<(), AccountError> {
    let cap_at = session.cap_at.map(Timestamp::micros);
    let values = (session.id.as_bytes(), user.get(), now.micros(), cap_at, checked.as_str());
    if db.run(OPEN_SESSION, values)? == 0 {
        let is_there = users::find(db, user)?.is_some();
        return Err(if is_there { AccountError::PasswordMoved } else { AccountError::NotFound });
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

const END_SESSION: &str =
    "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL RETURNING user_id";

fn end_session(db: &Db<'_>, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
    let ended = db.first(END_SESSION, (session.as_bytes(), now.micros()), |row| row.int(0))?;
    ended.into_iter().for_each(|user| db.note(Change::User(UserId::new(user))));
    Ok(())
}

const END_SESSIONS: &str = "UPDATE sessions SET ended_at = ?2 WHERE user_id = ?1 AND ended_at IS NULL";

/// Ends all sessions of a user.
fn end_sessions(db: &Db<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    db.note(Change::User(user));
    db.run(END_SESSIONS, (user.get(), now.micros()))?;
    Ok(())
}

const LIST_ADMINS: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.is_admin = 1 ORDER BY u.id");

const RESET_PASSWORD: &str = "
    UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE name = ?1 AND wiped_at IS NULL RETURNING id";

fn reset_password(
    db: &Db<'_>,
    name: &str,
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(), AccountError> {
    let user = db
        .first(RESET_PASSWORD, (name, password.as_str(), now.micros()), |row| row.int(0).map(UserId::new))?
        .ok_or(AccountError::NotFound)?;
    end_sessions(db, user, now)?;
    Ok(audit::record(db, &Entry::password_reset(By::CommandLine, user), now)?)
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
      AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE session_id = sessions.id)
    RETURNING user_id";

fn sweep_sessions(db: &Db<'_>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let sessions = db.all(SWEEP_TOKENS, (before.micros(), limit.max(0)), |row| row.text(0))?;
    if sessions.is_empty() {
        return Ok(0);
    }
    let users = db.all(SWEEP_SESSIONS, [json_list(&sessions)?], |row| row.int(0).map(UserId::new))?;
    users.iter().for_each(|user| db.note(Change::User(*user)));
    Ok(u64::try_from(sessions.len() + users.len()).unwrap_or(u64::MAX))
}
