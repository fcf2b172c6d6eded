//! How connections are made.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Config, Error};

use crate::db::Db;
use crate::error::{Address, OpenError};
use crate::session::Session;
use crate::tls::Tls;

/// The longest that making a connection takes.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// A server that is gone without a word is noticed after about this.
const SILENCE: Duration = Duration::from_secs(30);

/// One host of a server, and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) config: Config,
    /// `host:port`, for people.
    pub(crate) name: String,
    /// How connections to it are encrypted, also those that only cancel.
    pub(crate) tls: Tls,
    /// The address that it was read of.
    pub(crate) of: Address,
}

/// Reads a URL as it stands in a FastAPI shop's settings too. Several hosts, `host:port,host:port`, are an endpoint each.
pub(crate) fn read_url(url: &str, of: Address) -> Result<Vec<Endpoint>, OpenError> {
    read_parts(url).map_err(|why| OpenError::Url { of, why })?.read(of)
}

/// A URL in its parts, each with the signs that set it off.
struct Parts<'u> {
    scheme: &'u str,
    user: String,
    hosts: &'u str,
    database: String,
    options: &'u str,
}

fn read_parts(url: &str) -> Result<Parts<'_>, String> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| "it has no scheme".to_owned())?;
    // What stands behind the plus is the driver of another program.
    let scheme = scheme.split('+').next().unwrap_or_default();
    if !matches!(scheme, "postgresql" | "postgres") {
        return Err(format!("{scheme:?} is not postgresql"));
    }
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, place) =
        rest.rsplit_once('@').map_or((String::new(), rest), |(user, place)| (format!("{user}@"), place));
    let (hosts, database) =
        place.split_once('/').map_or((place, String::new()), |(hosts, name)| (hosts, format!("/{name}")));
    Ok(Parts { scheme, user, hosts, database, options })
}

impl Parts<'_> {
    fn read(&self, of: Address) -> Result<Vec<Endpoint>, OpenError> {
        let Self { scheme, user, hosts, database, options } = self;
        let (tls, others) = Tls::read(options).map_err(|why| OpenError::Url { of, why })?;
        let read = |host| {
            let config = read_config(&format!("{scheme}://{user}{host}{database}{others}"));
            config.map(|config| endpoint(config, tls.clone(), of))
        };
        hosts.split(',').map(read).collect::<Result<_, _>>().map_err(|why| OpenError::Url { of, why })
    }
}

fn endpoint(mut config: Config, tls: Tls, of: Address) -> Endpoint {
    let (host, ssl_mode) = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => (name.clone(), tls.ssl_mode()),
        // A socket of this machine is nobody else's to listen in on, and PostgreSQL speaks no TLS there.
        #[cfg(unix)]
        Some(Host::Unix(path)) => (path.display().to_string(), SslMode::Disable),
        None => ("localhost".to_owned(), tls.ssl_mode()),
    };
    config.ssl_mode(ssl_mode);
    let name = format!("{host}:{}", config.get_ports().first().unwrap_or(&5432));
    Endpoint { config, name, tls, of }
}

fn read_config(url: &str) -> Result<Config, String> {
    let mut config: Config = url.parse().map_err(|error: Error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    if config.get_application_name().is_none() {
        config.application_name("slippers");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_LIMIT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    Ok(config)
}

/// Makes a connection and drives it until it is dropped. Its limits are as the endpoint has them.
pub(crate) async fn connect_as(
    endpoint: &Endpoint,
    session: Session,
    prepared: bool,
    statements: Arc<AtomicU64>,
) -> Result<Db, Error> {
    let (client, connection) = endpoint.config.connect(endpoint.tls.connect.clone()).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    });
    Ok(Db::new(client, endpoint.tls.connect.clone(), session, prepared, statements))
}

/// Any number: what spreads moments, so that many don't do the same thing at the same one. No secret hangs on it.
pub(crate) fn lot() -> u64 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(DRAWN.fetch_add(1, Ordering::Relaxed))
}
