//! The cluster that the processes of a test run share: a runner may give every test a process of its own, and starting a
//! cluster takes each of them longer than most tests.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::cluster::Cluster;
use super::own::{Builder, Postgres};
use crate::error::Error;
use crate::folder::{self, Folder};

/// How long the cluster outlives the last process that uses it: the next test of the run starts sooner than this.
const LINGER_S: u32 = 10;

/// A cluster that other tests use too: nothing but databases of one's own is to be touched in it.
#[derive(Debug)]
pub struct Shared {
    cluster: Cluster,
    // The lease.
    _folder: Folder,
}

impl Deref for Shared {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

/// The cluster of this user's test runs, started if there is none. It ends ten seconds after the last process that
/// asked for it, however that ended; its commits don't wait for the disk.
pub fn shared() -> Result<&'static Shared, Error> {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    match SHARED.get() {
        Some(shared) => Ok(shared),
        None => {
            let shared = join_or_start(&folder::root()?, LINGER_S)?;
            Ok(SHARED.get_or_init(|| shared))
        }
    }
}

fn join_or_start(root: &Path, linger_s: u32) -> Result<Shared, Error> {
    let _only_one_starts_it = folder::lock(&root.join("shared.lock"))?;
    let record = root.join("shared");
    if let Some(shared) = join(&record)? {
        return Ok(shared);
    }
    let postgres = Builder::default().linger_s(linger_s).start()?;
    write_record(&record, &postgres)?;
    let shared = join(&record)?;
    postgres.server.leave();
    shared.ok_or_else(|| Error::Failed { what: "sharing a cluster".into(), output: "it is gone".into() })
}

/// The record's lines: folder, port, password.
#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn join(record: &Path) -> Result<Option<Shared>, Error> {
    let Ok(text) = fs::read_to_string(record) else { return Ok(None) };
    let mut lines = text.lines();
    let (Some(path), Some(port), Some(password)) = (lines.next(), lines.next(), lines.next()) else {
        return Ok(None);
    };
    let Some(folder) = Folder::join(Path::new(path))? else { return Ok(None) };
    let Ok(port) = port.parse() else { return Ok(None) };
    let cluster = Cluster { port, password: password.to_owned(), folder: PathBuf::from(path) };
    // A cluster that somebody broke for himself is left to end, not handed on.
    let is_alive = cluster.psql("postgres", "select 1").is_ok();
    Ok(is_alive.then_some(Shared { cluster, _folder: folder }))
}

#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn write_record(record: &Path, postgres: &Postgres) -> Result<(), Error> {
    let path = postgres.server.folder().display();
    let text = format!("{path}\n{}\n{}\n", postgres.port(), postgres.password());
    let half = record.with_extension("half");
    fs::write(&half, text).map_err(Error::at(&half))?;
    fs::set_permissions(&half, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(Error::at(&half))?;
    fs::rename(&half, record).map_err(Error::at(record))
}

#[cfg(test)]
mod tests {
    use super::{folder, join_or_start};

    #[test]
    fn the_last_lease_ends_the_cluster_and_the_next_starts_another() {
        let root = folder::root().expect("a folder").join(format!("shared-test-{}", std::process::id()));
        std::fs::create_dir_all(&root).expect("a folder");
        let first = join_or_start(&root, 0).expect("PostgreSQL");
        let second = join_or_start(&root, 0).expect("PostgreSQL");
        assert_eq!(first.port(), second.port());
        let folder = first.folder.clone();
        drop(first);
        second.database().expect("it still serves the other");
        drop(second);
        let third = join_or_start(&root, 0).expect("PostgreSQL");
        assert_ne!(third.folder, folder);
        third.database().expect("a database");
        std::fs::remove_dir_all(&root).expect("removed");
    }
}
