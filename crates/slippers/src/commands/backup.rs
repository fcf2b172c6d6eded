//! `slippers backup` and `slippers restore`: everything that a shop on SQLite keeps, in a folder.
//!
//! Pictures are copied before the rows and again after them: whatever a row names was there at one of the two moments, since
//! files outlive their pictures (docs/adr/0016-files-outlive-their-pictures.md).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::secret::FILE_NAME;
use crate::config::{Config, Database};
use crate::console;
use crate::data_dir;
use crate::failure::Failure;
use crate::files;
use crate::wire::{self, Copied};

const ROWS: &str = "shop.db";
const PICTURES: &str = "static";

/// Copies the shop into a folder that is empty or not there yet.
pub(super) fn back_up(config: &Config, to: &Path) -> Result<(), Failure> {
    let file = sqlite(config)?;
    if !file.exists() {
        let what = format!("{} does not exist: there is nothing to back up", file.display());
        return Err(Failure::failed(what, "name the shop's folder in --data-dir"));
    }
    must_be_empty(to, "name a folder that is empty or not there yet")?;
    let part = unfinished(to);
    // What a backup that was interrupted has left.
    clear(&part)?;
    make(&part)?;
    let pictures = config.static_dir();
    copy_folder(&pictures, &part.join(PICTURES))?;
    wire::copy_database(file, &part.join(ROWS))?;
    copy_folder(&pictures, &part.join(PICTURES))?;
    let key = config.data_dir.join(FILE_NAME);
    if key.exists() {
        copy_file(&key, &part.join(FILE_NAME))?;
    }
    let copied = wire::check_database(&part.join(ROWS))?;
    if to.exists() {
        fs::remove_dir(to).map_err(|error| failed(to, &error))?;
    }
    fs::rename(&part, to).map_err(|error| failed(to, &error))?;
    // Its time is what the doctor looks at.
    let marker = marker(config);
    files::put(&marker, b"").map_err(|error| failed(&marker, &error))?;
    tell("Backed up", &copied, to);
    if !key.exists() {
        console::say("The signing key is not in it: it is given by SECRET_KEY.");
    }
    Ok(())
}

/// Puts a backup into the shop's folder, which must hold no shop.
pub(super) fn restore(config: &Config, from: &Path) -> Result<(), Failure> {
    let file = sqlite(config)?;
    let rows = from.join(ROWS);
    if !rows.exists() {
        let what = format!("{} holds no backup: {ROWS} is not there", from.display());
        return Err(Failure::failed(what, "name a folder that `slippers backup` has made"));
    }
    let there = [file.to_owned(), config.data_dir.join(FILE_NAME), config.static_dir()];
    if let Some(there) = there.iter().find(|path| path.exists()) {
        let what = format!("{} is there already, and nothing is overwritten", there.display());
        return Err(Failure::failed(
            what,
            "stop the shop and move its folder away, or name another with --data-dir",
        ));
    }
    // A damaged backup changes nothing.
    let copied = wire::check_database(&rows)?;
    data_dir::prepare(&config.data_dir)?;
    copy_folder(&from.join(PICTURES), &config.static_dir())?;
    if from.join(FILE_NAME).exists() {
        copy_file(&from.join(FILE_NAME), &config.data_dir.join(FILE_NAME))?;
    }
    // The rows last: with them it is a shop.
    let part = unfinished(file);
    copy_file(&rows, &part)?;
    fs::rename(&part, file).map_err(|error| failed(file, &error))?;
    tell("Restored", &copied, &config.data_dir);
    Ok(())
}

/// A file that was written when the last backup was done.
pub(super) fn marker(config: &Config) -> PathBuf {
    config.data_dir.join(".last_backup")
}

fn sqlite(config: &Config) -> Result<&Path, Failure> {
    match &config.database {
        Database::Sqlite(file) => Ok(file),
        Database::Postgres(server) => Err(Failure::failed(
            "DATABASE_URL: the rows are on PostgreSQL, which has tools of its own for that",
            format!(
                "pg_dump --format=custom --file=shop.dump {}; copy {} beside it (docs/operations.md, Backups)",
                server.direct_url.as_ref().unwrap_or(&server.url),
                config.static_dir().display()
            ),
        )),
    }
}

fn tell(what: &str, copied: &Copied, place: &Path) {
    let Copied { slippers, users, orders } = copied;
    let numbers = [slippers, users, orders].map(|number| console::grouped(*number));
    let [slippers, users, orders] = numbers;
    console::say(&format!(
        "{what}, and read from end to end: {slippers} products, {users} users, {orders} orders, in {}",
        place.display()
    ));
}

fn must_be_empty(folder: &Path, fix: &str) -> Result<(), Failure> {
    match fs::read_dir(folder).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::failed(format!("{} is not empty", folder.display()), fix)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(folder, &error)),
    }
}

/// The name of what is not whole yet.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    path.with_file_name(name)
}

fn clear(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(folder, &error)),
        _ => Ok(()),
    }
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

/// Copies what is not there yet; a picture never changes under its name. One that goes away meanwhile is named by no row.
fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(from, &error)),
    };
    make(to)?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(from, &error))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        // What begins with a dot is under way.
        if entry.file_name().as_encoded_bytes().starts_with(b".") || target.is_file() {
            continue;
        }
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else if source.exists() {
            copy_file(&source, &target)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = fs::copy(from, to).and_then(|_| fs::File::open(to)).and_then(|file| file.sync_all());
    match copied {
        // Swept between the look and the copy.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(()),
        copied => copied.map_err(|error| failed(to, &error)),
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(
        format!("{}: {error}", path.display()),
        "see that there is room on the disk and that the folder may be written, then run it again",
    )
}
