//! A copy of the file as it is at one moment, while it is written.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use crate::connection::open_untouched;
use crate::error::OpenError;
use crate::migrations::{self, told};

/// What a good copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Products.
    pub slippers: u64,
    /// Users.
    pub users: u64,
    /// Orders.
    pub orders: u64,
}

/// Why there is no good copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It could not be read or written.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What was read is not what it should be.
    #[error("{0}")]
    Damaged(String),
}

/// Copies the shop in `file` into the file `to`, which must not be there, as it was at the moment of the call: what is
/// written meanwhile is not in it, and nobody waits. Blocks for as long as that takes.
///
/// # Errors
/// [`OpenError`]; a part of the copy may be there.
pub fn copy(file: &Path, to: &Path) -> Result<(), OpenError> {
    let failed = |source| told(file, source);
    let conn = open_untouched(file).map_err(failed)?;
    // https://www.sqlite.org/lang_vacuum.html#vacuuminto: a read transaction, so that a writer goes on.
    conn.execute("VACUUM INTO ?1", [to.display().to_string()]).map_err(failed)?;
    // A copy that a loss of power takes away was none.
    let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|source| OpenError::System { path: to.to_owned(), source })
}

/// Reads a copy from end to end: its pages, its references, its migrations. It is not changed. Blocks.
///
/// # Errors
/// [`BackupError::Damaged`] tells what is wrong with it.
pub fn check(file: &Path) -> Result<Copied, BackupError> {
    migrations::status(file)?;
    let conn = open_untouched(file).map_err(|source| told(file, source))?;
    let checked = read(&conn).map_err(|source| told(file, source))?;
    checked.map_err(BackupError::Damaged)
}

/// Looks whether every page of a file that may be at work can be read, without what takes as long as reading all rows. Blocks.
///
/// # Errors
/// [`BackupError::Damaged`] tells what is wrong with it.
pub fn look(file: &Path) -> Result<(), BackupError> {
    let conn = open_untouched(file).map_err(|source| told(file, source))?;
    let found: String =
        conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|source| told(file, source))?;
    if found == "ok" { Ok(()) } else { Err(BackupError::Damaged(format!("its pages are damaged: {found}"))) }
}

fn read(conn: &Connection) -> rusqlite::Result<Result<Copied, String>> {
    let found: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Err(format!("its pages are damaged: {found}")));
    }
    let dangling: Option<String> =
        conn.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional()?;
    if let Some(table) = dangling {
        return Ok(Err(format!("rows of {table} name others that are not there")));
    }
    let count = |table: &str| -> rusqlite::Result<u64> {
        let rows: i64 = conn.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))?;
        Ok(u64::try_from(rows).unwrap_or(0))
    };
    Ok(Ok(Copied { slippers: count("slippers")?, users: count("users")?, orders: count("orders")? }))
}
