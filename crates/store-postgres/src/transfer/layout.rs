//! What the tables are made of.

use slippers_core::StoreError;
use slippers_core::transfer::{EachRow, Source};

use super::TransferError;
use crate::db::Db;
use crate::params::params;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Switch,
    Time,
    Text,
    Bytes,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    is_identity: bool,
}

impl Column {
    pub(super) fn is_money(&self) -> bool {
        self.name.ends_with("_minor")
    }
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

impl Table {
    pub(super) fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// The column whose values come from a sequence.
    pub(super) fn identity(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.is_identity)
    }

    pub(super) fn copy_statement(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        format!("COPY \"{}\" ({}) FROM STDIN", self.name, columns.join(", "))
    }

    /// The number of rows, then for each column the sum of its numbers (0 where it has none), all as texts.
    pub(super) fn sums_statement(&self) -> String {
        let sums = self.columns.iter().map(|column| match column.kind {
            Kind::Number => format!("coalesce(sum(\"{}\"), 0)::text", column.name),
            _ => "'0'".to_owned(),
        });
        let columns: Vec<String> = std::iter::once("count(*)::text".to_owned()).chain(sums).collect();
        format!("SELECT {} FROM \"{}\"", columns.join(", "), self.name)
    }

    /// Sets the sequence behind the greatest number that was ever given, `$1`.
    pub(super) fn sequence_statement(&self, id: &Column) -> String {
        format!(
            "SELECT setval(pg_get_serial_sequence('\"{table}\"', '{id}'), greatest($1, 1, max(\"{id}\")), \
             greatest($1, coalesce(max(\"{id}\"), 0)) > 0) FROM \"{table}\"",
            table = self.name,
            id = id.name
        )
    }
}

const COLUMNS: &str = "
    SELECT c.relname::text, a.attname::text, t.typname::text, a.attidentity <> ''
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r' AND c.relname NOT IN ('schema_migrations', 'changes', 'slipper_galleries')
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY c.relname, a.attnum";
const REFERENCES: &str = "
    SELECT child.relname::text, parent.relname::text
    FROM pg_constraint k JOIN pg_class child ON child.oid = k.conrelid JOIN pg_class parent ON parent.oid = k.confrelid
    WHERE k.contype = 'f' AND k.connamespace = to_regnamespace(current_schema())";

/// All tables of the schema, each behind those that it refers to.
pub(super) async fn tables(db: &Db) -> Result<Vec<Table>, TransferError> {
    let mut tables: Vec<Table> = Vec::new();
    let columns =
        db.all(COLUMNS, params![], |row| Ok((row.text(0)?, row.text(1)?, row.text(2)?, row.flag(3)?)));
    for (table, name, kind, is_identity) in columns.await? {
        let column = Column { kind: kind_of(&table, &name, &kind)?, name, is_identity };
        match tables.last_mut().filter(|last| last.name == table) {
            Some(last) => last.columns.push(column),
            None => tables.push(Table { name: table, columns: vec![column] }),
        }
    }
    let references = db.all(REFERENCES, params![], |row| Ok((row.text(0)?, row.text(1)?))).await?;
    in_order(tables, &references)
}

fn kind_of(table: &str, column: &str, kind: &str) -> Result<Kind, TransferError> {
    match kind {
        "int8" | "int4" => Ok(Kind::Number),
        "bool" => Ok(Kind::Switch),
        "timestamptz" => Ok(Kind::Time),
        "text" => Ok(Kind::Text),
        "bytea" => Ok(Kind::Bytes),
        other => Err(TransferError::Schema(format!("{table}.{column} is of the type {other}"))),
    }
}

fn in_order(mut tables: Vec<Table>, references: &[(String, String)]) -> Result<Vec<Table>, TransferError> {
    let mut ordered: Vec<Table> = Vec::new();
    while !tables.is_empty() {
        let is_ready = |table: &Table| {
            references
                .iter()
                .filter(|(child, parent)| *child == table.name && child != parent)
                .all(|(_, parent)| ordered.iter().any(|done| done.name == *parent))
        };
        let Some(at) = tables.iter().position(is_ready) else {
            return Err(TransferError::Schema("tables refer to each other in a circle".to_owned()));
        };
        ordered.push(tables.remove(at));
    }
    Ok(ordered)
}

/// Stands for a source that is being read elsewhere.
pub(super) struct Nothing;

impl Source for Nothing {
    fn tables(&mut self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn columns(&mut self, _: &str) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn count(&mut self, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn last_number(&mut self, _: &str) -> Result<i64, StoreError> {
        Ok(0)
    }

    fn read(&mut self, _: &str, _: &[String], _: &mut EachRow<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str) -> Table {
        Table { name: name.to_owned(), columns: Vec::new() }
    }

    fn order(references: &[(&str, &str)]) -> Option<Vec<String>> {
        let references: Vec<_> =
            references.iter().map(|(child, parent)| ((*child).to_owned(), (*parent).to_owned())).collect();
        let ordered = in_order(vec![table("a"), table("b"), table("c")], &references).ok()?;
        Some(ordered.into_iter().map(|table| table.name).collect())
    }

    #[test]
    fn tables_come_behind_those_that_they_refer_to() {
        assert_eq!(order(&[("a", "b"), ("b", "c"), ("c", "c")]).expect("an order"), ["c", "b", "a"]);
        assert_eq!(order(&[]).expect("an order"), ["a", "b", "c"]);
        assert_eq!(order(&[("a", "b"), ("b", "a")]), None);
    }
}
