//! As whom servers run: as the test's user, but never as root.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::error::Error;
use crate::program;

/// The user that owns a server's files and process.
#[derive(Debug)]
pub(crate) struct User {
    /// Whom root turns into; `None`: the user that runs the test.
    other: Option<(u32, u32)>,
}

/// The user of every server of this process.
pub(crate) fn of_servers() -> &'static User {
    static USER: OnceLock<User> = OnceLock::new();
    USER.get_or_init(|| {
        let is_root = rustix::process::geteuid().is_root();
        // Debian's `nobody` is the last resort: PostgreSQL only refuses root.
        let found = || named("postgres").or_else(|| named("nobody")).unwrap_or((65_534, 65_534));
        User { other: is_root.then(found) }
    })
}

#[expect(clippy::disallowed_methods, reason = "a small file, in code that blocks anyway")]
fn named(name: &str) -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let account = fields.find(|fields| fields.first() == Some(&name))?;
    Some((account.get(2)?.parse().ok()?, account.get(3)?.parse().ok()?))
}

impl User {
    /// The words in front of a command that runs it as this user; what it starts ends with `signal` when whoever
    /// started it dies.
    pub(crate) fn prefix(&self, signal: &str) -> Result<Vec<OsString>, Error> {
        let mut words = vec![program::find("setpriv", "util-linux")?.into_os_string()];
        if let Some((user, group)) = self.other {
            words.extend([format!("--reuid={user}"), format!("--regid={group}")].map(OsString::from));
            words.push("--clear-groups".into());
        }
        words.extend(["--pdeathsig", signal, "--"].map(OsString::from));
        Ok(words)
    }

    /// A command that runs as this user.
    pub(crate) fn command(&self, program: &Path) -> Result<Command, Error> {
        let prefix = self.prefix("KILL")?;
        let mut command = Command::new(&prefix[0]);
        command.args(&prefix[1..]).arg(program);
        Ok(command)
    }

    /// Gives this user a file or folder.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self.other {
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(Error::at(path)),
            None => Ok(()),
        }
    }

    /// Writes a file that this user alone may read, as a key must be.
    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<(), Error> {
        fs::write(path, text).map_err(Error::at(path))?;
        fs::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(Error::at(path))?;
        self.own(path)
    }
}
