//! The funnel: every statement of a verb goes through here and is counted.

mod cells;
mod copy;
mod prepared;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::FutureExt as _;
use slippers_core::{AtWork, Change, StoreError, Tally};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) use self::cells::{Cells, time};
use self::prepared::Prepared;
use crate::error::{Trouble, interpret_error, is_of_server};
use crate::params::Param;
use crate::route::ServerLife;
use crate::session::Session;

const ITS: u32 = 1;
const PASSING: u32 = 2;
const CONNECTION: u32 = 3;

/// A connection on which a verb runs, inside of a transaction that somebody else begins and ends.
///
/// A statement is sent when its future is first polled, so futures that are joined (`futures_util::future::try_join`, which
/// polls in order) go down the wire together and are answered in order.
pub(crate) struct Db {
    client: Client,
    /// Encrypts the word that cancels, which goes on a connection of its own.
    tls: MakeRustlsConnect,
    session: Session,
    /// `None`: statements are unnamed, parsed with every use, and leave nothing on the connection.
    prepared: Option<Prepared>,
    statements: Arc<AtomicU64>,
    /// Statements that were sent and not answered, or whose answer nobody took.
    open: AtomicU32,
    /// The worst that has happened since [`Self::forget_trouble`]; 0 = nothing.
    trouble: AtomicU32,
    changes: Mutex<Vec<Change>>,
    server: ServerLife,
    server_is_gone: AtomicBool,
}

impl Db {
    pub(crate) fn new(
        client: Client,
        tls: MakeRustlsConnect,
        session: Session,
        prepared: bool,
        statements: Arc<AtomicU64>,
    ) -> Self {
        let prepared = prepared.then(Prepared::default);
        Self {
            client,
            tls,
            session,
            prepared,
            statements,
            open: AtomicU32::new(0),
            trouble: AtomicU32::new(0),
            changes: Mutex::default(),
            server: ServerLife::default(),
            server_is_gone: AtomicBool::new(false),
        }
    }

    /// When the server that answers was started, in microseconds since 1970; 0 = nobody has asked.
    pub(crate) fn server(&self) -> i64 {
        self.server.get()
    }

    /// See [`Self::server`].
    pub(crate) fn set_server(&self, started: i64) {
        self.server.set(started);
    }

    /// Notes what a verb changes, for those who listen once it is committed.
    pub(crate) fn note(&self, change: Change) {
        self.changes().push(change);
    }

