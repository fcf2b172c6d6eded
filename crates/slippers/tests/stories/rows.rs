//! The rows of a shop, seen beside the running program, wherever it keeps them.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use slippers_testbed::postgres::{self, Database};

use crate::shop::eventually;

/// Where the shop of a story keeps its rows. `SLIPPERS_STORIES_ON=postgres` puts those of all stories that are not about
/// files into a database of their own on a throw-away PostgreSQL.
pub(crate) enum Rows {
    File(PathBuf),
    Server(Database),
}

impl Rows {
    #[expect(clippy::disallowed_methods, reason = "no setting of the program, but of its tests")]
    pub(crate) fn of_stories(data_dir: &Path) -> Self {
        match std::env::var("SLIPPERS_STORIES_ON").as_deref() {
            Err(_) | Ok("sqlite") => Self::File(data_dir.join("shop.db")),
            Ok("postgres") => {
                let cluster = postgres::shared().expect("PostgreSQL");
                Self::Server(cluster.database().expect("an empty database"))
            }
            Ok(other) => panic!("SLIPPERS_STORIES_ON is {other:?}; it may be sqlite or postgres"),
        }
    }

    /// What the program must be told to use them.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Server(database) => {
                let key = "a-key-of-stories-that-is-not-used-anywhere-else";
                let url = database.url();
                [("DATABASE_URL", url.as_str()), ("SECRET_KEY", key), ("DATABASE_POOL_SIZE", "6")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into()
            }
        }
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
            Self::Server(database) => {
                let rows = database.psql(sql).expect(sql);
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
            Self::Server(database) => drop(database.psql(sql).expect(sql)),
        }
    }

    /// Waits until what a killed program had sent to a server has been done or undone: its connections are gone then.
    pub(crate) fn wait_for_the_dead(&self) {
        if let Self::Server(_) = self {
            let connections = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
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

fn open(path: &Path) -> Connection {
    let file = Connection::open(path).expect("the database");
    file.busy_timeout(std::time::Duration::from_secs(10)).expect("a limit");
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
