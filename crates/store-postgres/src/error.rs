//! What PostgreSQL's errors mean to the shop.

use slippers_core::{Constraint, StoreError};
use thiserror::Error as ThisError;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::budget::Allowance;

/// One of the addresses of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// [`PostgresSettings::url`](crate::PostgresSettings::url).
    Shop,
    /// [`PostgresSettings::direct_url`](crate::PostgresSettings::direct_url).
    Direct,
    /// One of [`PostgresSettings::replica_urls`](crate::PostgresSettings::replica_urls).
    Replica,
}

/// Why a database was not opened. Nothing in it was changed.
#[derive(Debug, ThisError)]
pub enum OpenError {
    /// A URL can't be read.
    #[error("the database's URL can't be read: {why}")]
    Url {
        /// Which.
        of: Address,
        /// What is wrong with it.
        why: String,
    },
    /// There is no encrypted way to the server that may be gone.
    #[error("cannot open the database: {why}")]
    Tls {
        /// The address that asks for it.
        of: Address,
        /// What stands in the way.
        why: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// There is something else in it.
    #[error("the database holds tables, but not those of Slippers")]
    NotSlippers,
    /// It keeps texts in another encoding.
    #[error("the database's encoding is {0}, and must be UTF8")]
    Encoding(String),
    /// A later version of this program has migrated it.
    #[error("the schema is newer than this program: it has {unknown}; use a newer slippers")]
    Newer {
        /// The migrations that this program does not know.
        unknown: String,
    },
    /// A migration is not what was applied.
    #[error("migration {name} was edited after it was applied")]
    Edited {
        /// The migration.
        name: String,
    },
    /// It is asked for more connections than it has.
    #[error(
        "a pool of {size} + {overflow} = {} connections is more than the server gives: {allowance}",
        size.saturating_add(*overflow)
    )]
    TooMany {
        /// Connections that would be kept.
        size: u32,
        /// Connections beyond them.
        overflow: u32,
        /// What the server gives.
        allowance: Allowance,
    },
    /// PostgreSQL could not do it.
    #[error("cannot open the database: {0}")]
    Database(String),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Database(told(&error))
    }
}

/// What a failed statement means beyond its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The statement itself failed; the same would happen again.
    Its,
    /// Another transaction was in the way: the same verb may succeed now.
    Passing,
    /// The connection is gone, or no good any more; on another the same verb may succeed.
    Connection,
}

/// Folds what tokio-postgres reports into what the traits promise.
pub(crate) fn interpret_error(error: &Error) -> (StoreError, Trouble) {
    let text = told(error);
    let Some(db) = error.as_db_error() else {
        // Nothing that the server said: the connection, or a value that is not what the schema promises.
        return if error.is_closed() || error.to_string().starts_with("error communicating") {
            (StoreError::Unavailable(text), Trouble::Connection)
        } else {
            (StoreError::Corrupt(text), Trouble::Its)
        };
    };
    interpret_state(db, text)
}

/// Whether an error says of its server that it is gone, goes, or plays another part: then it is so for all connections.
pub(crate) fn is_of_server(error: &Error) -> bool {
    error.code().is_some_and(|state| {
        state == &SqlState::READ_ONLY_SQL_TRANSACTION
            || matches!(state.code().get(..2), Some("08" | "57")) && state != &SqlState::QUERY_CANCELED
    })
}

fn interpret_state(db: &DbError, text: String) -> (StoreError, Trouble) {
    let state = db.code();
    let class = state.code().get(..2).unwrap_or_default();
    match state {
        &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE => {
            (StoreError::Unavailable(text), Trouble::Passing)
        }
        // The schema was changed under a prepared statement, or a pooler has given it to another connection.
        &SqlState::INVALID_SQL_STATEMENT_NAME => (StoreError::Unavailable(text), Trouble::Connection),
        &SqlState::FEATURE_NOT_SUPPORTED if text.contains("cached plan") => {
            (StoreError::Unavailable(text), Trouble::Connection)
        }
        // Whoever took writes until now is a replica: the primary is another, and nothing was written.
        &SqlState::READ_ONLY_SQL_TRANSACTION => (StoreError::Unavailable(text), Trouble::Connection),
        &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => {
            (StoreError::Unavailable(text), Trouble::Its)
        }
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => (StoreError::Corrupt(text), Trouble::Its),
        _ => match class {
            "23" => (conflict(db, &text), Trouble::Its),
            // Connection lost, or the server is being stopped or started.
            "08" => (StoreError::Unavailable(text), Trouble::Connection),
            "57" => (StoreError::Unavailable(text), Trouble::Connection),
            // Full, out of memory, too many connections; an I/O error.
            "53" | "25" | "58" => (StoreError::Unavailable(text), Trouble::Its),
            _ => (StoreError::Other(text), Trouble::Its),
        },
    }
}

/// PostgreSQL names the rule that was broken: every rule of ours has a name.
fn conflict(db: &DbError, text: &str) -> StoreError {
    let constraint = match db.constraint() {
        Some("users_name_key") => Constraint::UserName,
        Some("users_phone_number_key") => Constraint::UserPhone,
        Some("categories_name_key") => Constraint::CategoryName,
        _ => {
            tracing::error!("a write broke a rule of the database: {text}");
            Constraint::Other
        }
    };
    StoreError::Conflict(constraint)
}

/// An error with its cause, without the values that PostgreSQL tells in its DETAIL: they may be a person's.
pub(crate) fn told(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
