//! A connection that is in the middle of reading while nobody writes.
//!
//! Each read takes a lock on its place in the log and gives it back. SQLite counts in the process who has it and asks the
//! kernel for the first and after the last only, but under one mutex for all connections: readers on two threads, of which
//! now one and now the other was the first, waited for each other through a system call in every read. With an anchor in that
//! place all of them only count.
//!
//! A place that is held can't be overwritten, so the writer lifts the anchor before it writes, and from time to time for
//! writers in other processes.

use std::path::Path;

use rusqlite::Connection;

use crate::connection::open_reader;

/// What is read is no matter.
const READ: &str = "SELECT value FROM shop_counters LIMIT 1";

/// The anchor. Without it everything is the same, but slower: what fails here is told to nobody.
pub(crate) struct Anchor {
    conn: Option<Connection>,
}

impl Anchor {
    /// Of the file that this connection is to.
    pub(crate) fn of(writer: &Connection) -> Self {
        Self { conn: writer.path().and_then(|path| open_reader(Path::new(path)).ok()) }
    }

    /// Begins to read what is the latest now.
    pub(crate) fn drop_down(&mut self) {
        if let Some(conn) = &self.conn
            && (run(conn, "BEGIN").is_err() || run(conn, READ).is_err())
        {
            self.lift();
        }
    }

    /// Stops reading.
    pub(crate) fn lift(&mut self) {
        if let Some(conn) = &self.conn
            && !conn.is_autocommit()
            && run(conn, "COMMIT").is_err()
        {
            // A transaction that can't be ended would hold the log for ever.
            self.conn = None;
        }
    }
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.query([])?.next().map(drop)
}
