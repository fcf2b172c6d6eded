//! A certificate and its key, ready to be shown to clients.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// HTTP/2 by its name in the handshake (ALPN, RFC 7301).
pub(crate) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// How TLS is spoken to clients: 1.2 or 1.3, HTTP/2 where the client offers it. The key never shows in a log.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
}

/// Why TLS can't be spoken with what was given.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The first file holds no certificate, or something that is none.
    #[error("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// The second file holds no key that can be read.
    #[error("holds no private key in PEM (-----BEGIN PRIVATE KEY-----), or one with a password")]
    NoKey,
    /// They don't belong together, or are of a kind that is not offered.
    #[error("can't be used with the certificate: {0}")]
    Unfit(rustls::Error),
}

impl Tls {
    /// Takes a certificate, followed by those between it and its authority, and its key, both in PEM.
    ///
    /// # Errors
    /// [`TlsError`] when they can't be used.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| TlsError::NoCertificate)?;
        let certificate = chain.first().cloned().ok_or(TlsError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Unfit)?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        // Who comes back needs no whole handshake, and nothing is kept for them here.
        config.ticketer = ring::Ticketer::new().map_err(TlsError::Unfit)?;
        Ok(Self { config: Arc::new(config), certificate })
    }

    /// The certificate that is shown, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls([redacted])")
    }
}
