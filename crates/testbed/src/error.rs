//! What keeps a server from starting, in words that say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A server, or something of it, that couldn't be had. Its `Debug` is its text, so that `expect` shows it readably.
#[derive(thiserror::Error)]
pub enum Error {
    /// A program isn't installed.
    #[error("{program} is not installed, and tests never skip. Fix: sudo apt-get install {package}")]
    Missing {
        /// The program's file name.
        program: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// A file or a process of ours failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        cause: io::Error,
    },
    /// A program or a server that was asked to do something failed.
    #[error("{what} failed: {output}")]
    Failed {
        /// What was tried.
        what: String,
        /// What it said.
        output: String,
    },
    /// A server ended before it answered.
    #[error("{name} ended before it answered; the end of its log:\n{log}")]
    Ended {
        /// The server's name.
        name: String,
        /// The end of its log.
        log: String,
    },
    /// Something didn't happen in time.
    #[error("{what} took longer than {limit_s} s; the end of the log:\n{log}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long it was waited for, in seconds.
        limit_s: u64,
        /// The end of the server's log.
        log: String,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// For `map_err`: tells what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::Io { what, cause }
    }

    /// For `map_err`: tells which path was touched.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = PathBuf::from(path);
        move |cause| Self::Io { what: path.display().to_string(), cause }
    }
}
