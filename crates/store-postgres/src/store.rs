//! The store as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use slippers_core::types::Timestamp;
use slippers_core::{ChangeListener, PoolStatus, Store, StoreError};

use crate::connection::{connect, read_url};
use crate::error::OpenError;
use crate::feed::Feed;
use crate::migrations::{self, MigrationStatus};
use crate::orders::combiner::{COMMITTERS, Combiner};
use crate::params::params;
use crate::pool::Pool;
use crate::settings::PostgresSettings;

/// A shop in a PostgreSQL database. Cheap to clone: all clones are the same store.
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) pool: Arc<Pool>,
    /// Connections of those who place orders: nobody else takes them.
    pub(crate) checkout: Arc<Pool>,
    pub(crate) combiner: Arc<Combiner>,
    pub(crate) feed: Arc<Feed>,
    statements: Arc<AtomicU64>,
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
        let statements = Arc::new(AtomicU64::new(0));
        let db = connect(&direct, false, Arc::new(AtomicU64::new(0))).await?;
        migrations::migrate(&db, wall_clock()).await?;
        let committers = u32::try_from(COMMITTERS).unwrap_or(1);
        let of_all = PostgresSettings {
            pool_size: settings.pool_size.saturating_sub(committers).max(1),
            ..settings.clone()
        };
        let of_checkout = PostgresSettings { pool_size: committers, max_overflow: 0, ..settings.clone() };
        let feed = Arc::<Feed>::default();
        let pool = Pool::new(config.clone(), &of_all, Arc::clone(&statements), Arc::clone(&feed));
        let checkout = Pool::new(config, &of_checkout, Arc::clone(&statements), Arc::clone(&feed));
        feed.follow(direct);
        let (pool, checkout) = (Arc::new(pool), Arc::new(checkout));
        Ok(Self { pool, checkout, combiner: Arc::default(), feed, statements })
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
        self.checkout.close().await;
        self.pool.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT name FROM schema_migrations LIMIT 1";
        let asked = self.read((), |db, ()| Box::pin(db.one(SQL, params![], |row| row.text(0))));
        asked.await.map(|_| ()).map_err(|error: StoreError| match error {
            unavailable @ StoreError::Unavailable(_) => unavailable,
            other => StoreError::Unavailable(other.to_string()),
        })
    }

    fn listen(&self, listener: Weak<dyn ChangeListener>) {
        self.feed.listeners().add(listener);
    }

    fn pool_status(&self) -> PoolStatus {
        let (all, checkout) = (self.pool.status(), self.checkout.status());
        PoolStatus {
            size: all.size + checkout.size,
            idle: all.idle + checkout.idle,
            in_use: all.in_use + checkout.in_use,
            ..all
        }
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
