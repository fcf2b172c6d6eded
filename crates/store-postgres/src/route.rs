//! The way to a server: which of several hosts plays the part that is wanted, found out with every new connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use slippers_core::StoreError;

use crate::connection::{CONNECT_LIMIT, Endpoint, connect_as};
use crate::db::Db;
use crate::error::{Address, OpenError, told};
use crate::session::Session;
use crate::tls::remedy;

/// The longest that one of several hosts may take: the next may be better.
const HOST_LIMIT: Duration = Duration::from_secs(1);

/// The timeline that the primary writes: it grows by one when a replica is promoted.
#[derive(Debug, Default)]
pub(crate) struct Epoch(AtomicU32);

impl Epoch {
    /// 0 = not known yet.
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    /// Heard of a timeline; whether it is the latest that was heard of.
    pub(crate) fn heard_of(&self, timeline: u32) -> bool {
        let before = self.0.fetch_max(timeline, Ordering::SeqCst);
        if before != 0 && timeline > before {
            tracing::warn!("the database was failed over: timeline {timeline}");
        }
        timeline >= before
    }
}

/// What a host must be.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    /// Whatever it is: there is no other.
    Any,
    /// The one that takes writes. One that comes back with an old timeline is not it any more.
    Primary(Arc<Epoch>),
    /// One that replays what another writes.
    Replica,
}

/// Why there is no connection.
#[derive(Clone, Debug)]
pub(crate) struct NoWay {
    /// In words.
    pub(crate) why: String,
    /// Where it is for TLS: the address, and what to do about it.
    tls: Option<(Address, &'static str)>,
}

impl NoWay {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), tls: None }
    }
}

impl From<NoWay> for OpenError {
    fn from(no_way: NoWay) -> Self {
        let NoWay { why, tls } = no_way;
        match tls {
            Some((of, remedy)) => Self::Tls { of, why, remedy },
            None => Self::Database(why),
        }
    }
}

/// Hosts, of which one is wanted.
#[derive(Debug)]
pub(crate) struct Route {
    endpoints: Vec<Endpoint>,
    role: Role,
    /// Where the last connection was made: the first to be tried.
    last: AtomicUsize,
}

impl Route {
    /// To the first of these, at least one, that plays the part.
    pub(crate) const fn new(endpoints: Vec<Endpoint>, role: Role) -> Self {
        Self { endpoints, role, last: AtomicUsize::new(0) }
    }

    /// The same with the limits of a session from the start of a connection.
    pub(crate) fn configured(&self, session: Session) -> Self {
        let mut endpoints = self.endpoints.clone();
        for endpoint in &mut endpoints {
            session.configure(&mut endpoint.config);
        }
        Self::new(endpoints, self.role.clone())
    }

    /// The host that is to be tried first.
    pub(crate) fn current(&self) -> Endpoint {
        self.endpoints[self.last.load(Ordering::Relaxed) % self.endpoints.len()].clone()
    }

    /// From now on the next one is.
    pub(crate) fn turn(&self) {
        let next = self.last.load(Ordering::Relaxed) + 1;
        self.last.store(next % self.endpoints.len(), Ordering::Relaxed);
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// Why no host will do.
    pub(crate) async fn connect(
        &self,
        session: Session,
        prepared: bool,
        statements: &Arc<AtomicU64>,
    ) -> Result<Db, NoWay> {
        let hosts = self.endpoints.len();
        let limit = if matches!(self.role, Role::Any) { CONNECT_LIMIT } else { HOST_LIMIT };
        let first = self.last.load(Ordering::Relaxed);
        let (mut why, mut tls) = (Vec::new(), None);
        for at in (first..hosts).chain(0..first.min(hosts)) {
            let Some(endpoint) = self.endpoints.get(at) else { continue };
            let connecting = self.try_one(endpoint, session, prepared, Arc::clone(statements));
            // The limit of the driver ends with the TCP handshake: a server that then says nothing would be waited for.
            let failed = match tokio::time::timeout(limit, connecting).await {
                Ok(Ok(db)) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(db);
                }
                Ok(Err(failed)) => failed,
                Err(_) => NoWay::because("a new connection was not answered in time"),
            };
            why.push(if hosts > 1 { format!("{}: {}", endpoint.name, failed.why) } else { failed.why });
            tls = tls.or(failed.tls);
        }
        Err(NoWay { why: why.join("; "), tls })
    }

    async fn try_one(
        &self,
        endpoint: &Endpoint,
        session: Session,
        prepared: bool,
        statements: Arc<AtomicU64>,
    ) -> Result<Db, NoWay> {
        let db = connect_as(endpoint, session, prepared, statements).await.map_err(|error| NoWay {
            why: told(&error),
            tls: remedy(&error).map(|remedy| (endpoint.of, remedy)),
        })?;
        match &self.role {
            Role::Any => {}
            Role::Primary(epoch) => be_primary(&db, epoch).await.map_err(NoWay::because)?,
            Role::Replica => be_replica(&db).await.map_err(NoWay::because)?,
        }
        Ok(db)
    }
}

const PRIMARY: &str = "
    SELECT CASE WHEN pg_is_in_recovery() THEN ''
                ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint::text END";

async fn be_primary(db: &Db, epoch: &Epoch) -> Result<(), String> {
    let [timeline] = row(db, PRIMARY).await?;
    match timeline.parse() {
        Err(_) => Err("it is a replica".to_owned()),
        Ok(timeline) if epoch.heard_of(timeline) => Ok(()),
        Ok(timeline) => Err(format!("it is an old primary, of timeline {timeline}")),
    }
}

const REPLICA: &str = "
    SELECT pg_is_in_recovery()::text, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text";

async fn be_replica(db: &Db) -> Result<(), String> {
    let [is_replica, started] = row(db, REPLICA).await?;
    if is_replica != "true" {
        return Err("it is no replica any more".to_owned());
    }
    let started = started.parse().map_err(|_| "it does not tell when it was started".to_owned())?;
    db.set_server(started);
    Ok(())
}

/// The one row of a question that is not prepared.
pub(crate) async fn row<const N: usize>(db: &Db, sql: &str) -> Result<[String; N], String> {
    let answered = db.simple(sql).await.map_err(|error| match error {
        StoreError::Unavailable(why) => why,
        other => other.to_string(),
    })?;
    answered.try_into().map_err(|_| "it answers something else than it was asked".to_owned())
}

/// The life of a server that a connection belongs to: what it has replayed, it forgets in part when it is started again.
#[derive(Debug, Default)]
pub(crate) struct ServerLife(AtomicI64);

impl ServerLife {
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, started: i64) {
        self.0.store(started, Ordering::Relaxed);
    }
}
