//! How connections are made.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio_postgres::{Config, Error, NoTls};

use crate::db::Db;
use crate::error::OpenError;

/// The longest that making a connection takes.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// Reads a URL as it stands in a FastAPI shop's settings too.
pub(crate) fn read_url(url: &str) -> Result<Config, OpenError> {
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
    Ok(config)
}

/// Makes a connection and drives it until it is dropped.
pub(crate) async fn connect(
    config: &Config,
    prepared: bool,
    statements: Arc<AtomicU64>,
) -> Result<Db, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    });
    Ok(Db::new(client, prepared, statements))
}
