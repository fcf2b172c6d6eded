//! Files, where blocking is right: before the server runs, and in commands that do one thing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The text of a file.
#[expect(clippy::disallowed_methods, reason = "called only where nothing else waits for the thread")]
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Puts a file in its place whole or not at all; one that is there is replaced.
pub(crate) fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let done = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        // What could not be put in place is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Makes a file that only its owner may read, whole or not at all. `false`: there is one already, which stays.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> io::Result<bool> {
    let beside = beside(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // In a container every process has the same number: one that crashed here must not stop its successor.
    let _ = fs::remove_file(&beside);
    let mut file = options.open(&beside)?;
    let written = private(&file)
        .and_then(|()| file.write_all(content))
        .and_then(|()| file.sync_all())
        // A hard link, unlike a renaming, never takes the place of a file that another process has just made.
        .and_then(|()| match fs::hard_link(&beside, path) {
            // Some mounted folders know no hard links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
                fs::rename(&beside, path)
            }
            done => done,
        });
    // The second name has done its work either way.
    let _ = fs::remove_file(&beside);
    match written {
        Ok(()) => {
            #[cfg(unix)]
            if let Some(folder) = path.parent() {
                File::open(folder)?.sync_all()?;
            }
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The rights of others on a file, as in `chmod`; 0 = none, or a system without them.
pub(crate) fn rights_of_others(path: &Path) -> io::Result<u32> {
    let meta = fs::metadata(path)?;
    #[cfg(unix)]
    {
        Ok(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077)
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        Ok(0)
    }
}

/// The mode at creation is cut by the umask, which may leave the owner without rights.
fn private(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
    }
}

/// A name in the same folder that no other process uses.
fn beside(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
