//! Finds programs, and runs those that end by themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// Where Debian puts servers, which aren't in everybody's PATH.
const SYSTEM: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The program's path. Fails with the Debian package that brings it.
pub(crate) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    let mut candidates = folders.map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file()).ok_or(Error::Missing { program, package })
}

/// Runs a command to its end and gives what it printed. Fails with its words when it does.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(Error::io(what))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed { what: what.to_owned(), output: said.trim().to_owned() })
}

/// The newest of `/usr/lib/postgresql/*/bin`, where Debian hides PostgreSQL's programs; else the folder in PATH.
pub(crate) fn postgresql_folder() -> Result<PathBuf, Error> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let numbered = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        folder.join("initdb").is_file().then_some((version, folder))
    });
    if let Some((_, newest)) = numbered.max() {
        return Ok(newest);
    }
    let initdb = find("initdb", "postgresql")?;
    // Debian's /usr/bin holds wrappers, but never a wrapper of initdb: beside it are the real ones.
    Ok(initdb.parent().unwrap_or(Path::new("/usr/bin")).to_owned())
}
