//! How rows are read.

use slippers_core::StoreError;
use slippers_core::types::{Money, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

/// A row that was found. A value that is not what the schema promises is [`StoreError::Corrupt`], never a default.
pub(crate) struct Cells<'r>(&'r Row);

impl<'r> Cells<'r> {
    pub(crate) const fn new(row: &'r Row) -> Self {
        Self(row)
    }

    pub(crate) fn get<T: FromSql<'r>>(&self, at: usize) -> Result<T, StoreError> {
        self.0.try_get(at).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        self.get(at)
    }

    pub(crate) fn text(&self, at: usize) -> Result<String, StoreError> {
        self.get(at)
    }

    pub(crate) fn flag(&self, at: usize) -> Result<bool, StoreError> {
        self.get(at)
    }

    pub(crate) fn money(&self, at: usize) -> Result<Money, StoreError> {
        self.get(at).map(Money::from_minor)
    }

    pub(crate) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        time(self.get(at)?)
    }

    /// A time that may be absent.
    pub(crate) fn time_or_none(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        self.get::<Option<i64>>(at)?.map(time).transpose()
    }

    /// A column that is an array which PostgreSQL has written as JSON, or keeps as its text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, at: usize) -> Result<T, StoreError> {
        let Json(text) = self.get(at)?;
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("column {at}: {error}")))
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

/// The text of a column of type json.
struct Json<'r>(&'r str);

impl<'r> FromSql<'r> for Json<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::JSON | Type::TEXT)
    }
}
