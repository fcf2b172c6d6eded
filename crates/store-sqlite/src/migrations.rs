//! Brings a database file's schema up to this program's.
//!
//! Migrations are embedded, applied in the order of their names, and never edited once released. Every file bears this
//! program's `application_id`, so that no other program's database is ever touched.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, ErrorCode, params};
use sha2::{Digest, Sha256};
use slippers_core::is_expansion;
use slippers_core::types::Timestamp;

use crate::accounts;
use crate::catalog;
use crate::connection::{BUSY_TIMEOUT, open_untouched};
use crate::db::Db;
use crate::error::OpenError;

/// "SLPS": how `file` and we tell a shop from other databases.
const APPLICATION_ID: i64 = 0x534c_5053;

/// The migration after which everybody is made findable.
const USERS: &str = "0005_users";
/// The migration after which all products can be found by where their words meet.
const JOINTS: &str = "0016_joints";

/// Name and text, in the order in which they are applied.
const MIGRATIONS: [(&str, &str); 19] = [
    ("0001_catalog", include_str!("../migrations/0001_catalog.sql")),
    ("0002_accounts", include_str!("../migrations/0002_accounts.sql")),
    ("0003_cart", include_str!("../migrations/0003_cart.sql")),
    ("0004_orders", include_str!("../migrations/0004_orders.sql")),
    (USERS, include_str!("../migrations/0005_users.sql")),
    ("0006_audit", include_str!("../migrations/0006_audit.sql")),
    ("0007_password_resets", include_str!("../migrations/0007_password_resets.sql")),
    ("0008_images", include_str!("../migrations/0008_images.sql")),
    ("0009_leftovers", include_str!("../migrations/0009_leftovers.sql")),
    ("0010_payments", include_str!("../migrations/0010_payments.sql")),
    ("0011_changes", include_str!("../migrations/0011_changes.sql")),
    ("0013_outbox", include_str!("../migrations/0013_outbox.sql")),
    ("0014_comparisons", include_str!("../migrations/0014_comparisons.sql")),
    ("0015_list_order", include_str!("../migrations/0015_list_order.sql")),
    (JOINTS, include_str!("../migrations/0016_joints.sql")),
    ("0017_pictures", include_str!("../migrations/0017_pictures.sql")),
    ("0018_user_order", include_str!("../migrations/0018_user_order.sql")),
    ("0019_user_digits", include_str!("../migrations/0019_user_digits.sql")),
    ("0020_slipper_changes", include_str!("../migrations/0020_slipper_changes.sql")),
];

const RECORD: &str = "
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name TEXT NOT NULL PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at INTEGER NOT NULL
    ) STRICT";

/// One migration and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its name, which is also the order.
    pub name: String,
    /// Where it stands.
    pub state: MigrationState,
}

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// Not applied yet.
    Pending,
    /// Applied then.
    Applied(Timestamp),
    /// Applied then, but this program's text of it is another.
    Edited(Timestamp),
    /// Applied then by a newer program; this one does not know it.
    Unknown(Timestamp),
}

/// Turns on the write-ahead log and applies what is missing. Two processes may do so at once: one waits for the other.
pub(crate) fn migrate(conn: &mut Connection, path: &Path, now: Timestamp) -> Result<(), OpenError> {
    let failed = |source| told(path, source);
    check_owner(conn, path)?;
    enter_wal(conn).map_err(failed)?;
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    // Again under the lock: the file may have been empty before it.
    check_owner(&tx, path)?;
    tx.execute_batch(RECORD).map_err(failed)?;
    let statuses = compare(&tx).map_err(failed)?;
    refuse_foreign(&statuses)?;
    let is_pending = |status: &&MigrationStatus| status.state == MigrationState::Pending;
    for missing in statuses.iter().filter(is_pending) {
        apply(&tx, &missing.name, now).map_err(failed)?;
    }
    tx.commit().map_err(failed)
}

