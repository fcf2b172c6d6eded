//! The stores by name.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use slippers_core::types::Timestamp;
use slippers_core::{Store, StoreError};
use slippers_store_postgres::{Address, Moved, PostgresSettings, PostgresStore, Progress, TransferError};
pub(crate) use slippers_store_postgres::{Pooler, PoolerVitals, ReplicaVitals, Vitals, Way};
pub(crate) use slippers_store_sqlite::backup::Copied;
use slippers_store_sqlite::backup::{self, BackupError};
use slippers_store_sqlite::{Export, SqliteStore};
use tokio::runtime::Runtime;

use crate::config::database::Postgres;
use crate::config::{Config, Database};
use crate::data_dir;
use crate::failure::Failure;

/// Opens the database that the settings name, and migrates it. An SQLite file is made when it is missing.
pub(crate) fn open_store(config: &Config, runtime: &Runtime) -> Result<Arc<dyn Store>, Failure> {
    data_dir::prepare(&config.data_dir)?;
    match &config.database {
        Database::Sqlite(path) => {
            make_folder_of(path)?;
            let store = SqliteStore::open(path).map_err(|error| sqlite_not_opened(path, &error))?;
            Ok(Arc::new(store))
        }
        Database::Postgres(server) => {
            let store = runtime.block_on(PostgresStore::open(&settings(server)));
            Ok(Arc::new(store.map_err(|error| postgres_not_opened(server, &error))?))
        }
    }
}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| {
        let what = format!("DATABASE_URL: the folder {} can't be made: {error}", folder.display());
        Failure::failed(what, "make the folder, or name another file")
    })
}

/// Moves the shop of a file into the database of a server.
pub(crate) fn transfer(
    file: &Path,
    server: &Postgres,
    runtime: &Runtime,
    progress: Progress,
) -> Result<Moved, Failure> {
    if !file.exists() {
        return Err(Failure::failed(
            format!("--from: {} does not exist", file.display()),
            "name the shop's file",
        ));
    }
    // Brings the file up to this program.
    SqliteStore::open(file).map_err(|error| sqlite_not_opened(file, &error))?.close();
    let source = Export::open(file).map_err(|error| sqlite_not_opened(file, &error))?;
    let moved = runtime.block_on(PostgresStore::move_in(&settings(server), Box::new(source), progress));
    moved.map_err(|error| match error {
        TransferError::Open(error) => postgres_not_opened(server, &error),
        TransferError::NotEmpty { .. } => {
            Failure::failed(error, "name an empty database in --to; this one was left as it is")
        }
        TransferError::Store(StoreError::Undecided(_)) => Failure::failed(
            error,
            "look into the target: it has all rows or none; where it has none, start again",
        ),
        error => Failure::failed(error, "nothing was moved; mend what it tells and start again"),
    })
}

/// Copies the rows of an SQLite file as they are now into a file that is not there yet.
pub(crate) fn copy_database(file: &Path, to: &Path) -> Result<(), Failure> {
    backup::copy(file, to).map_err(|error| sqlite_not_opened(file, &error))
}

/// Reads the copy of an SQLite file from end to end.
pub(crate) fn check_database(file: &Path) -> Result<Copied, Failure> {
    backup::check(file).map_err(|error| damaged(file, error))
}

/// Looks whether every page of an SQLite file can be read.
pub(crate) fn look_at_database(file: &Path) -> Result<(), Failure> {
    backup::look(file).map_err(|error| damaged(file, error))
}

fn damaged(file: &Path, error: BackupError) -> Failure {
    match error {
        BackupError::Open(error) => sqlite_not_opened(file, &error),
        BackupError::Damaged(_) => Failure::failed(
            format!("{} is no good copy: {error}", file.display()),
            "use another backup; where it was just made, see to the disk of the shop",
        ),
    }
}

/// Where each migration stands, a line each, and how many are still to be run. The database is neither made nor changed.
pub(crate) fn migration_status(config: &Config, runtime: &Runtime) -> Result<(Vec<String>, usize), Failure> {
    let rows: Vec<(String, State)> = match &config.database {
        Database::Sqlite(path) => SqliteStore::migration_status(path)
            .map_err(|error| sqlite_not_opened(path, &error))?
            .into_iter()
            .map(|migration| (migration.name, migration.state.into()))
            .collect(),
        Database::Postgres(server) => runtime
            .block_on(PostgresStore::migration_status(&settings(server)))
            .map_err(|error| postgres_not_opened(server, &error))?
            .into_iter()
            .map(|migration| (migration.name, migration.state.into()))
            .collect(),
    };
    let pending = rows.iter().filter(|(_, state)| matches!(state, State::Pending)).count();
    Ok((rows.iter().map(|(name, state)| format!("{name:<24} {}", state.words())).collect(), pending))
}

/// How the servers of the settings are: the primary, its replicas, a pooler in front of it.
pub(crate) async fn vitals(
    server: &Postgres,
) -> (Result<Vitals, String>, Vec<Result<ReplicaVitals, String>>, Option<PoolerVitals>) {
    let settings = settings(server);
    let words = |error: slippers_store_postgres::OpenError| error.to_string();
    let primary = Vitals::look(&settings).await.map_err(words);
    let mut replicas = Vec::new();
    for url in &settings.replica_urls {
        replicas.push(ReplicaVitals::look(url).await.map_err(words));
    }
    (primary, replicas, PoolerVitals::look(&settings).await)
}

