//! Which database the shop keeps its rows in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::parse;
use super::reader::Reader;
use super::table::{self, Setting};

/// The database of the settings.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<Postgres>),
}

/// How a PostgreSQL server is reached and used.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    /// Where requests go.
    pub(crate) url: Address,
    /// Where migrations go, past a pooler.
    pub(crate) direct_url: Option<Address>,
    /// Replicas, which answer reads.
    pub(crate) replicas: Vec<Address>,
    /// Connections; `None` = as many as suit the server.
    pub(crate) pool_size: Option<u32>,
    /// Connections beyond them.
    pub(crate) max_overflow: u32,
    /// Whether both are a wish, which is made to fit the server.
    pub(crate) fits_server: bool,
    /// How long a request waits for one.
    pub(crate) pool_timeout: Duration,
    /// Whether statements are prepared by name.
    pub(crate) prepared: bool,
}

impl Postgres {
    /// The connections that the shop opens at most, in words.
    pub(crate) fn budget(&self) -> String {
        let Self { pool_size, max_overflow, fits_server, .. } = self;
        let Some(size) = pool_size else {
            return "four connections for each core, 8 to 32, as far as the server has them".to_owned();
        };
        let all = size.saturating_add(*max_overflow);
        let fits = if *fits_server { ", as far as the server has them" } else { "" };
        format!("{size} + {max_overflow} = {all} connections at most{fits}")
    }
}

/// Names the database without a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(server) => server.url.fmt(f),
        }
    }
}

/// The address of a PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE`. It shows no
/// password, and no option, which could be one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// The whole address, for the driver.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// A URL as it may be shown: what stands before the `@` ends with the user's name, and what follows a `?` is left out.
pub(super) fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _options)| url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((who, place)) => {
            let user = who.split_once(':').map_or(who, |(user, _password)| user);
            format!("{scheme}://{user}@{place}")
        }
        None => url.to_owned(),
    }
}

/// Why an address can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlFault {
    /// A database in memory would be forgotten at once.
    Memory,
    /// No host, or no database.
    Incomplete,
    /// Something else.
    Other,
}

/// What a DATABASE_URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Server(Address),
}

/// Reads an address; a driver behind the scheme, as the old shop wrote it (`postgresql+asyncpg`), means nothing.
fn place(url: &str) -> Result<Place, UrlFault> {
    let (scheme, rest) = url.trim().split_once(':').ok_or(UrlFault::Other)?;
    let scheme = scheme.to_ascii_lowercase();
    match scheme.split_once('+').map_or(scheme.as_str(), |(scheme, _driver)| scheme) {
        "postgres" | "postgresql" => server(rest).map(Place::Server),
        "sqlite" => file(rest).map(Place::File),
        _ => Err(UrlFault::Other),
    }
}

/// The database that an address names, with the usual settings; `None` when it names none.
pub(crate) fn database_of(url: &str) -> Option<Database> {
    Some(match place(url).ok()? {
        Place::File(path) => Database::Sqlite(path),
        Place::Server(url) => Database::Postgres(Box::new(Postgres {
            url,
            direct_url: None,
            replicas: Vec::new(),
            pool_size: None,
            max_overflow: 0,
            fits_server: false,
            pool_timeout: Duration::from_secs(10),
            prepared: true,
        })),
    })
}

/// Whether an address is one of PostgreSQL.
pub(super) fn is_server(url: &str) -> bool {
    matches!(place(url), Ok(Place::Server(_)))
}

fn server(rest: &str) -> Result<Address, UrlFault> {
    let body = rest.strip_prefix("//").ok_or(UrlFault::Other)?;
    let plain = body.split_once('?').map_or(body, |(plain, _options)| plain);
    let (_, plain) = plain.rsplit_once('@').unwrap_or(("", plain));
    let (host, database) = plain.split_once('/').ok_or(UrlFault::Incomplete)?;
    // A socket's folder may stand behind the `?`.
    let has_host = !host.is_empty() || body.contains("host=");
    if has_host && !database.is_empty() {
        Ok(Address(format!("postgresql://{body}")))
    } else {
        Err(UrlFault::Incomplete)
    }
}

/// `sqlite:PATH` or, as in the old shop, `sqlite:///PATH`.
fn file(rest: &str) -> Result<PathBuf, UrlFault> {
    let path = match rest.strip_prefix("//") {
        Some(authority) => authority.strip_prefix('/').ok_or(UrlFault::Other)?,
        None => rest,
    };
    match path {
        ":memory:" => Err(UrlFault::Memory),
        "" if rest.starts_with("//") => Err(UrlFault::Memory),
        path if path.is_empty() || path.contains(['?', '#']) => Err(UrlFault::Other),
        path => Ok(PathBuf::from(path)),
    }
}

