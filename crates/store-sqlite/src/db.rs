//! The funnel: every statement of a verb goes through here, is prepared once and counted.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, Params, Row};
use slippers_core::types::{Money, Timestamp};
use slippers_core::{AtWork, Change, StoreError, Tally};

use crate::error::interpret_error;

/// A connection on which a verb runs, inside of a transaction that somebody else begins and ends.
pub(crate) struct Db<'c> {
    conn: &'c Connection,
    statements: &'c AtomicU64,
    changes: RefCell<Vec<Change>>,
    /// For the request that this thread works for.
    work: AtWork,
}

impl<'c> Db<'c> {
    pub(crate) fn new(conn: &'c Connection, statements: &'c AtomicU64) -> Self {
        let work = AtWork::of(Tally::current(), Instant::now());
        Self { conn, statements, changes: RefCell::new(Vec::new()), work }
    }

    /// Notes what a verb changes, for those who listen once it is committed.
    pub(crate) fn note(&self, change: Change) {
        self.changes.borrow_mut().push(change);
    }

    /// What the verb has noted.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes.into_inner()
    }

    /// Runs a statement and reads all rows it answers.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.up_to(sql, params, &mut read, |_| false)
    }

    /// Like [`Self::all`], up to and with the row at which `is_enough` says so; what follows is not even looked for.
    pub(crate) fn up_to<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Cells<'_>) -> Result<T, StoreError>,
        mut is_enough: impl FnMut(&T) -> bool,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params).map_err(interpret_error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(interpret_error)? {
            let item = read(&Cells(row))?;
            let enough = is_enough(&item);
            found.push(item);
            if enough {
                break;
            }
        }
        Ok(found)
    }

    /// Runs a statement and reads the first row it answers. It is always run to its end: SQLite checks foreign keys
    /// there, also for a write that answers rows.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.statement(sql)?;
        let mut rows = statement.query(params).map_err(interpret_error)?;
        let mut first = None;
        while let Some(row) = rows.next().map_err(interpret_error)? {
            if first.is_none() {
                first = Some(read(&Cells(row))?);
            }
        }
        Ok(first)
    }

    /// Like [`Self::first`], for what the schema or an earlier statement promises to be there.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.first(sql, params, read)?
            .ok_or_else(|| StoreError::Corrupt(format!("no row where one must be: {sql}")))
    }

    /// Runs a statement that answers nothing and tells how many rows it changed itself.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.statement(sql)?.execute(params).map_err(interpret_error)
    }

    /// Runs an INSERT of one row and answers its number.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, StoreError> {
        self.run(sql, params)?;
        Ok(self.conn.last_insert_rowid())
    }

    /// Prepares a statement that is run very often in a row.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Prepared<'_>, StoreError> {
        let statement = self.conn.prepare_cached(sql).map_err(interpret_error)?;
        self.work.ran(sql);
        Ok(Prepared { statement, conn: self.conn, statements: self.statements })
    }

    /// A setting of the connection; not counted, as it is no statement of a verb.
    pub(crate) fn pragma(&self, name: &str, value: i64) -> Result<(), StoreError> {
        self.conn.pragma_update(None, name, value).map_err(interpret_error)
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.work.ran(sql);
        self.conn.prepare_cached(sql).map_err(interpret_error)
    }
}

/// A statement prepared to be run very often.
pub(crate) struct Prepared<'c> {
    statement: CachedStatement<'c>,
    conn: &'c Connection,
    statements: &'c AtomicU64,
}

impl Prepared<'_> {
    /// Runs an INSERT of one row and answers its number.
    pub(crate) fn insert(&mut self, params: impl Params) -> Result<i64, StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.statement.execute(params).map_err(interpret_error)?;
        Ok(self.conn.last_insert_rowid())
    }
}

/// A row that was found. A value that is not what the schema promises is [`StoreError::Corrupt`], never a default.
pub(crate) struct Cells<'r>(&'r Row<'r>);

impl Cells<'_> {
    pub(crate) fn get<T: FromSql>(&self, at: usize) -> Result<T, StoreError> {
        self.0.get(at).map_err(interpret_error)
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.get(at)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        self.get(at)
    }

    /// A text where SQLite has it.
    pub(crate) fn str(&self, at: usize) -> Result<&str, StoreError> {
        self.optional_str(at)?.ok_or_else(|| StoreError::Corrupt(format!("column {at} is NULL")))
    }

    /// Like [`Self::str`], where there may be none.
    pub(crate) fn optional_str(&self, at: usize) -> Result<Option<&str>, StoreError> {
        let value = self.0.get_ref(at).map_err(interpret_error)?;
        value.as_str_or_null().map_err(|error| StoreError::Corrupt(format!("column {at}: {error}")))
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, StoreError> {
        flag(self.get(at)?)
    }

    pub(crate) fn money(&self, at: usize) -> Result<Money, StoreError> {
        self.get(at).map(Money::from_minor)
    }

    pub(crate) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        time(self.get(at)?)
    }

    /// A column that is an array which SQLite has written as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, at: usize) -> Result<T, StoreError> {
        serde_json::from_str(self.str(at)?)
            .map_err(|error| StoreError::Corrupt(format!("column {at}: {error}")))
    }
}

/// A point in time is stored as microseconds, inside of the years 1 to 9999.
pub(crate) fn time(stored: i64) -> Result<Timestamp, StoreError> {
    let time = Timestamp::from_micros(stored);
    if time.micros() == stored {
        Ok(time)
    } else {
        Err(StoreError::Corrupt(format!("{stored} is no point in time")))
    }
}

/// A switch is stored as 0 or 1.
pub(crate) fn flag(stored: i64) -> Result<bool, StoreError> {
    match stored {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(StoreError::Corrupt(format!("{other} is no switch"))),
    }
}

/// A list of values as one parameter, for `json_each`.
pub(crate) fn json_list<T: serde::Serialize>(values: &T) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|error| StoreError::Other(error.to_string()))
}
