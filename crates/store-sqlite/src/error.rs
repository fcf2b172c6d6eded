//! What SQLite's errors mean to the shop.

use std::path::PathBuf;

use rusqlite::{Error, ErrorCode};
use slippers_core::{Constraint, StoreError};
use thiserror::Error as ThisError;

/// Why a database file was not opened. Nothing in it was changed.
#[derive(Debug, ThisError)]
pub enum OpenError {
    /// The file is something else.
    #[error("{} is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of some other program.
    #[error("{} is an SQLite database, but not one of Slippers", path.display())]
    NotSlippers {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program has migrated the file.
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
    /// SQLite could not do it.
    #[error("cannot open the database {}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: Error,
    },
    /// The operating system could not do it.
    #[error("cannot open the database {}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
}

/// Folds what rusqlite reports into what the traits promise.
pub(crate) fn interpret_error(error: Error) -> StoreError {
    match error {
        Error::SqliteFailure(failure, message) => {
            let text = message.unwrap_or_else(|| failure.to_string());
            match failure.code {
                ErrorCode::ConstraintViolation => conflict(failure.extended_code, &text),
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory => StoreError::Unavailable(text),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
                _ => StoreError::Other(text),
            }
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => StoreError::Corrupt(error.to_string()),
        other => StoreError::Other(other.to_string()),
    }
}

/// SQLite names the columns of the rule that was broken, not the rule.
fn conflict(extended_code: i32, text: &str) -> StoreError {
    let constraint = match text {
        "UNIQUE constraint failed: users.name" => Constraint::UserName,
        "UNIQUE constraint failed: users.phone_number" => Constraint::UserPhone,
        "UNIQUE constraint failed: categories.name" => Constraint::CategoryName,
        _ => {
            tracing::error!(extended_code, "a write broke a rule of the database: {text}");
            Constraint::Other
        }
    };
    StoreError::Conflict(constraint)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn failure(extended_code: i32, text: &str) -> StoreError {
        interpret_error(Error::SqliteFailure(ffi::Error::new(extended_code), Some(text.to_owned())))
    }

    #[test]
    fn unique_violations_are_told_by_column() {
        for (columns, constraint) in [
            ("users.name", Constraint::UserName),
            ("users.phone_number", Constraint::UserPhone),
            ("categories.name", Constraint::CategoryName),
            ("carts.user_id", Constraint::Other),
        ] {
            let error =
                failure(ffi::SQLITE_CONSTRAINT_UNIQUE, &format!("UNIQUE constraint failed: {columns}"));
            assert!(matches!(error, StoreError::Conflict(c) if c == constraint), "{columns}: {error:?}");
        }
    }

    #[test]
    fn what_may_pass_is_unavailable_and_what_is_damaged_is_corrupt() {
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_FULL, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_READONLY] {
            assert!(matches!(failure(code, "x"), StoreError::Unavailable(_)), "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
            assert!(matches!(failure(code, "x"), StoreError::Corrupt(_)), "{code}");
        }
        assert!(matches!(failure(ffi::SQLITE_ERROR, "syntax"), StoreError::Other(_)));
        assert!(matches!(interpret_error(Error::InvalidQuery), StoreError::Other(_)));
        assert!(matches!(interpret_error(Error::IntegralValueOutOfRange(0, 9)), StoreError::Corrupt(_)));
    }
}
