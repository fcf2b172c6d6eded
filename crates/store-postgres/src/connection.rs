//! How connections are made.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::{Config, Error, NoTls};

use crate::db::Db;
use crate::error::OpenError;
use crate::session::Session;

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
}

/// Reads a URL as it stands in a FastAPI shop's settings too. Several hosts, `host:port,host:port`, are an endpoint each.
pub(crate) fn read_url(url: &str) -> Result<Vec<Endpoint>, OpenError> {
    let Some((scheme, rest)) = url.split_once("://") else { return read_host(url).map(|one| vec![one]) };
    let (rest, options) = match rest.split_once('?') {
        Some((rest, options)) => (rest, format!("?{options}")),
        None => (rest, String::new()),
    };
    let (user, place) =
        rest.rsplit_once('@').map_or((String::new(), rest), |(user, place)| (format!("{user}@"), place));
    let (hosts, database) =
        place.split_once('/').map_or((place, String::new()), |(hosts, name)| (hosts, format!("/{name}")));
    hosts.split(',').map(|host| read_host(&format!("{scheme}://{user}{host}{database}{options}"))).collect()
}

fn read_host(url: &str) -> Result<Endpoint, OpenError> {
    let config = read_config(url)?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let name = format!("{host}:{}", config.get_ports().first().unwrap_or(&5432));
    Ok(Endpoint { config, name })
}

fn read_config(url: &str) -> Result<Config, OpenError> {
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| OpenError::Url("it has no scheme".to_owned()))?;
    // What stands behind the plus is the driver of another program.
    let scheme = scheme.split('+').next().unwrap_or_default();
    if !matches!(scheme, "postgresql" | "postgres") {
        return Err(OpenError::Url(format!("{scheme:?} is not postgresql")));
    }
    let mut config: Config = format!("{scheme}://{rest}").parse().map_err(|error: Error| {
        OpenError::Url(
            std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
        )
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
    let (client, connection) = endpoint.config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    });
    Ok(Db::new(client, session, prepared, statements))
}

/// Any number: what spreads moments, so that many don't do the same thing at the same one. No secret hangs on it.
pub(crate) fn lot() -> u64 {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(DRAWN.fetch_add(1, Ordering::Relaxed))
}
