//! The way to a Redis: in the clear, or by TLS where its address begins with `rediss://`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_ok;
use hyper_rustls::ConfigBuilderExt as _;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisError};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::settings::RedisAddress;

/// How to come to one Redis, again and again.
pub(crate) struct RedisWay {
    client: Client,
    tls: Option<Encrypted>,
}

/// What is encrypted, and whose certificate is asked for.
struct Encrypted {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl RedisWay {
    /// The system's authorities are read here, once, and only for an address that asks for TLS: the client's own TLS reads them
    /// for each attempt, four times a second while Redis is gone.
    ///
    /// # Errors
    /// The address can't be used, or the system has no certificate authorities that can be read.
    pub(crate) fn new(address: &RedisAddress) -> io::Result<Self> {
        let client = Client::open(address.info().clone()).map_err(io::Error::other)?;
        let tls = match address.info().addr() {
            ConnectionAddr::Tcp(host, port) if address.is_encrypted() => Some(Encrypted::new(host, *port)?),
            _ => None,
        };
        Ok(Self { client, tls })
    }

    /// Where it leads, without the password.
    pub(crate) fn place(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    /// Connects and signs in. `limit` is the longest that this takes, and the longest that an answer is remembered for.
    ///
    /// # Errors
    /// Nobody answers in time, the certificate is not trusted, or the password is not taken.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limit))
            .set_response_timeout(Some(limit));
        let connecting = async {
            match &self.tls {
                None => self.client.get_multiplexed_async_connection_with_config(&config).await,
                Some(encrypted) => self.connect_by(encrypted, config.clone()).await,
            }
        };
        tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_elapsed| {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}")).into())
        })
    }

    async fn connect_by(
        &self,
        encrypted: &Encrypted,
        config: AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RedisError> {
        // All at once: one that nobody answers at would take the time of the others.
        let addresses = lookup_host((encrypted.host.as_str(), encrypted.port)).await?;
        let attempts: Vec<_> = addresses.map(|address| Box::pin(TcpStream::connect(address))).collect();
        if attempts.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        let (stream, _) = select_ok(attempts).await?;
        stream.set_nodelay(true)?;
        let stream = encrypted.tls.connect(encrypted.name.clone(), stream).await?;
        let settings = self.client.get_connection_info().redis_settings();
        let (connection, driver) = MultiplexedConnection::new_with_config(settings, stream, config).await?;
        // It ends when the last of the connection's handles is gone and what they have said has left.
        tokio::spawn(driver);
        Ok(connection)
    }
}

impl Encrypted {
    fn new(host: &str, port: u16) -> io::Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_native_roots()?
            .with_no_client_auth();
        Ok(Self {
            host: host.to_owned(),
            port,
            name: ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }
}
