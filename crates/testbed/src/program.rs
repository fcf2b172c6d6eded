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

#[cfg(test)]
mod tests {
    use super::{find, run};
    use std::process::Command;

    #[test]
    fn a_missing_program_is_told_with_the_package_that_brings_it() {
        assert!(find("sh", "dash").is_ok());
        let told = find("no-such-program", "its-package").expect_err("there is none").to_string();
        assert!(told.contains("no-such-program") && told.contains("apt-get install its-package"), "{told}");
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_words() {
        assert_eq!(run("echo", Command::new("echo").arg("fine")).expect("it runs"), "fine");
        let failed = run("asking", Command::new("sh").args(["-c", "echo the cause >&2; exit 3"]));
        assert_eq!(failed.expect_err("it failed").to_string(), "asking failed: the cause");
    }
}
