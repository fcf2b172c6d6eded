//! The cluster that the processes of a test run share: a runner may give every test a process of its own, and starting a
//! cluster takes each of them longer than most tests.

use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::cluster::Cluster;
use super::own::{self, Builder, Postgres};
use crate::error::Error;
use crate::folder::{self, Folder};
use crate::server;

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

/// A cluster with replicas that other tests use too: nothing but databases of one's own is to be touched in it.
#[derive(Debug)]
pub struct Replicated {
    /// Where everything is written.
    pub primary: Cluster,
    /// In the order of their delays as they were asked for.
    pub replicas: Vec<Cluster>,
    // The leases.
    _folders: Vec<Folder>,
}

/// The cluster of this user's test runs that has a replica for each of these delays, started if there is none. It ends as
/// that of [`shared`] does, and its replicas with it.
pub fn shared_with_replicas(apply_delays: &[Duration]) -> Result<Replicated, Error> {
    let clusters = join_or_start_all(&folder::root()?, LINGER_S, apply_delays)?;
    let (clusters, folders): (Vec<_>, Vec<_>) = clusters.into_iter().unzip();
    let mut clusters = clusters.into_iter();
    let primary = clusters.next().ok_or_else(gone)?;
    Ok(Replicated { primary, replicas: clusters.collect(), _folders: folders })
}

fn gone() -> Error {
    Error::Failed { what: "sharing a cluster".into(), output: "it is gone".into() }
}

fn join_or_start(root: &Path, linger_s: u32) -> Result<Shared, Error> {
    let (cluster, folder) = join_or_start_all(root, linger_s, &[])?.pop().ok_or_else(gone)?;
    Ok(Shared { cluster, _folder: folder })
}

/// The primary first, then its replicas.
fn join_or_start_all(
    root: &Path,
    linger_s: u32,
    apply_delays: &[Duration],
) -> Result<Vec<(Cluster, Folder)>, Error> {
    // Another version of these tests may want its cluster otherwise.
    let key = BuildHasherDefault::<DefaultHasher>::new().hash_one((own::SETTINGS, apply_delays));
    let record = root.join(format!("shared-{key:016x}"));
    let _only_one_starts_it = folder::lock(&root.join(format!("shared-{key:016x}.lock")))?;
    if let Some(clusters) = join(&record)? {
        return Ok(clusters);
    }
    let primary = Builder::default().linger_s(linger_s).start()?;
    let mut all = apply_delays.iter().map(|delay| primary.replica(*delay)).collect::<Result<Vec<_>, _>>()?;
    all.insert(0, primary);
    write_record(&record, &all)?;
    let clusters = join(&record)?;
    for postgres in all {
        postgres.server.leave();
    }
    clusters.ok_or_else(gone)
}

/// The record's lines, three for each cluster: folder, port, password. `None` when one of them is gone or about to go.
#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn join(record: &Path) -> Result<Option<Vec<(Cluster, Folder)>>, Error> {
    let Ok(text) = fs::read_to_string(record) else { return Ok(None) };
    let lines: Vec<&str> = text.lines().collect();
    let mut clusters = Vec::new();
    for lines in lines.chunks(3) {
        let &[path, port, password] = lines else { return Ok(None) };
        let Some(folder) = Folder::join(Path::new(path))? else { return Ok(None) };
        let Ok(port) = port.parse() else { return Ok(None) };
        // A cluster that crashed is left to end, not handed on.
        if server::connect(port).is_err() {
            return Ok(None);
        }
        let cluster = Cluster { port, password: password.to_owned(), folder: PathBuf::from(path) };
        clusters.push((cluster, folder));
    }
    Ok(Some(clusters).filter(|clusters| !clusters.is_empty()))
}

#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn write_record(record: &Path, clusters: &[Postgres]) -> Result<(), Error> {
    let lines = |postgres: &Postgres| {
        let path = postgres.server.folder().display();
        format!("{path}\n{}\n{}\n", postgres.port(), postgres.password())
    };
    let text: String = clusters.iter().map(lines).collect();
    let half = record.with_extension("half");
    fs::write(&half, text).map_err(Error::at(&half))?;
    fs::set_permissions(&half, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(Error::at(&half))?;
    fs::rename(&half, record).map_err(Error::at(record))
}

#[cfg(test)]
mod tests {
    use super::{folder, join_or_start};
    use crate::wait;

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
        // A lease that comes before the supervisor wakes still gets the old one.
        wait::until(wait::LIMIT, || (!folder.exists()).then_some(())).expect("it ends");
        let third = join_or_start(&root, 0).expect("PostgreSQL");
        assert_ne!(third.folder, folder);
        third.database().expect("a database");
        std::fs::remove_dir_all(&root).expect("removed");
    }
}
