//! A shop that moves in from another database: in one transaction, so that of a move which does not end nothing is there.

mod layout;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use slippers_core::transfer::Source;
use slippers_core::{Change, StoreError};
use thiserror::Error;
use tokio::sync::mpsc;

use self::layout::Table;
use self::text::Writer;
use crate::db::Db;
use crate::error::OpenError;
use crate::feed::Feed;
use crate::migrations;
use crate::params::params;
use crate::settings::PostgresSettings;
use crate::store::{PostgresStore, connect_directly, wall_clock};

/// Rows are sent in pieces of about this many bytes; a few wait for the wire.
const PIECE: usize = 64 << 10;
const PIECES_AHEAD: usize = 8;

/// Why a shop did not move in. Nothing of it is there.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The target can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The target holds rows already.
    #[error("the target is not empty: {table} has rows")]
    NotEmpty {
        /// A table with rows.
        table: String,
    },
    /// The source has other tables or columns than this program's schema.
    #[error("the source does not have this program's schema: {0}")]
    Schema(String),
    /// What came out is not what went in.
    #[error("{table} differs after the copy: {what}")]
    Differs {
        /// The table.
        table: String,
        /// Which figure, and both of its values.
        what: String,
    },
    /// A database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was moved, and compared on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// The sums of those columns that hold money, as `table.column`, in minor units.
    pub money: BTreeMap<String, i128>,
}

/// A figure of what is moved so far: rows, of all rows.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

impl PostgresStore {
    /// Moves a whole shop into this database, which must be empty. Numbers stay as they are, and none that the source
    /// ever gave is given again. Row counts and the sum of every column of numbers are compared before it commits.
    ///
    /// # Errors
    /// [`TransferError`]; the database is left as it was.
    pub async fn move_in(
        settings: &PostgresSettings,
        source: Box<dyn Source>,
        progress: Progress,
    ) -> Result<Moved, TransferError> {
        let db = connect_directly(settings).await?;
        db.control("BEGIN").await?;
        let moved = match move_all(&db, source, &progress).await {
            Ok(moved) => moved,
            Err(error) => {
                // Where that fails the connection is closed, which ends it too.
                let _ = db.control("ROLLBACK").await;
                return Err(error);
            }
        };
        // A shop that is served from the empty target already must hear of it.
        let committed = Feed::default().commit(&db, &[Change::Catalog]).await;
        committed.map_err(|error| StoreError::Undecided(error.to_string()))?;
        // Plans need to know the tables now, not when autovacuum comes by; without it the shop is slow for a while.
        if let Err(error) = db.control("ANALYZE").await {
            tracing::warn!(%error, "the tables were not analyzed: {error}");
        }
        Ok(moved)
    }
}

async fn move_all(db: &Db, mut source: Box<dyn Source>, progress: &Progress) -> Result<Moved, TransferError> {
    migrations::migrate_locked(db, wall_clock()).await?;
    let tables = layout::tables(db).await?;
    refuse_rows(db, &tables).await?;
    let mut total = 0;
    (source, total) = off_the_workers(source, total, {
        let tables = tables.clone();
        move |source, total| {
            same_schema(source, &tables)?;
            for table in &tables {
                *total += source.count(&table.name)?;
            }
            Ok(())
        }
    })
    .await?;
    let mut moved = Moved::default();
    let mut before = 0;
    for table in tables {
        let rows = copy(db, &mut source, &table, progress, (before, total), &mut moved).await?;
        before += rows;
    }
    Ok(moved)
}

/// Runs what reads the source, which may block, where blocking harms nobody.
#[expect(clippy::disallowed_methods, reason = "one at a time, in a command that does nothing else")]
async fn off_the_workers<T: Send + 'static>(
    mut source: Box<dyn Source>,
    mut state: T,
    work: impl FnOnce(&mut dyn Source, &mut T) -> Result<(), TransferError> + Send + 'static,
) -> Result<(Box<dyn Source>, T), TransferError> {
    let done = tokio::task::spawn_blocking(move || {
        work(&mut *source, &mut state)?;
        Ok((source, state))
    });
    done.await.unwrap_or_else(|error| Err(StoreError::Other(format!("reading panicked: {error}")).into()))
}

/// What the migrations put there is replaced; anything else makes the target one that is in use.
async fn refuse_rows(db: &Db, tables: &[Table]) -> Result<(), TransferError> {
    for Table { name, .. } in tables {
        let has_rows = if name.ends_with("_counters") {
            let columns = if name == "shop_counters" { "value <> 0" } else { "orders <> 0" };
            format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE {columns})")
        } else {
            format!("SELECT EXISTS (SELECT 1 FROM \"{name}\")")
        };
        if db.one(&has_rows, params![], |row| row.flag(0)).await? {
            return Err(TransferError::NotEmpty { table: name.clone() });
        }
    }
    for Table { name, .. } in tables.iter().filter(|table| table.name.ends_with("_counters")) {
        db.run(&format!("DELETE FROM {name}"), params![]).await?;
    }
    Ok(())
}

