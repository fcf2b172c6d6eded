//! A cluster as `initdb` makes it: made once for a version of PostgreSQL, then copied, which is ten times faster.

use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::{folder, port, program, user};

/// Text compares as people sort it, not byte by byte: a statement that needs the order of bytes and forgets to say so
/// fails here before it does at a user's. Passwords are checked by md5, since scram costs a client without optimisation a
/// tenth of a second for each connection.
const INITDB: [&str; 7] = [
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=icu",
    "--icu-locale=en-US",
    "--username=postgres",
    "--auth=md5",
    "--no-sync",
];

/// Copies a fresh cluster to `data`, which must not exist, and gives its superuser's password.
#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
pub(super) fn copy_to(data: &Path) -> Result<String, Error> {
    let template = find_or_make()?;
    let mut copy = Command::new(program::find("cp", "coreutils")?);
    copy.args(["-a", "--reflink=auto"]).arg(template.join("data")).arg(data);
    program::run("copying a cluster", &mut copy)?;
    let password = template.join("password");
    fs::read_to_string(&password).map_err(Error::at(&password))
}

fn find_or_make() -> Result<PathBuf, Error> {
    let programs = program::postgresql_folder()?;
    let version = program::run("initdb --version", Command::new(programs.join("initdb")).arg("--version"))?;
    let key = BuildHasherDefault::<DefaultHasher>::new().hash_one((version, &programs, INITDB));
    let root = folder::root()?;
    let template = root.join(format!("initdb-{key:016x}"));
    let _only_one_makes_it = folder::lock(&root.join("initdb.lock"))?;
    if !template.exists() {
        let half = root.join("initdb.half");
        if half.exists() {
            fs::remove_dir_all(&half).map_err(Error::at(&half))?;
        }
        make(&programs, &half)?;
        fs::rename(&half, &template).map_err(Error::at(&template))?;
    }
    Ok(template)
}

#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn make(programs: &Path, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    user::of_servers().own(folder)?;
    let password = folder.join("password");
    fs::write(&password, format!("{:016x}{:016x}", port::random(), port::random()))
        .map_err(Error::at(&password))?;
    let mut initdb = user::of_servers().command(&programs.join("initdb"))?;
    initdb.args(INITDB);
    initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(folder.join("data")).current_dir(folder);
    program::run("initdb", &mut initdb)?;
    // Only now, since initdb reads it as another user.
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(Error::at(&password))
}
