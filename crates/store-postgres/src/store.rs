//! The store as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use slippers_core::types::Timestamp;
use slippers_core::{ChangeListener, PoolStatus, Store, StoreError, StoreLoad};
use tokio::runtime::Handle;
use tokio_postgres::Config;

use crate::budget::Budget;
use crate::connection::{connect, read_url};
use crate::error::OpenError;
use crate::feed::Feed;
use crate::migrations::{self, MigrationStatus};
use crate::orders::combiner::Combiner;
use crate::params::params;
use crate::pool::{Class, Maker, Pool};
use crate::session::Session;
use crate::settings::PostgresSettings;

/// The longest that a sign of life takes: whoever asks for one gives up soon.
const PING_LIMIT: Duration = Duration::from_secs(3);

/// A shop in a PostgreSQL database. Cheap to clone: all clones are the same store.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Arc<Pool>,
    pub(crate) combiner: Arc<Combiner>,
    pub(crate) feed: Arc<Feed>,
    statements: Arc<AtomicU64>,
    /// Where word of changes can go: past a pooler, or where there is none.
    direct: Option<(Config, Handle)>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("pool", &self.pool.status()).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the shop in this database, which must exist, and brings its schema up to this program's.
    ///
    /// # Errors
    /// [`OpenError`]; the database is left as it was.
    pub async fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let config = read_url(&settings.url)?;
        let direct = read_url(settings.direct_url.as_ref().unwrap_or(&settings.url))?;
        let budget = {
            // Closed before the pool opens any: together they are never above the budget.
            let db = connect(&direct, false, Arc::default()).await?;
            let budget = Budget::find(settings, &config, &db).await?;
            migrations::migrate(&db, wall_clock()).await?;
            budget
        };
        let statements = Arc::new(AtomicU64::new(0));
        let prepared = settings.prepared_statements;
        let maker = Maker::new(config, budget.session, prepared, Arc::clone(&statements));
        let feed = Arc::<Feed>::default();
        let pool = Arc::new(Pool::new(maker, &budget.settle(settings), Arc::clone(&feed)));
        feed.follow(&pool);
        let is_past_pooler = settings.direct_url.is_some() || budget.session == Session::Ours;
        let direct = is_past_pooler.then(|| (direct, Handle::current()));
        Ok(Self { pool, combiner: Arc::default(), feed, statements, direct })
    }

    /// Where each migration stands in this database, which is not changed.
    ///
    /// # Errors
    /// [`OpenError`] when the database can't be read or is no shop.
    pub async fn migration_status(settings: &PostgresSettings) -> Result<Vec<MigrationStatus>, OpenError> {
        let direct = read_url(settings.direct_url.as_ref().unwrap_or(&settings.url))?;
        let db = connect(&direct, false, Arc::new(AtomicU64::new(0))).await?;
        migrations::status(&db).await
    }

    /// Closes the store: what is at work is finished (for at most ten seconds), and every later call is
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.feed.hang_up();
        self.pool.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT name FROM schema_migrations LIMIT 1";
        let asked =
            self.read_as(Class::Health, (), |db, ()| Box::pin(db.one(SQL, params![], |row| row.text(0))));
        match tokio::time::timeout(PING_LIMIT, asked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(unavailable @ StoreError::Unavailable(_))) => Err(unavailable),
            Ok(Err(other)) => Err(StoreError::Unavailable(other.to_string())),
            Err(_) => Err(StoreError::Unavailable("the database gave no sign of life in time".to_owned())),
        }
    }

    fn listen(&self, listener: Weak<dyn ChangeListener>) {
        self.feed.listeners().add(listener);
        // A command that only writes needs no word from others.
        if let Some((direct, runtime)) = &self.direct {
            self.feed.talk(direct.clone(), runtime);
        }
    }

    fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }

    fn load(&self) -> StoreLoad {
        let orders = self.combiner.load();
        let (waiting, refused) = self.pool.pressure();
        StoreLoad { waiting: waiting + orders.waiting, refused: refused + orders.refused, ..orders }
    }

    fn statements_run(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

/// When a migration was applied is for people who look into the database; no rule depends on it.
pub(crate) fn wall_clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a note in schema_migrations; nothing decides by it")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
