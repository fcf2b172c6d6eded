//! Rows in the text form of `COPY` (PostgreSQL manual, COPY, "Text Format").

use std::fmt::Write as _;

use bytes::Bytes;
use slippers_core::StoreError;
use slippers_core::transfer::Cell;
use slippers_core::types::Timestamp;

use super::layout::{Column, Kind, Table};

/// Writes the rows of a table.
pub(super) struct Writer<'t> {
    table: &'t Table,
    written: String,
}

impl<'t> Writer<'t> {
    pub(super) const fn new(table: &'t Table) -> Self {
        Self { table, written: String::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.written).into()
    }

    /// Writes a row and adds its numbers up, column by column.
    pub(super) fn row(&mut self, cells: &[Cell<'_>], sums: &mut [i128]) -> Result<(), StoreError> {
        for (at, ((cell, column), sum)) in cells.iter().zip(&self.table.columns).zip(sums).enumerate() {
            if at > 0 {
                self.written.push('\t');
            }
            if let (Cell::Int(number), Kind::Number) = (cell, column.kind) {
                *sum += i128::from(*number);
            }
            self.cell(*cell, column)?;
        }
        self.written.push('\n');
        Ok(())
    }

    fn cell(&mut self, cell: Cell<'_>, column: &Column) -> Result<(), StoreError> {
        let out = &mut self.written;
        // Writing to a String can't fail.
        match (cell, column.kind) {
            (Cell::Null, _) => out.push_str("\\N"),
            (Cell::Int(number), Kind::Number) => {
                let _ = write!(out, "{number}");
            }
            (Cell::Int(number @ 0..=1), Kind::Switch) => out.push(if number == 1 { 't' } else { 'f' }),
            (Cell::Int(micros), Kind::Time) => {
                out.push_str(&Timestamp::from_micros(micros).iso_with_offset());
            }
            (Cell::Text(text), Kind::Text) if !text.contains('\0') => escape(out, text),
            (Cell::Bytes(bytes), Kind::Bytes) => {
                out.push_str("\\\\x");
                for byte in bytes {
                    let _ = write!(out, "{byte:02x}");
                }
            }
            (Cell::Text(_), Kind::Text) => return Err(self.unfit(column, "a NUL character")),
            (cell, kind) => return Err(self.unfit(column, &format!("{cell:?} where a {kind:?} must be"))),
        }
        Ok(())
    }

    fn unfit(&self, column: &Column, what: &str) -> StoreError {
        StoreError::Corrupt(format!("{}.{} holds {what}", self.table.name, column.name))
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_reads_otherwise_is_escaped() {
        let mut out = String::new();
        escape(&mut out, "a\tb\\c\nd\r\\N");
        assert_eq!(out, "a\\tb\\\\c\\nd\\r\\\\N");
    }
}