fn apply(tx: &Connection, name: &str, now: Timestamp) -> rusqlite::Result<()> {
    for (_, sql) in MIGRATIONS.iter().filter(|(known, _)| *known == name) {
        tx.execute_batch(sql)?;
        // Folding and parting texts are rules of ours that SQL does not know.
        let index = match name {
            USERS => accounts::search::index_all,
            JOINTS => catalog::search::index_all,
            _ => |_: &Db<'_>| Ok(()),
        };
        index(&Db::new(tx, &AtomicU64::new(0)))
            .map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
        tx.execute(
            "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES (?1, ?2, ?3)",
            params![name, checksum(sql), now.micros()],
        )?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Where each migration stands in the file, which is neither made nor changed.
pub(crate) fn status(path: &Path) -> Result<Vec<MigrationStatus>, OpenError> {
    if !path.try_exists().map_err(|source| OpenError::System { path: path.to_owned(), source })? {
        return Ok(MIGRATIONS.map(|(name, _)| pending(name)).into());
    }
    let conn = open_untouched(path).map_err(|source| told(path, source))?;
    check_owner(&conn, path)?;
    compare(&conn).map_err(|source| told(path, source))
}

fn pending(name: &str) -> MigrationStatus {
    MigrationStatus { name: name.to_owned(), state: MigrationState::Pending }
}

/// Passes an empty file and one of ours.
fn check_owner(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    // One statement, so that both are of one moment while another process migrates.
    let (owner, is_empty): (i64, bool) = conn
        .query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), NOT EXISTS (SELECT 1 FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(|source| told(path, source))?;
    if owner == APPLICATION_ID || (owner == 0 && is_empty) {
        Ok(())
    } else {
        Err(OpenError::NotSlippers { path: path.to_owned() })
    }
}

/// The switch to WAL needs the file alone for a moment and does not wait for it by itself.
fn enter_wal(conn: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Err(Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy && started.elapsed() < BUSY_TIMEOUT => {}
            done => return done.map(|_| ()),
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "before the store serves anybody, on the thread that opens it"
        )]
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn compare(conn: &Connection) -> rusqlite::Result<Vec<MigrationStatus>> {
    let recorded = recorded(conn)?;
    let known = MIGRATIONS.iter().map(|(name, sql)| {
        let state = match recorded.iter().find(|(applied, ..)| applied == name) {
            None => MigrationState::Pending,
            Some((_, sum, at)) if *sum == checksum(sql) => MigrationState::Applied(*at),
            Some((_, _, at)) => MigrationState::Edited(*at),
        };
        MigrationStatus { name: (*name).to_owned(), state }
    });
    let is_unknown = |name: &str| MIGRATIONS.iter().all(|(known, _)| *known != name);
    let unknown = recorded
        .iter()
        .filter(|(name, ..)| is_unknown(name))
        .map(|(name, _, at)| MigrationStatus { name: name.clone(), state: MigrationState::Unknown(*at) });
    Ok(known.chain(unknown).collect())
}

fn recorded(conn: &Connection) -> rusqlite::Result<Vec<(String, String, Timestamp)>> {
    if !conn.table_exists(None, "schema_migrations")? {
        return Ok(Vec::new());
    }
    let mut statement =
        conn.prepare("SELECT name, checksum, applied_at FROM schema_migrations ORDER BY name")?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, Timestamp::from_micros(row.get(2)?))))?;
    rows.collect()
}

fn refuse_foreign(statuses: &[MigrationStatus]) -> Result<(), OpenError> {
    let unknown: Vec<&str> = statuses
        .iter()
        .filter(|status| matches!(status.state, MigrationState::Unknown(_)))
        // What a later program has added is nothing to this one.
        .filter(|status| !is_expansion(&status.name))
        .map(|status| status.name.as_str())
        .collect();
    if !unknown.is_empty() {
        return Err(OpenError::Newer { unknown: unknown.join(", ") });
    }
    match statuses.iter().find(|status| matches!(status.state, MigrationState::Edited(_))) {
        Some(edited) => Err(OpenError::Edited { name: edited.name.clone() }),
        None => Ok(()),
    }
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// An error on the way in.
pub(crate) fn told(path: &Path, source: Error) -> OpenError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        _ => OpenError::Database { path, source },
    }
}

#[cfg(test)]
mod tests;