fn same_schema(source: &mut dyn Source, tables: &[Table]) -> Result<(), TransferError> {
    let unlike = |what: String| Err(TransferError::Schema(what));
    let theirs = source.tables()?;
    if let Some(extra) = theirs.iter().find(|theirs| tables.iter().all(|table| table.name != **theirs)) {
        return unlike(format!("it has a table {extra} more"));
    }
    for table in tables {
        if !theirs.contains(&table.name) {
            return unlike(format!("it has no table {}", table.name));
        }
        let (mut ours, mut theirs) = (table.columns(), source.columns(&table.name)?);
        ours.sort_unstable();
        theirs.sort_unstable();
        if ours != theirs {
            return unlike(format!("{} has the columns {theirs:?} and not {ours:?}", table.name));
        }
    }
    Ok(())
}

/// What was read of a table.
struct Read {
    /// Of each column's numbers.
    sums: Vec<i128>,
    rows: u64,
    last_number: i64,
}

/// Copies a table and compares; answers its rows.
async fn copy(
    db: &Db,
    source: &mut Box<dyn Source>,
    table: &Table,
    progress: &Progress,
    (before, total): (u64, u64),
    moved: &mut Moved,
) -> Result<u64, TransferError> {
    let (send, mut chunks) = mpsc::channel::<Result<Bytes, StoreError>>(PIECES_AHEAD);
    let (reader, read_table, tell) = (take(source), table.clone(), Arc::clone(progress));
    let nothing_yet = Read { sums: vec![0; table.columns.len()], rows: 0, last_number: 0 };
    let reading = off_the_workers(reader, nothing_yet, {
        move |source, so_far: &mut Read| {
            let mut writer = Writer::new(&read_table);
            let read = source.read(&read_table.name, &read_table.columns(), &mut |cells| {
                writer.row(cells, &mut so_far.sums)?;
                so_far.rows += 1;
                if writer.len() >= PIECE {
                    tell(before + so_far.rows, total);
                    send.blocking_send(Ok(writer.take())).map_err(|_| gone())?;
                }
                Ok(())
            });
            so_far.last_number = source.last_number(&read_table.name)?;
            // Where nobody listens any more the target has its own error to tell.
            let _ = send.blocking_send(read.map(|()| writer.take()));
            Ok(())
        }
    });
    let sql = table.copy_statement();
    let (read, copied) = join(reading, db.copy_in(&sql, &mut chunks)).await;
    let copied = copied?;
    let (reader, Read { sums, rows, last_number }) = read?;
    *source = reader;
    if copied != rows {
        let what = format!("{rows} rows were read and {copied} written");
        return Err(TransferError::Differs { table: table.name.clone(), what });
    }
    compare(db, table, rows, &sums).await?;
    if let Some(id) = table.identity() {
        db.one(&table.sequence_statement(id), params![last_number], |row| row.int(0)).await?;
    }
    progress(before + rows, total);
    moved.rows.insert(table.name.clone(), rows);
    for (column, sum) in table.columns.iter().zip(sums).filter(|(column, _)| column.is_money()) {
        moved.money.insert(format!("{}.{}", table.name, column.name), sum);
    }
    Ok(rows)
}

/// The source while somebody else reads it.
fn take(source: &mut Box<dyn Source>) -> Box<dyn Source> {
    std::mem::replace(source, Box::new(layout::Nothing))
}

fn gone() -> StoreError {
    StoreError::Unavailable("the target takes no more rows".to_owned())
}

async fn compare(db: &Db, table: &Table, rows: u64, sums: &[i128]) -> Result<(), TransferError> {
    let sql = table.sums_statement();
    let found = db.one(&sql, params![], |row| {
        (0..=table.columns.len()).map(|at| row.text(at)).collect::<Result<Vec<_>, _>>()
    });
    let found = found.await?;
    let expected = std::iter::once(("the number of rows", i128::from(rows)))
        .chain(table.columns.iter().zip(sums).map(|(column, sum)| (column.name.as_str(), *sum)));
    for ((what, expected), found) in expected.zip(found) {
        if expected.to_string() != found {
            let what = format!("{what} comes to {expected} there and {found} here");
            return Err(TransferError::Differs { table: table.name.clone(), what });
        }
    }
    Ok(())
}
