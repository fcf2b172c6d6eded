//! Files that are taken away again unless they are meant to stay.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file of ours that is deleted when this is dropped, whatever ended the work on it.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    stays: bool,
}

impl Temporary {
    /// Makes the file, which must not be there. Blocks.
    ///
    /// # Errors
    /// There is such a file, or the disk fails.
    pub fn create(path: PathBuf) -> io::Result<(Self, File)> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok((Self { path, stays: false }, file))
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its final name; it is still taken away when this is dropped. Blocks.
    ///
    /// # Errors
    /// The disk fails; the file keeps its name.
    pub fn rename(&mut self, to: PathBuf) -> io::Result<()> {
        fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }

    /// Leaves the file where it is.
    pub fn keep(mut self) {
        self.stays = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = ?self.path, %error, "a temporary file can't be deleted: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_only_if_it_is_told_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let there = |name: &str| folder.path().join(name).exists();
        let make = |name: &str| Temporary::create(folder.path().join(name)).expect("a file").0;
        drop(make("a"));
        assert!(!there("a"));
        let mut moved = make("b");
        moved.rename(folder.path().join("c")).expect("renamed");
        assert!(!there("b") && there("c"));
        drop(moved);
        assert!(!there("c"));
        make("d").keep();
        assert!(there("d"));
        assert!(Temporary::create(folder.path().join("d")).is_err(), "nothing is overwritten");
    }
}
