//! How connections are opened and set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a connection waits for a lock of another process (a backup, a second instance's migration).
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than the store has different statements (a page of the catalogue alone has some 150: eight orders, with a category or
/// without, found in four ways, of which most begin anywhere).
const CACHED_STATEMENTS: usize = 512;

/// Every setting that is not kept in the file. `cache_size` in KiB is negative.
///
/// `synchronous=FULL`: a commit is on the disk before it is answered. Who has no thread for it ([`Checkpoints`]) checkpoints
/// the WAL every 16 MB instead of 4, which quarters the fsyncs of the database file itself; it is cut back to 64 MB after a large
/// import.
///
/// [`Checkpoints`]: crate::checkpoints::Checkpoints
const WRITER: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -16384;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
";

/// Every commit empties a reader's own page cache, so a large one is of no use; but between two the inner pages of a million
/// products' trees, which every product is found by, take some 3 MiB, and the products of a category's first pages 9. A mapping of
/// the whole file makes a point read a quarter cheaper, but counts in full for each connection: 100 MB of resident memory four
/// times at 100,000 products, where the whole program may have 160.
const READER: &str = "
    PRAGMA foreign_keys = ON;
    PRAGMA query_only = ON;
    PRAGMA cache_size = -12288;
";

/// The connection that writes; the file is made when it is not there, for its owner's eyes only: it holds people's
/// names, phones and password hashes. SQLite gives its side files the same rights.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    #[cfg(unix)]
    make_private(path);
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    conn.execute_batch(WRITER)?;
    Ok(conn)
}

/// Makes an empty file that only its owner may read. Where that fails, because it is there already or can't be made,
/// opening it tells why.
#[cfg(unix)]
fn make_private(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// A connection that only reads. It may write the WAL's index, without which a reader can't follow the writer.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch(READER)?;
    Ok(conn)
}

/// A connection that leaves everything as it is.
pub(crate) fn open_untouched(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    // No mutex: a connection is used by one thread at a time. No URI: a path is a path.
    let conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Plans must not depend on bound values: else SQLite prepares a cached statement anew whenever they change, which
    // made a point read four to six times dearer.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(conn)
}
