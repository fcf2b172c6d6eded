//! What other processes commit.

use rusqlite::Connection;
use slippers_core::StoreError;

use crate::error::interpret_error;

/// Sees what other processes commit to the same file.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    seen: Option<i64>,
}

impl Elsewhere {
    /// Whether another process has committed something since the last look through this connection. The first look says
    /// no. It costs a read of the log's header, and does not see what this connection commits itself.
    pub(crate) fn has_changed(&mut self, conn: &Connection) -> Result<bool, StoreError> {
        let mut statement = conn.prepare_cached("PRAGMA data_version").map_err(interpret_error)?;
        let now = statement.query_row([], |row| row.get::<_, i64>(0)).map_err(interpret_error)?;
        let before = self.seen.replace(now);
        Ok(before.is_some_and(|before| before != now))
    }
}
