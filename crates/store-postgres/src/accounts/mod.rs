//! Accounts and sessions.
//!
//! Locks are taken in one order everywhere: a user's row, then their sessions and tokens or their reset, then the counts
//! (admins before users), and with the commit the number of the lists' order.

mod list;
mod resets;
mod search;
mod sessions;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{try_join, try_join3};
use slippers_core::accounts::{
    AccountError, AccountStore, Credentials, FirstSession, NewSession, NewUser, PasswordHash, ProfileChange,
    RefreshHash, RefreshToken, Rotation, SessionId, User, UserChange, UserPage, UserQuery,
};
use slippers_core::audit::{By, Entry};
use slippers_core::types::{Phone, Timestamp, UserId};
use slippers_core::{Constraint, StoreError};

use self::search::Keys;
use crate::audit;
use crate::db::{Cells, Db};
use crate::params::params;
use crate::pool::Class;
use crate::store::PostgresStore;

#[async_trait]
impl AccountStore for PostgresStore {
    async fn check_free(&self, name: &str, phone: &Phone) -> Result<(), AccountError> {
        self.read_as(Class::Shopper, (name.to_owned(), phone.clone()), |db, (name, phone)| {
            Box::pin(refuse_taken(db, name, phone, 0))
        })
        .await
    }

    async fn register(
        &self,
        new: NewUser,
        first: FirstSession,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        self.write((new, first, now), |db, (new, first, now)| Box::pin(register(db, new, first, *now))).await
    }

    async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User, AccountError> {
        self.write((new, now), |db, (new, now)| Box::pin(create_user(db, new, *now))).await
    }

