//! The store as a whole.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use slippers_core::accounts::UserQuery;
use slippers_core::places::Places;
use slippers_core::types::Timestamp;
use slippers_core::{ChangeListener, Listeners, PoolStatus, Store, StoreError, StoreLoad};

use crate::catalog::Remembered;
use crate::connection::open_writer;
use crate::error::OpenError;
use crate::migrations::{self, MigrationStatus, told};
use crate::readers::Readers;
use crate::writer::{MAX_WAIT, Writer};

/// A shop in one SQLite file. Cheap to clone: all clones are the same store, and the last one that is dropped closes it.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) writer: Arc<Writer>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) lists: Arc<Remembered>,
    pub(crate) people: Arc<Places<UserQuery>>,
    statements: Arc<AtomicU64>,
    listeners: Arc<Listeners>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("pool", &self.pool_status()).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the shop in this file, which is made when it is not there (its folder must be), and brings its schema up
    /// to this program's. Blocks for as long as that takes.
    ///
    /// # Errors
    /// [`OpenError`]; the file is left as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut conn = open_writer(path).map_err(|source| told(path, source))?;
        migrations::migrate(&mut conn, path, wall_clock())?;
        let statements = Arc::new(AtomicU64::new(0));
        let listeners = Arc::<Listeners>::default();
        let waits = Arc::default();
        let readers = Arc::new(Readers::new(path.to_owned(), Arc::clone(&statements), Arc::clone(&waits)));
        let writer = Writer::start(conn, Arc::clone(&statements), Arc::clone(&listeners), waits)
            .map_err(|source| OpenError::System { path: path.to_owned(), source })?;
        let (lists, people) = Default::default();
        Ok(Self { writer: Arc::new(writer), readers, lists, people, statements, listeners })
    }

    /// Where each migration stands in this file, which is neither made nor changed; all of a file that is not there are
    /// pending.
    ///
    /// # Errors
    /// [`OpenError`] when the file can't be read or is no shop.
    pub fn migration_status(path: &Path) -> Result<Vec<MigrationStatus>, OpenError> {
        migrations::status(path)
    }

    /// Closes the store: queued writes are finished and answered, the log is folded into the file, and every later call
    /// is [`StoreError::Unavailable`]. Blocks for as long as that takes; a second call does nothing. Dropping the last
    /// clone does the same.
    pub fn close(&self) {
        self.writer.close();
        self.readers.close();
    }
}

/// When a migration was applied is for people who look into the file; no rule depends on it.
fn wall_clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a note in schema_migrations; nothing decides by it")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT name FROM schema_migrations LIMIT 1";
        self.readers.read(|db| db.one(SQL, [], |row| row.text(0))).map_err(|error| match error {
            unavailable @ StoreError::Unavailable(_) => unavailable,
            other => StoreError::Unavailable(other.to_string()),
        })?;
        Ok(())
    }

    fn listen(&self, listener: Weak<dyn ChangeListener>) {
        self.listeners.add(listener);
    }

    fn pool_status(&self) -> PoolStatus {
        let readers = self.readers.status();
        let writing = u32::from(self.writer.is_busy());
        PoolStatus {
            size: readers.size + 1,
            idle: readers.idle + 1 - writing,
            in_use: readers.open - readers.idle + writing,
            max_overflow: readers.max_open - readers.size,
            timeout_seconds: u32::try_from(MAX_WAIT.as_secs()).unwrap_or(u32::MAX),
        }
    }

    fn load(&self) -> StoreLoad {
        let readers = self.readers.status();
        let writer = self.writer.load();
        StoreLoad {
            waiting: writer.waiting + readers.waiting,
            refused: writer.refused + readers.refused,
            ..writer
        }
    }

    fn statements_run(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}
