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
    /// Replicas that may answer reads, an address each.
    pub replica_urls: Vec<String>,
    /// Connections that are kept open; 0 = four for each core, 8 to 32, and no more than the server has to give.
    pub pool_size: u32,
    /// Connections that may be opened beyond those under load, and are closed after it.
    pub max_overflow: u32,
    /// Whether a pool that is larger than the server allows is made to fit it. Otherwise it is refused.
    pub fits_server: bool,
    /// The longest that those who pay wait for a connection; those who look around wait a second or two.
    pub pool_timeout: Duration,
    /// A connection that is older is replaced by a new one; some are up to a fifth younger.
    pub max_lifetime: Duration,
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
            replica_urls: Vec::new(),
            pool_size: 0,
            max_overflow: 0,
            fits_server: false,
            pool_timeout: Duration::from_secs(10),
            max_lifetime: Duration::from_secs(30 * 60),
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