impl Reader {
    /// The database, with all that belongs to it.
    pub(super) fn database(&mut self, data_dir: &Path) -> Database {
        let own = Database::Sqlite(data_dir.join("shop.db"));
        let Some(url) = self.layers.given(&table::DATABASE_URL).cloned() else { return own };
        match place(&url.text) {
            Ok(Place::File(path)) => Database::Sqlite(path),
            Ok(Place::Server(url)) => Database::Postgres(Box::new(self.postgres(url))),
            Err(fault) => {
                // The address may hold a password: it is never repeated.
                let (what, fix) = match fault {
                    UrlFault::Memory => {
                        ("is a database in memory, which would be lost at the end", "write sqlite:PATH")
                    }
                    UrlFault::Incomplete => INCOMPLETE,
                    UrlFault::Other => (
                        "is the address neither of a PostgreSQL server nor of an SQLite file",
                        "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or sqlite:PATH without options behind ?; or leave it out",
                    ),
                };
                self.fault(&table::DATABASE_URL, url.from, what, fix);
                own
            }
        }
    }

    fn postgres(&mut self, url: Address) -> Postgres {
        let (pool_size, max_overflow, fits_server) = self.pool();
        Postgres {
            url,
            direct_url: self.address(&table::DATABASE_DIRECT_URL),
            replicas: self.addresses(&table::DATABASE_REPLICA_URLS),
            pool_size,
            max_overflow,
            fits_server,
            pool_timeout: Duration::from_secs(self.number(&table::DATABASE_POOL_TIMEOUT)),
            prepared: self.flag(&table::DATABASE_PREPARED).unwrap_or(true),
        }
    }

    /// Connections, those beyond them, and whether they are a wish: numbers that somebody gave are none.
    fn pool(&mut self) -> (Option<u32>, u32, bool) {
        let traffic = self.traffic();
        let overflow = self.layers.given(&table::DATABASE_MAX_OVERFLOW).is_some();
        let max_overflow = self.number(&table::DATABASE_MAX_OVERFLOW);
        if self.layers.given(&table::DATABASE_POOL_SIZE).is_some() {
            return (Some(self.number(&table::DATABASE_POOL_SIZE)), max_overflow, false);
        }
        match traffic {
            Some((size, _)) if overflow => (Some(size), max_overflow, true),
            Some((size, beyond)) => (Some(size), beyond, true),
            None => (None, max_overflow, true),
        }
    }

    /// What the old shop's guide gave each of its processes, for the whole shop.
    fn traffic(&mut self) -> Option<(u32, u32)> {
        let given = self.layers.given(&table::TRAFFIC)?.clone();
        let preset = match given.text.trim() {
            "low" => Some((20, 30)),
            "moderate" => Some((50, 100)),
            "high" => Some((100, 200)),
            _ => None,
        };
        if preset.is_none() {
            let what = format!("{:?} is none of low, moderate and high", given.text);
            self.fault(&table::TRAFFIC, given.from, what, "write low, moderate or high, or leave it out");
        }
        preset
    }

    fn address(&mut self, setting: &Setting) -> Option<Address> {
        let given = self.layers.given(setting)?.clone();
        match place(&given.text) {
            Ok(Place::Server(address)) => Some(address),
            _ => {
                self.fault(setting, given.from, INCOMPLETE.0, INCOMPLETE.1);
                None
            }
        }
    }

    fn addresses(&mut self, setting: &Setting) -> Vec<Address> {
        let given = self.layers.get(setting);
        let mut addresses = Vec::new();
        for text in parse::list(&given.text) {
            match place(&text) {
                Ok(Place::Server(address)) => addresses.push(address),
                _ => self.fault(setting, given.from.clone(), INCOMPLETE.0, INCOMPLETE.1),
            }
        }
        addresses
    }
}

const INCOMPLETE: (&str, &str) = (
    "is not the whole address of a PostgreSQL server",
    "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_urls_name_their_file() {
        for (url, path) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite:/var/lib/shop.db", "/var/lib/shop.db"),
            ("sqlite:///./shop.db", "./shop.db"),
            ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
            ("SQLite+aiosqlite:///shop.db", "shop.db"),
        ] {
            assert_eq!(place(url), Ok(Place::File(PathBuf::from(path))), "{url}");
        }
        for (url, fault) in [
            ("postgresql://localhost", UrlFault::Incomplete),
            ("postgresql:///slippers", UrlFault::Incomplete),
            ("postgresql:localhost/slippers", UrlFault::Other),
            ("sqlite://", UrlFault::Other),
            ("sqlite:///", UrlFault::Memory),
            ("sqlite::memory:", UrlFault::Memory),
            ("sqlite:", UrlFault::Other),
            ("sqlite:///a.db?mode=ro", UrlFault::Other),
            ("mysql://h/d", UrlFault::Other),
            ("shop.db", UrlFault::Other),
        ] {
            assert_eq!(place(url), Err(fault), "{url}");
        }
    }

    #[test]
    fn servers_are_named_without_their_password() {
        for (url, shown) in [
            ("postgresql+asyncpg://user:hunter2@localhost/slippers", "postgresql://user@localhost/slippers"),
            ("postgres://u:p@ss@h:5433/d?password=hunter2", "postgresql://u@h:5433/d"),
            ("postgresql:///d?host=/run/postgresql", "postgresql:///d"),
            ("PostgreSQL://h/d", "postgresql://h/d"),
        ] {
            let place = place(url).expect("an address");
            assert!(matches!(&place, Place::Server(address) if address.to_string() == shown), "{place:?}");
            assert!(!format!("{place:?}").contains("hunter2"));
        }
    }
}
