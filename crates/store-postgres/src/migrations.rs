//! Brings a database's schema up to this program's.
//!
//! Migrations are embedded, applied in the order of their names, and never edited once released. Two processes may do so at
//! once: one waits for the other's transaction. A database that holds other tables is never touched.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use slippers_core::types::Timestamp;
use slippers_core::{StoreError, is_expansion};

use crate::db::Db;
use crate::error::OpenError;
use crate::params::params;

/// Name and text, in the order in which they are applied.
const MIGRATIONS: [(&str, &str); 19] = [
    ("0001_catalog", include_str!("../migrations/0001_catalog.sql")),
    ("0002_accounts", include_str!("../migrations/0002_accounts.sql")),
    ("0003_cart", include_str!("../migrations/0003_cart.sql")),
    ("0004_orders", include_str!("../migrations/0004_orders.sql")),
    ("0005_users", include_str!("../migrations/0005_users.sql")),
    ("0006_audit", include_str!("../migrations/0006_audit.sql")),
    ("0007_password_resets", include_str!("../migrations/0007_password_resets.sql")),
    ("0008_images", include_str!("../migrations/0008_images.sql")),
    ("0009_leftovers", include_str!("../migrations/0009_leftovers.sql")),
    ("0010_payments", include_str!("../migrations/0010_payments.sql")),
    ("0011_changes", include_str!("../migrations/0011_changes.sql")),
    ("0013_outbox", include_str!("../migrations/0013_outbox.sql")),
    ("0014_comparisons", include_str!("../migrations/0014_comparisons.sql")),
    ("0015_list_order", include_str!("../migrations/0015_list_order.sql")),
    ("0016_joints", include_str!("../migrations/0016_joints.sql")),
    ("0017_pictures", include_str!("../migrations/0017_pictures.sql")),
    ("0018_user_order", include_str!("../migrations/0018_user_order.sql")),
    ("0019_user_digits", include_str!("../migrations/0019_user_digits.sql")),
    ("0020_slipper_changes", include_str!("../migrations/0020_slipper_changes.sql")),
];

/// The indexes that all migrations together leave.
pub(crate) fn indexes() -> Vec<String> {
    let mut left = Vec::new();
    for (_, text) in MIGRATIONS {
        let mut words = text.split_whitespace();
        let mut verb = "";
        while let Some(word) = words.next() {
            match word {
                "CREATE" | "DROP" => verb = word,
                "UNIQUE" => {}
                "INDEX" => {
                    let name = words.find(|word| !matches!(*word, "IF" | "NOT" | "EXISTS" | "CONCURRENTLY"));
                    let name = name.unwrap_or_default().trim_end_matches(';').to_owned();
                    match verb {
                        "CREATE" => left.push(name),
                        "DROP" => left.retain(|kept| *kept != name),
                        _ => {}
                    }
                }
                _ => verb = "",
            }
        }
    }
    left
}

const RECORD: &str = "
    CREATE TABLE schema_migrations (
        name TEXT NOT NULL CONSTRAINT schema_migrations_pkey PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )";

/// "SLPS", as the application_id of an SQLite file.
const LOCK: i64 = 0x534c_5053;

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

/// Applies what is missing, in one transaction.
pub(crate) async fn migrate(db: &Db, now: Timestamp) -> Result<(), OpenError> {
    db.control("BEGIN").await.map_err(failed)?;
    let done = migrate_locked(db, now).await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = db.control(end).await.map_err(failed);
    done.and(ended)
}

pub(crate) async fn migrate_locked(db: &Db, now: Timestamp) -> Result<(), OpenError> {
    db.run("SELECT pg_advisory_xact_lock($1)", params![LOCK]).await.map_err(failed)?;
    let found = look(db).await?;
    if found == Found::Nothing {
        db.control(RECORD).await.map_err(failed)?;
    }
    let statuses = compare(db, found).await?;
    refuse_foreign(&statuses)?;
    let is_pending = |name: &str| {
        statuses.iter().any(|status| status.name == name && status.state == MigrationState::Pending)
    };
    for (name, sql) in MIGRATIONS.iter().filter(|(name, _)| is_pending(name)) {
        db.control(sql).await.map_err(failed)?;
        db.run(
            "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ($1, $2, $3)",
            params![*name, checksum(sql), now.micros()],
        )
        .await
        .map_err(failed)?;
    }
    Ok(())
}

/// Where each migration stands in the database, which is not changed.
pub(crate) async fn status(db: &Db) -> Result<Vec<MigrationStatus>, OpenError> {
    let found = look(db).await?;
    compare(db, found).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Slippers,
}

// Tables of extensions are nobody's.
const LOOK: &str = "
    SELECT current_setting('server_encoding'),
           to_regclass('schema_migrations') IS NOT NULL,
           EXISTS (
               SELECT 1 FROM pg_class c
               WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind IN ('r', 'p')
                 AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e'))";

async fn look(db: &Db) -> Result<Found, OpenError> {
    let read = db.one(LOOK, params![], |row| Ok((row.text(0)?, row.flag(1)?, row.flag(2)?)));
    match read.await.map_err(failed)? {
        (encoding, ..) if encoding != "UTF8" => Err(OpenError::Encoding(encoding)),
        (_, true, _) => Ok(Found::Slippers),
        (_, false, true) => Err(OpenError::NotSlippers),
        (_, false, false) => Ok(Found::Nothing),
    }
}

async fn compare(db: &Db, found: Found) -> Result<Vec<MigrationStatus>, OpenError> {
    let recorded = match found {
        Found::Nothing => Vec::new(),
        Found::Slippers => recorded(db).await?,
    };
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

async fn recorded(db: &Db) -> Result<Vec<(String, String, Timestamp)>, OpenError> {
    const SQL: &str = "SELECT name, checksum, applied_at FROM schema_migrations ORDER BY name COLLATE \"C\"";
    let read = db.all(SQL, params![], |row| Ok((row.text(0)?, row.text(1)?, row.time(2)?)));
    // A table of that name without our columns is another program's.
    read.await.map_err(|error| match error {
        StoreError::Other(_) | StoreError::Corrupt(_) => OpenError::NotSlippers,
        other => failed(other),
    })
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

fn failed(error: StoreError) -> OpenError {
    OpenError::Database(error.to_string())
}
