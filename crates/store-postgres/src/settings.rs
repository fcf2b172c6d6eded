//! What the store is told.

use std::fmt;
use std::time::Duration;

/// How to reach the database and how much of it to use.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgresql://user:password@host:port/database`; a driver's name behind the scheme (`postgresql+asyncpg://`) is
    /// passed over.
    pub url: String,
    /// The same database past a pooler, for migrations; `None` = `url`.
    pub direct_url: Option<String>,
    /// Connections that are kept open, at least 3: two of them place orders and nothing else.
    pub pool_size: u32,
    /// Connections that may be opened beyond those under load, and are closed after it.
    pub max_overflow: u32,
    /// The longest that a call waits for a connection.
    pub pool_timeout: Duration,
    /// Whether statements are prepared once a connection. Must be `false` behind a pooler that gives each transaction
    /// another connection and does not know prepared statements (PgBouncer before 1.21).
    pub prepared_statements: bool,
}

impl PostgresSettings {
    /// The usual settings for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            direct_url: None,
            pool_size: 16,
            max_overflow: 0,
            pool_timeout: Duration::from_secs(5),
            prepared_statements: true,
        }
    }
}

/// Without the URLs: they hold passwords.
impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("pool_timeout", &self.pool_timeout)
            .field("prepared_statements", &self.prepared_statements)
            .finish_non_exhaustive()
    }
}
