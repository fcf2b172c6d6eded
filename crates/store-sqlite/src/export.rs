//! The file as rows, for another database.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use slippers_core::StoreError;
use slippers_core::transfer::{Cell, EachRow, Source};

use crate::connection::open_untouched;
use crate::error::{OpenError, interpret_error};
use crate::migrations::told;

/// A shop's file, read as it was when it was opened for export.
#[derive(Debug)]
pub struct Export {
    conn: Connection,
}

impl Export {
    /// Opens a file that a [`SqliteStore`](crate::SqliteStore) has brought up to date; it is not changed.
    ///
    /// # Errors
    /// [`OpenError`] when the file can't be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let conn = open_untouched(path).map_err(|source| told(path, source))?;
        // The first read inside of it is the moment that all others see.
        let begun = conn.execute_batch("BEGIN; SELECT name FROM schema_migrations LIMIT 1");
        begun.map_err(|source| told(path, source))?;
        Ok(Self { conn })
    }

    fn texts(&self, sql: &str, table: &str) -> Result<Vec<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(interpret_error)?;
        let names = statement.query_map([table], |row| row.get(0)).map_err(interpret_error)?;
        names.collect::<Result<_, _>>().map_err(interpret_error)
    }
}

// The search's texts are indexes of other tables (a virtual table and those that SQLite keeps it in), as the digits are, which are
// an index on PostgreSQL too. Which rows changed lately is of no use to a program that has read none.
const TABLES: &str = "
    SELECT name FROM sqlite_schema
    WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN (?1, 'user_digits', 'slipper_changes')
      AND NOT EXISTS (
          SELECT 1 FROM sqlite_schema v
          WHERE v.sql LIKE 'CREATE VIRTUAL TABLE%' AND (sqlite_schema.name = v.name OR sqlite_schema.name LIKE v.name || '\\_%' ESCAPE '\\'))
    ORDER BY name";
// `pictures` says again what slipper_images says; the target keeps it in its own way.
const COLUMNS: &str = "
    SELECT name FROM pragma_table_info(?1) WHERE NOT (?1 = 'slippers' AND name = 'pictures') ORDER BY cid";
const LAST_NUMBER: &str = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";

impl Source for Export {
    fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        self.texts(TABLES, "schema_migrations")
    }

    fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError> {
        self.texts(COLUMNS, table)
    }

    fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", quoted(table));
        let rows: i64 = self.conn.query_row(&sql, [], |row| row.get(0)).map_err(interpret_error)?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    fn last_number(&mut self, table: &str) -> Result<i64, StoreError> {
        self.conn.query_row(LAST_NUMBER, [table], |row| row.get(0)).map_err(interpret_error)
    }

    fn read(&mut self, table: &str, columns: &[String], each: &mut EachRow<'_>) -> Result<(), StoreError> {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let sql = format!("SELECT {} FROM {}", names.join(", "), quoted(table));
        let mut statement = self.conn.prepare(&sql).map_err(interpret_error)?;
        let mut rows = statement.query([]).map_err(interpret_error)?;
        while let Some(row) = rows.next().map_err(interpret_error)? {
            let mut cells = Vec::with_capacity(columns.len());
            for (at, name) in columns.iter().enumerate() {
                cells.push(match row.get_ref(at).map_err(interpret_error)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(number) => Cell::Int(number),
                    ValueRef::Text(text) => Cell::Text(utf8(text, table, name)?),
                    ValueRef::Blob(bytes) => Cell::Bytes(bytes),
                    ValueRef::Real(_) => return Err(corrupt(table, name, "a fraction")),
                });
            }
            each(&cells)?;
        }
        Ok(())
    }
}

fn utf8<'r>(text: &'r [u8], table: &str, column: &str) -> Result<&'r str, StoreError> {
    std::str::from_utf8(text).map_err(|_| corrupt(table, column, "a text that is not UTF-8"))
}

fn corrupt(table: &str, column: &str, what: &str) -> StoreError {
    StoreError::Corrupt(format!("{table}.{column} holds {what}"))
}

/// A name of the schema inside of a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
