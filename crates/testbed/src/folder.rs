//! The folders that servers live in, and the leases that keep them.
//!
//! `ROOT/run/NAME` is one server's folder. Its file `lease` is locked (shared) by whoever needs the server, its file
//! `supervised` (alone) by the supervisor; from one supervisor to the next its file `keep` is locked. A folder without a lock belongs to
//! nobody: its supervisor was killed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::{Signal, kill_process};

use crate::error::Error;
use crate::{port, server, user};

/// The folder of everything of this user's, `slippers-testbed-UID` among the temporary files.
///
/// Beside servers that run now it holds a cluster as `initdb` makes it, for each version of PostgreSQL.
pub(crate) fn root() -> Result<PathBuf, Error> {
    let uid = rustix::process::geteuid().as_raw();
    let root = std::env::temp_dir().join(format!("slippers-testbed-{uid}"));
    // The servers' user passes through it.
    fs::DirBuilder::new().mode(0o711).recursive(true).create(root.join("run")).map_err(Error::at(&root))?;
    let found = fs::symlink_metadata(&root).map_err(Error::at(&root))?;
    if found.uid() != uid || !found.is_dir() {
        let output = "it is another user's: remove it".into();
        return Err(Error::Failed { what: format!("using {}", root.display()), output });
    }
    Ok(root)
}

/// Held alone while folders come and go, so that nobody's half-made folder looks abandoned.
fn gate() -> Result<File, Error> {
    lock(&root()?.join("gate"))
}

/// A lock between processes and threads, held while the file is open. Blocks.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::at(path))?;
    file.lock().map_err(Error::at(path))?;
    Ok(file)
}

/// A server's folder with a lease on it. Without a supervisor it is removed with this value.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    /// `None` once it was given back.
    lease: Option<File>,
    pub(crate) is_supervised: bool,
}

impl Folder {
    /// Makes the folder of a server, owned by the servers' user.
    pub(crate) fn create(name: &str) -> Result<Self, Error> {
        sweep_once()?;
        let unique = format!("{name}-{}-{:08x}", std::process::id(), port::random() & 0xffff_ffff);
        let path = root()?.join("run").join(unique);
        let _gate = gate()?;
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(Error::at(&path))?;
        let mut folder = Self { path, lease: None, is_supervised: false };
        user::of_servers().own(&folder.path)?;
        folder.renew()?;
        Ok(folder)
    }

    /// Another lease on a folder that somebody made; `None` when its server is gone or about to go.
    pub(crate) fn join(path: &Path) -> Result<Option<Self>, Error> {
        let Ok(lease) = File::open(path.join("lease")) else { return Ok(None) };
        lease.lock_shared().map_err(Error::at(path))?;
        let came_too_late = !path.join("lease").exists();
        if came_too_late || is_abandoned(path)? {
            return Ok(None);
        }
        Ok(Some(Self { path: path.to_owned(), lease: Some(lease), is_supervised: true }))
    }

    /// A new lease, for a new supervisor of the same folder.
    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        let path = self.path.join("lease");
        let lease = File::create(&path).map_err(Error::at(&path))?;
        lease.lock_shared().map_err(Error::at(&path))?;
        self.lease = Some(lease);
        Ok(())
    }

    /// Gives the lease back: the supervisor ends the server if it was the last.
    pub(crate) fn release(&mut self) {
        self.lease = None;
    }

    /// The last lines of the server's log.
    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.path.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_supervised {
            // What can't be removed now is swept by the next process with a testbed.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Whether no supervisor lives in a folder that has a lease.
fn is_abandoned(path: &Path) -> Result<bool, Error> {
    match File::open(path.join("supervised")) {
        Ok(file) => Ok(file.try_lock_shared().is_ok()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(cause) => Err(Error::at(path)(cause)),
    }
}

/// Removes what killed supervisors left, once in this process.
fn sweep_once() -> Result<(), Error> {
    static SWEPT: OnceLock<()> = OnceLock::new();
    if SWEPT.get().is_none() {
        sweep()?;
        let _ = SWEPT.set(());
    }
    Ok(())
}

fn sweep() -> Result<(), Error> {
    let _gate = gate()?;
    let Ok(folders) = fs::read_dir(root()?.join("run")) else { return Ok(()) };
    folders.flatten().for_each(|entry| sweep_one(&entry.path()));
    Ok(())
}

/// Removes a folder that belongs to nobody, as far as it can be removed.
fn sweep_one(folder: &Path) {
    let is_held = |file| File::open(folder.join(file)).is_ok_and(|file| file.try_lock().is_err());
    // Who starts a server again has the one before he leaves the other. What isn't one of ours is left alone.
    if ["lease", "keep", "lease"].into_iter().any(is_held) || !is_abandoned(folder).unwrap_or(false) {
        return;
    }
    end_processes_in(folder);
    // A supervisor at its end removes it too, and what was just killed may write once more: that is for the next process.
    let _ = fs::remove_dir_all(folder);
}

/// Kills every process that works in a folder: what the supervisor started, wherever it hangs by now.
fn end_processes_in(folder: &Path) {
    for pid in server::all_processes() {
        let cwd = fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
        if cwd.is_ok_and(|cwd| cwd.starts_with(folder)) {
            // It may end by itself between the two.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
