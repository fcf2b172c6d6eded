//! The store as a whole.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use slippers_core::accounts::UserQuery;
use slippers_core::places::Places;
use slippers_core::types::{Timestamp, UserId};
use slippers_core::{ChangeListener, CopyStatus, PoolStatus, Position, Reader, Store, StoreError, StoreLoad};
use tokio::runtime::Handle;

use crate::budget::Budget;
use crate::catalog::list::Memory;
use crate::connection::{Endpoint, lot, read_url};
use crate::db::Db;
use crate::error::{Address, OpenError};
use crate::feed::{Feed, Positions};
use crate::migrations::{self, MigrationStatus};
use crate::orders::combiner::Combiner;
use crate::params::params;
use crate::pool::{Class, Maker, Pool};
use crate::pooler::{self, Way};
use crate::replicas::Replicas;
use crate::route::{Epoch, Role, Route};
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
    pub(crate) lists: Arc<Memory>,
    pub(crate) people: Arc<Places<UserQuery>>,
    /// `None` = the primary answers everything.
    pub(crate) replicas: Option<Arc<Replicas>>,
    /// Whose own reads replicas may answer; `None` = nobody's.
    pub(crate) reader: Option<Reader>,
    statements: Arc<AtomicU64>,
    /// Where word of changes can go: past a pooler, or where there is none.
    direct: Option<(Arc<Route>, Handle)>,
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
        let ways = Ways::of(settings)?;
        let budget = {
            // Closed before the pool opens any: together they are never above the budget.
            let db = ways.direct.connect(Session::Ours, false, &Arc::default()).await?;
            let budget = Budget::find(settings, &ways.pooled, &db).await?;
            migrations::migrate(&db, wall_clock()).await?;
            budget
        };
        let statements = Arc::new(AtomicU64::new(0));
        let prepared = settings.prepared_statements;
        let maker = |route: &Route, session| Maker::new(route, session, prepared, Arc::clone(&statements));
        let feed = Arc::<Feed>::default();
        let settled = budget.settle(settings);
        let pool = |maker| Arc::new(Pool::new(maker, &settled, Arc::clone(&feed)));
        let primary = pool(maker(&ways.pooled, budget.session));
        let replicas = (!ways.replicas.is_empty()).then(|| {
            // Their limits hold in the server: a pooler is never in between.
            let pools =
                ways.replicas.into_iter().map(|(name, route)| (name, pool(maker(&route, Session::Ours))));
            Arc::new(Replicas::new(pools.collect(), Arc::clone(&ways.epoch)))
        });
        if let Some(replicas) = &replicas {
            // Behind a pooler others can't be told apart.
            let name = (budget.session == Session::Ours).then_some(ways.name);
            let (knowledge, epoch) = (Arc::clone(&replicas.knowledge), ways.epoch);
            feed.remember_positions(Positions { knowledge, epoch, name });
            replicas.watch(&primary);
        }
        feed.follow(&primary);
        let is_past_pooler = settings.direct_url.is_some() || budget.session == Session::Ours;
        let direct = is_past_pooler.then(|| (Arc::new(ways.direct), Handle::current()));
        let combiner = Arc::default();
        let (lists, people) = Default::default();
        Ok(Self { pool: primary, combiner, feed, lists, people, replicas, reader: None, statements, direct })
    }

    /// Where each migration stands in this database, which is not changed.
    ///
    /// # Errors
    /// [`OpenError`] when the database can't be read or is no shop.
    pub async fn migration_status(settings: &PostgresSettings) -> Result<Vec<MigrationStatus>, OpenError> {
        migrations::status(&connect_directly(settings).await?).await
    }

    /// What stands on the way to this database, which is only looked at. Takes a few seconds at most.
    ///
    /// # Errors
    /// [`OpenError`] when it can't be reached.
    pub async fn look_at_way(settings: &PostgresSettings) -> Result<Way, OpenError> {
        pooler::look(&Ways::of(settings)?.pooled).await
    }

    /// Closes the store: what is at work is finished (for at most ten seconds), and every later call is
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.feed.hang_up();
        self.pool.close().await;
        if let Some(replicas) = &self.replicas {
            replicas.close().await;
        }
    }
}

/// The ways to the servers of the settings.
struct Ways {
    /// To the primary, by way of a pooler if there is one.
    pooled: Route,
    /// To the primary past it.
    direct: Route,
    replicas: Vec<(String, Route)>,
    epoch: Arc<Epoch>,
    /// What this program's connections are called.
    name: String,
}

impl Ways {
    fn of(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let mut pooled = read_url(&settings.url, Address::Shop)?;
        let mut direct = match &settings.direct_url {
            Some(url) => read_url(url, Address::Direct)?,
            None => pooled.clone(),
        };
        let mut others = Vec::new();
        for url in &settings.replica_urls {
            others.extend(read_url(url, Address::Replica)?);
        }
        let name = format!("slippers {:016x}", lot());
        if !others.is_empty() {
            // A replica takes the primary's place when it is promoted.
            pooled.extend(others.iter().cloned());
            direct.extend(others.iter().cloned());
            for endpoint in pooled.iter_mut().chain(&mut direct).chain(&mut others) {
                endpoint.config.application_name(&name);
            }
        }
        let epoch = Arc::<Epoch>::default();
        let to = |endpoints: Vec<Endpoint>| {
            let role = if endpoints.len() > 1 { Role::Primary(Arc::clone(&epoch)) } else { Role::Any };
            Route::new(endpoints, role)
        };
        let (pooled, direct) = (to(pooled), to(direct));
        let to_replica =
            |endpoint: Endpoint| (endpoint.name.clone(), Route::new(vec![endpoint], Role::Replica));
        Ok(Self { pooled, direct, replicas: others.into_iter().map(to_replica).collect(), epoch, name })
    }
}

/// A connection past a pooler, for work that takes its time, such as migrations.
pub(crate) async fn connect_directly(settings: &PostgresSettings) -> Result<Db, OpenError> {
    let ways = Ways::of(settings)?;
    Ok(ways.direct.connect(Session::Ours, false, &Arc::default()).await?)
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
            self.feed.talk(Arc::clone(direct), runtime);
        }
    }

    fn has_copies(&self) -> bool {
        self.replicas.is_some()
    }

    fn wrote(&self, user: Option<UserId>) -> Option<Position> {
        self.replicas.as_ref()?.knowledge.wrote(user, Instant::now())
    }

    fn for_reader(&self, reader: Reader) -> Option<Arc<dyn Store>> {
        self.replicas.as_ref()?;
        Some(Arc::new(Self { reader: Some(reader), ..self.clone() }))
    }

    async fn catch_up(&self, seen: Option<Position>) -> Result<(), StoreError> {
        match (&self.replicas, seen) {
            (None, _) => Ok(()),
            // Strictly: where nothing was written between the two, the look may have been first.
            (Some(replicas), Some(seen)) if replicas.knowledge.primary() > Some(seen) => Ok(()),
            (Some(_), _) => self.feed.look_now().await,
        }
    }

    fn copies(&self) -> Vec<CopyStatus> {
        self.replicas.as_ref().map(|replicas| replicas.status()).unwrap_or_default()
    }

    fn pool_status(&self) -> PoolStatus {
        self.pool.status()
    }

    fn load(&self) -> StoreLoad {
        let orders = self.combiner.load();
        let (waiting, refused) = self.pool.pressure();
        StoreLoad {
            waiting: waiting + orders.waiting,
            refused: refused + orders.refused,
            waits: self.pool.waits(),
            ..orders
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