/// How many commits a second its primary takes from so many connections.
pub(crate) async fn sweep_commits(
    server: &Postgres,
    connections: &[u32],
    time: Duration,
) -> Result<Vec<(u32, f64)>, String> {
    let swept = slippers_store_postgres::sweep_commits(&settings(server), connections, time).await;
    swept.map_err(|error| error.to_string())
}

/// Whether the settings' database is there at all.
pub(crate) fn database_exists(config: &Config) -> bool {
    match &config.database {
        Database::Sqlite(path) => path.exists(),
        // It was asked for its migrations.
        Database::Postgres(_) => true,
    }
}

/// Where a migration stands, in the words of both stores.
enum State {
    Pending,
    Applied(Timestamp),
    Edited(Timestamp),
    Unknown(Timestamp),
}

impl State {
    fn words(&self) -> String {
        match self {
            Self::Pending => "pending".to_owned(),
            Self::Applied(at) => format!("applied {}", at.iso_with_z()),
            Self::Edited(at) => format!("applied {}, but edited since", at.iso_with_z()),
            Self::Unknown(at) => format!("applied {} by a newer program", at.iso_with_z()),
        }
    }
}

macro_rules! states {
    ($($store:ident)*) => {$(
        impl From<$store::MigrationState> for State {
            fn from(state: $store::MigrationState) -> Self {
                match state {
                    $store::MigrationState::Pending => Self::Pending,
                    $store::MigrationState::Applied(at) => Self::Applied(at),
                    $store::MigrationState::Edited(at) => Self::Edited(at),
                    $store::MigrationState::Unknown(at) => Self::Unknown(at),
                }
            }
        }
    )*};
}

states! { slippers_store_postgres slippers_store_sqlite }

fn sqlite_not_opened(path: &Path, error: &slippers_store_sqlite::OpenError) -> Failure {
    use slippers_store_sqlite::OpenError;
    let fix = match error {
        OpenError::NotADatabase { .. } | OpenError::NotSlippers { .. } => {
            "name another file in DATABASE_URL, or another folder in SLIPPERS_DATA_DIR".to_owned()
        }
        OpenError::Newer { .. } => NEWER.to_owned(),
        OpenError::Edited { .. } => EDITED.to_owned(),
        _ => format!(
            "see that {} and its folder are writable for the user who runs slippers, and that the disk is not full",
            path.display()
        ),
    };
    Failure::failed(error, fix)
}

const NEWER: &str = "run the version of slippers that last used this database, or a newer one";
const EDITED: &str = "run the released version of slippers that made this database, or restore a backup";

fn postgres_not_opened(server: &Postgres, error: &slippers_store_postgres::OpenError) -> Failure {
    use slippers_store_postgres::OpenError;
    let name = match error {
        OpenError::Url { of, .. } | OpenError::Tls { of, .. } => setting_of(*of),
        _ => setting_of(Address::Shop),
    };
    let fix = match error {
        OpenError::Url { .. } => format!(
            "write {name} as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with options of PostgreSQL's behind a ?"
        ),
        OpenError::Tls { remedy, .. } => format!("in {name}: {remedy}"),
        OpenError::NotSlippers => "name an empty database in DATABASE_URL".to_owned(),
        OpenError::Encoding(_) => {
            "make the database anew: createdb --template=template0 --encoding=UTF8 NAME".to_owned()
        }
        OpenError::Newer { .. } => NEWER.to_owned(),
        OpenError::Edited { .. } => EDITED.to_owned(),
        OpenError::TooMany { allowance, .. } => format!(
            "set DATABASE_POOL_SIZE + DATABASE_MAX_OVERFLOW to {} at most, or leave both out; several processes share \
             the server, so {} for each of two; or raise the server's max_connections",
            allowance.usable(),
            allowance.usable() / 2
        ),
        OpenError::Database(_) => format!(
            "see that the server of DATABASE_URL ({}) runs, has this database and lets this user in",
            server.url
        ),
    };
    let what = format!("{name}: {error}");
    match error {
        OpenError::Url { .. } => Failure::misused(what, fix),
        _ => Failure::failed(what, fix),
    }
}

const fn setting_of(address: Address) -> &'static str {
    match address {
        Address::Shop => "DATABASE_URL",
        Address::Direct => "DATABASE_DIRECT_URL",
        Address::Replica => "DATABASE_REPLICA_URLS",
    }
}

/// What stands on the way to the server, which is only looked at.
pub(crate) fn look_at_way(server: &Postgres, runtime: &Runtime) -> Result<Way, Failure> {
    let way = runtime.block_on(PostgresStore::look_at_way(&settings(server)));
    way.map_err(|error| postgres_not_opened(server, &error))
}

fn settings(server: &Postgres) -> PostgresSettings {
    let usual = PostgresSettings::new(server.url.reveal());
    PostgresSettings {
        direct_url: server.direct_url.as_ref().map(|url| url.reveal().to_owned()),
        replica_urls: server.replicas.iter().map(|url| url.reveal().to_owned()).collect(),
        pool_size: server.pool_size.unwrap_or(usual.pool_size),
        max_overflow: server.max_overflow,
        fits_server: server.fits_server,
        pool_timeout: server.pool_timeout,
        prepared_statements: server.prepared,
        ..usual
    }
}
