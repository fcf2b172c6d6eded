//! The rows of a shop, seen beside the running program, wherever it keeps them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use slippers_testbed::PgBouncer;
use slippers_testbed::postgres::{self, Cluster, Database, Replicated};
use tempfile::TempDir;

use crate::program::{self, run_in};
use crate::shop::eventually;

/// Where the shop of a story keeps its rows. `SLIPPERS_STORIES_ON` says where those of all stories do that are not about
/// files: `sqlite`, or in a database of their own on a throw-away PostgreSQL, reached directly (`postgres`) or by way of a
/// PgBouncer that gives each transaction another connection (`pgbouncer`), or with two replicas that are behind
/// (`replicas`).
pub(crate) enum Rows {
    File(PathBuf),
    Server(Box<Server>),
}

/// A database, and what stands before it.
pub(crate) struct Server {
    // First, so that it is dropped while the pooler still holds connections to it, as a shop's might be.
    database: Database,
    pooler: Option<Mutex<PgBouncer>>,
    replicated: Option<Replicated>,
}

/// How far the replicas are behind: one hardly, one so that what was just written is missing there.
const BEHIND: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(400)];

const KEY: &str = "a-key-of-stories-that-is-not-used-anywhere-else";

impl Rows {
    #[expect(clippy::disallowed_methods, reason = "no setting of the program, but of its tests")]
    pub(crate) fn of_stories(data_dir: &Path) -> Self {
        match std::env::var("SLIPPERS_STORIES_ON").as_deref() {
            Err(_) | Ok("sqlite") => Self::File(data_dir.join("shop.db")),
            Ok("postgres") => Self::on(None),
            Ok("pgbouncer") => {
                let cluster = postgres::shared().expect("PostgreSQL");
                let pooler = PgBouncer::to(cluster).setting("default_pool_size", 4).start();
                Self::on(Some(pooler.expect("PgBouncer")))
            }
            Ok("replicas") => Self::with_replicas(),
            Ok(other) => {
                panic!("SLIPPERS_STORIES_ON is {other:?}; it may be sqlite, postgres, pgbouncer or replicas")
            }
        }
    }

    fn on(pooler: Option<PgBouncer>) -> Self {
        let database = brought_up(postgres::shared().expect("PostgreSQL"));
        Self::Server(Box::new(Server { database, pooler: pooler.map(Mutex::new), replicated: None }))
    }

    fn with_replicas() -> Self {
        let replicated = postgres::shared_with_replicas(&BEHIND).expect("PostgreSQL with replicas");
        let database = brought_up(&replicated.primary);
        wait_for_replicas(&replicated);
        Self::Server(Box::new(Server { database, pooler: None, replicated: Some(replicated) }))
    }

    /// What the program must be told to use them.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Server(server) => server.settings(),
        }
    }

    pub(crate) fn has_replicas(&self) -> bool {
        matches!(self, Self::Server(server) if server.replicated.is_some())
    }

    /// All rows of a query, each value as a text; switches are 0 or 1.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::File(path) => {
                let file = open(path);
                let mut statement = file.prepare(sql).expect(sql);
                let columns = statement.column_count();
                let read =
                    |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get_ref(at).map(text)).collect();
                statement.query_map([], read).and_then(Iterator::collect).expect(sql)
            }
            Self::Server(server) => {
                let rows = server.database.query(sql).expect(sql);
                rows.lines().map(|row| row.split('|').map(str::to_owned).collect()).collect()
            }
        }
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.ask(sql)[0][0].parse().expect("a number")
    }

    /// Changes something behind the program's back.
    pub(crate) fn run(&self, sql: &str) {
        match self {
            Self::File(path) => open(path).execute_batch(sql).expect(sql),
            Self::Server(server) => {
                server.database.query(sql).expect(sql);
                self.wait_for_replicas();
            }
        }
    }

    /// Until the replicas have all that was written so far, if there are some.
    pub(crate) fn wait_for_replicas(&self) {
        if let Self::Server(server) = self
            && let Some(replicated) = &server.replicated
        {
            wait_for_replicas(replicated);
        }
    }

    /// Waits until what a killed program had sent to a server has been done or undone: its connections are gone then.
    pub(crate) fn wait_for_the_dead(&self) {
        if let Self::Server(server) = self {
            if let Some(pooler) = &server.pooler {
                // Its connections outlive those who used them.
                let mut pooler = pooler.lock().unwrap_or_else(PoisonError::into_inner);
                pooler.restart().expect("PgBouncer again");
            }
            let connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
            eventually("its connections are gone", || (self.number(connections) == 0).then_some(()));
        }
    }

    /// Asks the database whether it is whole in itself; a server that answers has looked when it came up.
    pub(crate) fn assert_whole(&self) {
        if let Self::File(_) = self {
            assert_eq!(self.ask("PRAGMA integrity_check"), [["ok"]]);
            assert!(self.ask("PRAGMA foreign_key_check").is_empty(), "a row points to nothing");
        }
    }
}

/// A database with the tables of the program, which makes them once for all stories. Stories that bring a database of their own
/// begin with an empty one.
fn brought_up(cluster: &Cluster) -> Database {
    let fill = |url: String| {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let settings = [("DATABASE_URL".to_owned(), url), ("SECRET_KEY".to_owned(), KEY.to_owned())];
        match run_in(folder.path(), &settings, &["migrate", "up"], "") {
            (0, _, _) => Ok(()),
            (code, said, complained) => Err(format!("migrate up ended with {code}: {said}{complained}")),
        }
    };
    cluster.database_from_template_blocking(&program::build(), fill).expect("a database")
}

/// Until the replicas have all that the primary has now.
fn wait_for_replicas(replicated: &Replicated) {
    let written = replicated.primary.position().expect("a position");
    for replica in &replicated.replicas {
        replica.wait_for(written).expect("it is replayed");
    }
}

impl Server {
    fn settings(&self) -> Vec<(String, String)> {
        let mut settings = vec![("SECRET_KEY", KEY.to_owned()), ("DATABASE_POOL_SIZE", "6".to_owned())];
        match &self.pooler {
            None => settings.push(("DATABASE_URL", self.database.url())),
            Some(pooler) => {
                let port = pooler.lock().unwrap_or_else(PoisonError::into_inner).port();
                settings.push(("DATABASE_URL", self.database.url_through(port)));
                settings.push(("DATABASE_DIRECT_URL", self.database.url()));
                settings.push(("DATABASE_PREPARED_STATEMENTS", "false".to_owned()));
            }
        }
        if let Some(replicated) = &self.replicated {
            let urls = replicated.replicas.iter().map(|replica| replica.url_of(self.database.name()));
            settings.push(("DATABASE_REPLICA_URLS", urls.collect::<Vec<_>>().join(",")));
        }
        settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn open(path: &Path) -> Connection {
    let file = Connection::open(path).expect("the database");
    file.busy_timeout(Duration::from_secs(10)).expect("a limit");
    file
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