    async fn find_credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        self.read_as(Class::Shopper, name.to_owned(), |db, name| Box::pin(find_credentials(db, name))).await
    }

    async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read_as(Class::Shopper, id, |db, id| Box::pin(users::find(db, *id))).await
    }

    async fn find_password(&self, id: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.read_as(Class::Shopper, id, |db, id| Box::pin(users::password(db, *id))).await
    }

    async fn list_users(&self, query: UserQuery) -> Result<UserPage, StoreError> {
        let args = (query, Arc::clone(&self.people));
        self.snapshot_back(args, |db, (query, people)| Box::pin(list::page(db, people, query))).await
    }

    async fn update_profile(
        &self,
        id: UserId,
        change: ProfileChange,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        self.write((id, change, now), |db, (id, change, now)| {
            Box::pin(users::update_profile(db, *id, change, *now))
        })
        .await
    }

    async fn update_user(
        &self,
        id: UserId,
        change: UserChange,
        by: UserId,
        now: Timestamp,
    ) -> Result<User, AccountError> {
        self.write((id, change, by, now), |db, (id, change, by, now)| {
            Box::pin(users::update(db, *id, change, *by, *now))
        })
        .await
    }

    async fn delete_user(&self, id: UserId, by: UserId, now: Timestamp) -> Result<(), AccountError> {
        self.write((id, by, now), |db, (id, by, now)| Box::pin(users::delete(db, *id, *by, *now))).await
    }

    async fn open_session(
        &self,
        user: UserId,
        checked: &PasswordHash,
        session: NewSession,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.write((user, checked.clone(), session, now), |db, (user, checked, session, now)| {
            Box::pin(sessions::open(db, *user, checked, session, *now))
        })
        .await
    }

    fn user_generation(&self, user: UserId) -> u64 {
        self.feed.listeners().generations().of(user)
    }

    async fn find_session_user(&self, session: SessionId) -> Result<Option<User>, StoreError> {
        self.read_as(Class::Shopper, session, |db, session| Box::pin(sessions::find_user(db, *session))).await
    }

    async fn rotate_refresh(
        &self,
        presented: RefreshHash,
        next: RefreshToken,
        leeway_seconds: i64,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        self.write((presented, next, leeway_seconds, now), |db, (presented, next, leeway, now)| {
            Box::pin(sessions::rotate_refresh(db, *presented, *next, *leeway, *now))
        })
        .await
    }

    async fn end_session(&self, session: SessionId, now: Timestamp) -> Result<(), StoreError> {
        self.write((session, now), |db, (session, now)| Box::pin(sessions::end(db, *session, *now))).await
    }

    async fn list_admins(&self) -> Result<Vec<User>, StoreError> {
        self.read_as(Class::Back, (), |db, ()| Box::pin(db.all(LIST_ADMINS, params![], read_user))).await
    }

    async fn reset_password(
        &self,
        name: &str,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        self.write((name.to_owned(), password, now), |db, (name, password, now)| {
            Box::pin(reset_password(db, name, password, *now))
        })
        .await
    }

    async fn upgrade_password(
        &self,
        user: UserId,
        checked: PasswordHash,
        better: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write((user, checked, better), |db, (user, checked, better)| {
            Box::pin(upgrade_password(db, *user, checked, better))
        })
        .await
    }

    async fn sweep_sessions(&self, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
        self.sweep((before, limit), |db, (before, limit)| Box::pin(sessions::sweep(db, *before, *limit)))
            .await
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

// Both are asked, so that the name is told first whichever index PostgreSQL would check first.
const ARE_TAKEN: &str = "
    SELECT EXISTS (SELECT 1 FROM users WHERE name = $1 AND id <> $3),
           EXISTS (SELECT 1 FROM users WHERE phone_number = $2 AND id <> $3)";

/// Refuses what belongs to somebody else but `id`.
async fn refuse_taken(db: &Db, name: &str, phone: &Phone, id: i64) -> Result<(), AccountError> {
    let values = params![name, phone.as_str(), id];
    match db.one(ARE_TAKEN, values, |row| Ok((row.flag(0)?, row.flag(1)?))).await? {
        (true, _) => Err(AccountError::NameTaken),
        (false, true) => Err(AccountError::PhoneTaken),
        (false, false) => Ok(()),
    }
}

async fn register(
    db: &Db,
    new: &NewUser,
    first: &FirstSession,
    now: Timestamp,
) -> Result<User, AccountError> {
    let user = create_user(db, new, now).await?;
    sessions::open(db, user.id, &new.password, &first(user.id), now).await?;
    Ok(user)
}

const CREATE_USER: &str = "
    INSERT INTO users (name, name_key, surname, surname_key, phone_number, password_hash, is_admin, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING id";

async fn create_user(db: &Db, new: &NewUser, now: Timestamp) -> Result<User, AccountError> {
    refuse_taken(db, &new.name, &new.phone, 0).await?;
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
    let values = params![
        &new.name,
        &keys.name,
        &new.surname,
        &keys.surname,
        new.phone.as_str(),
        new.password.as_str(),
        new.is_admin,
        now.micros(),
    ];
    user.id = UserId::new(db.one(CREATE_USER, values, |row| row.int(0)).await.map_err(taken)?);
    let recorded = async {
        if new.is_admin {
            // Nobody registers as one.
            audit::record(db, &Entry::admin_created(By::CommandLine, user.id), now).await?;
        }
        Ok(())
    };
    try_join3(search::add(db, user.id.get(), &keys), recorded, count(db, 1, i64::from(new.is_admin))).await?;
    Ok(user)
}

/// What a rule of the database has found that was not there when it was asked for.
fn taken(error: StoreError) -> AccountError {
    match error {
        StoreError::Conflict(Constraint::UserName) => AccountError::NameTaken,
        StoreError::Conflict(Constraint::UserPhone) => AccountError::PhoneTaken,
        other => other.into(),
    }
}

const COUNT: &str = "UPDATE shop_counters SET value = value + $2 WHERE name = $1";

/// Moves the counts of users and of those among them who run the shop.
async fn count(db: &Db, users: i64, admins: i64) -> Result<(), StoreError> {
    for (name, by) in [("admins", admins), ("users", users)] {
        if by != 0 {
            db.run(COUNT, params![name, by]).await?;
        }
    }
    Ok(())
}

const FIND_CREDENTIALS: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.password_hash FROM users u WHERE u.name = $1 AND u.wiped_at IS NULL"
);

async fn find_credentials(db: &Db, name: &str) -> Result<Option<Credentials>, StoreError> {
    db.first(FIND_CREDENTIALS, params![name], |row| {
        Ok(Credentials { user: read_user(row)?, password: PasswordHash::new(row.text(7)?) })
    })
    .await
}

const LIST_ADMINS: &str = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.is_admin ORDER BY u.id");

const RESET_PASSWORD: &str = "
    UPDATE users SET password_hash = $2, updated_at = $3 WHERE name = $1 AND wiped_at IS NULL RETURNING id";

async fn reset_password(
    db: &Db,
    name: &str,
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(), AccountError> {
    let values = params![name, password.as_str(), now.micros()];
    let found = db.first(RESET_PASSWORD, values, |row| row.int(0).map(UserId::new)).await?;
    let user = found.ok_or(AccountError::NotFound)?;
    let entry = Entry::password_reset(By::CommandLine, user);
    try_join(sessions::end_all(db, user, now), audit::record(db, &entry, now)).await?;
    Ok(())
}

const UPGRADE_PASSWORD: &str = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";

async fn upgrade_password(
    db: &Db,
    user: UserId,
    checked: &PasswordHash,
    better: &PasswordHash,
) -> Result<bool, StoreError> {
    Ok(db.run(UPGRADE_PASSWORD, params![user.get(), checked.as_str(), better.as_str()]).await? > 0)
}
