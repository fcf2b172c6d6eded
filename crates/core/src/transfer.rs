//! A whole shop as rows, on its way from one database to another.

use crate::store::StoreError;

/// A value of a row. Switches are 0 or 1, times microseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'r> {
    /// No value.
    Null,
    /// A number, a switch or a time.
    Int(i64),
    /// A text.
    Text(&'r str),
    /// Bytes.
    Bytes(&'r [u8]),
}

/// Takes one row; an error ends the reading.
pub type EachRow<'e> = dyn FnMut(&[Cell<'_>]) -> Result<(), StoreError> + 'e;

/// A database to be copied from. All calls see it as it was at the first, whatever is written meanwhile.
pub trait Source: Send {
    /// The tables that hold what cannot be made again from other tables.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer; so for all calls.
    fn tables(&mut self) -> Result<Vec<String>, StoreError>;

    /// The names of a table's columns.
    ///
    /// # Errors
    /// [`StoreError`].
    fn columns(&mut self, table: &str) -> Result<Vec<String>, StoreError>;

    /// How many rows a table has.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count(&mut self, table: &str) -> Result<u64, StoreError>;

    /// The greatest number that was ever given to a row of the table; 0 = none was.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_number(&mut self, table: &str) -> Result<i64, StoreError>;

    /// Reads all rows of a table, their values in the order of `columns`.
    ///
    /// # Errors
    /// [`StoreError`], and the first error of `each`.
    fn read(&mut self, table: &str, columns: &[String], each: &mut EachRow<'_>) -> Result<(), StoreError>;
}