    /// What was noted since the last time.
    pub(crate) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes())
    }

    fn changes(&self) -> MutexGuard<'_, Vec<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a statement and reads all rows it answers.
    pub(crate) async fn all<'p, T>(
        &self,
        sql: &str,
        params: impl AsRef<[Param<'p>]>,
        mut read: impl FnMut(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(sql, params.as_ref()).await?.iter().map(|row| read(&Cells::new(row))).collect()
    }

    /// Runs a statement and reads the first row it answers.
    pub(crate) async fn first<'p, T>(
        &self,
        sql: &str,
        params: impl AsRef<[Param<'p>]>,
        read: impl FnOnce(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.rows(sql, params.as_ref()).await?.first().map(|row| read(&Cells::new(row))).transpose()
    }

    /// Like [`Self::first`], for what the schema or an earlier statement promises to be there.
    pub(crate) async fn one<'p, T>(
        &self,
        sql: &str,
        params: impl AsRef<[Param<'p>]>,
        read: impl FnOnce(&Cells<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let found = self.first(sql, params, read).await?;
        found.ok_or_else(|| StoreError::Corrupt(format!("no row where one must be: {sql}")))
    }

    /// Runs a statement that answers nothing and tells how many rows it changed itself.
    pub(crate) async fn run<'p>(
        &self,
        sql: &str,
        params: impl AsRef<[Param<'p>]>,
    ) -> Result<u64, StoreError> {
        let params = params.as_ref();
        let at_work = self.count(sql);
        let under_way = UnderWay::new(&self.open);
        let done = match &self.prepared {
            None => self.client.execute_typed(sql, &typed(params)).await,
            Some(prepared) => match prepared.get(&self.client, sql, || kinds(params)).await {
                Ok(statement) => self.client.execute(&statement, &values(params)).await,
                Err(error) => Err(error),
            },
        };
        drop(at_work);
        under_way.answered(self.told(done))
    }

    /// A statement of a verb.
    fn count(&self, sql: &str) -> AtWork {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let at_work = at_work();
        at_work.ran(sql);
        at_work
    }

    /// Sees to it that these statements are sent as soon as they are polled: one that is joined with them and must come
    /// after them (a COMMIT) need not wait. Nothing to do for unnamed ones.
    pub(crate) async fn prepare(&self, statements: &[Typed]) -> Result<(), StoreError> {
        let Some(prepared) = &self.prepared else { return Ok(()) };
        let under_way = UnderWay::new(&self.open);
        let done = prepared.get_all(&self.client, statements).await;
        under_way.answered(self.told(done))
    }

    /// Whether a statement is planned for more than one call.
    pub(crate) const fn prepares(&self) -> bool {
        self.prepared.is_some()
    }

    /// Whether these are sent as soon as they are polled.
    pub(crate) fn is_prepared(&self, statements: &[Typed]) -> bool {
        self.prepared.as_ref().is_none_or(|prepared| prepared.has_all(statements))
    }

    /// Transaction control; not counted among the statements, and not prepared.
    pub(crate) async fn control(&self, sql: &str) -> Result<(), StoreError> {
        let _at_work = at_work();
        let under_way = UnderWay::new(&self.open);
        let done = self.client.batch_execute(sql).await;
        under_way.answered(self.told(done))
    }

    /// The first row of a question without values, as texts; neither prepared nor counted. It is sent when it is first
    /// polled, like transaction control.
    pub(crate) async fn simple(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let under_way = UnderWay::new(&self.open);
        let answered = under_way.answered(self.told(self.client.simple_query(sql).await))?;
        let row = answered.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("no row where one must be: {sql}")))?;
        Ok((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
    }

    /// All rows of such a question.
    pub(crate) async fn simple_rows(&self, sql: &str) -> Result<Vec<Vec<String>>, StoreError> {
        let answered = self.told(self.client.simple_query(sql).await)?;
        let rows = answered.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let cells = |row: &tokio_postgres::SimpleQueryRow| {
            (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect()
        };
        Ok(rows.map(cells).collect())
    }

    /// The names of its columns.
    pub(crate) async fn simple_columns(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let answered = self.told(self.client.simple_query(sql).await)?;
        let columns = answered.iter().find_map(|message| match message {
            SimpleQueryMessage::RowDescription(columns) => Some(columns),
            _ => None,
        });
        Ok(columns
            .into_iter()
            .flat_map(|columns| columns.iter())
            .map(|column| column.name().to_owned())
            .collect())
    }

    /// The same without waiting for its answer, which nobody reads.
    pub(crate) fn send_control(&self, sql: &str) {
        // It is sent when it is first polled.
        let _ = self.client.batch_execute(sql).now_or_never();
    }

    /// Begins a transaction, with the limits of its statements.
    pub(crate) async fn begin(&self, sql: &'static str) -> Result<(), StoreError> {
        self.control(&self.session.begin(sql)).await
    }

    async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let _at_work = self.count(sql);
        self.ask(sql, params).await
    }

    /// What the store asks for itself: not counted, as it is no statement of a verb.
    pub(crate) async fn ask(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let under_way = UnderWay::new(&self.open);
        let found = match &self.prepared {
            None => self.client.query_typed(sql, &typed(params)).await,
            Some(prepared) => match prepared.get(&self.client, sql, || kinds(params)).await {
                Ok(statement) => self.client.query(&statement, &values(params)).await,
                Err(error) => Err(error),
            },
        };
        under_way.answered(self.told(found))
    }

    fn told<T>(&self, done: Result<T, Error>) -> Result<T, StoreError> {
        done.map_err(|error| {
            let (meaning, trouble) = interpret_error(&error);
            if is_of_server(&error) {
                self.server_is_gone.store(true, Ordering::Relaxed);
            }
            let trouble = match trouble {
                _ if self.client.is_closed() => CONNECTION,
                Trouble::Its => ITS,
                Trouble::Passing => PASSING,
                Trouble::Connection => CONNECTION,
            };
            self.trouble.fetch_max(trouble, Ordering::Relaxed);
            meaning
        })
    }

    /// What the statements since [`Self::forget_trouble`] have run into.
    pub(crate) fn trouble(&self) -> Trouble {
        match self.trouble.load(Ordering::Relaxed) {
            0..=ITS => Trouble::Its,
            PASSING => Trouble::Passing,
            _ => Trouble::Connection,
        }
    }

    /// Whether a statement has failed since [`Self::forget_trouble`]: then the transaction can't be committed any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.trouble.load(Ordering::Relaxed) > 0
    }

    /// The last transaction is over, and every answer of the connection was read.
    pub(crate) fn forget_trouble(&self) {
        self.trouble.store(0, Ordering::Relaxed);
        self.open.store(0, Ordering::Relaxed);
    }

    /// Whether its server is gone or plays another part, which other connections to it will find out too.
    pub(crate) fn has_lost_server(&self) -> bool {
        self.server_is_gone.load(Ordering::Relaxed) || self.client.is_closed()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether somebody stopped waiting for an answer.
    pub(crate) fn has_open_statements(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Tells the server that nobody waits for the statement at work. Dropping a future does not.
    ///
    /// A pooler is told nothing: PgBouncer from 1.18 on may end, with every connection of everybody, when who cancels is gone
    /// too soon (<https://github.com/pgbouncer/pgbouncer/issues/801>).
    pub(crate) async fn cancel(&self) {
        if self.session == Session::Shared {
            return;
        }
        if let Err(error) = self.client.cancel_token().cancel_query(self.tls.clone()).await {
            tracing::debug!(%error, "a statement that nobody waits for was not cancelled");
        }
    }
}

/// The server works for the request that this task works for.
fn at_work() -> AtWork {
    AtWork::of(Tally::current(), Instant::now())
}

fn values<'v>(params: &'v [Param<'_>]) -> Vec<&'v (dyn ToSql + Sync)> {
    params.iter().map(|param| &*param.value as &(dyn ToSql + Sync)).collect()
}

fn kinds(params: &[Param<'_>]) -> Vec<Type> {
    params.iter().map(|param| param.kind.clone()).collect()
}

fn typed<'v>(params: &'v [Param<'_>]) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (&*param.value as &(dyn ToSql + Sync), param.kind.clone())).collect()
}

/// A statement and the types of its values.
pub(crate) type Typed = (&'static str, &'static [Type]);

/// A statement that waits for its answer.
struct UnderWay<'d>(&'d AtomicU32);

impl<'d> UnderWay<'d> {
    fn new(open: &'d AtomicU32) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(open)
    }

    /// Not called when the future was dropped before.
    fn answered<T>(self, answer: T) -> T {
        self.0.fetch_sub(1, Ordering::Relaxed);
        answer
    }
}
