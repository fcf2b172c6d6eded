//! TLS to the server: what an address asks for by `sslmode` and `sslrootcert`, with the meanings that they have for
//! PostgreSQL's own programs (PostgreSQL documentation, "SSL Support" of libpq).

use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The protocol's name, which PostgreSQL asks for from version 17 on.
const ALPN: &[u8] = b"postgresql";
/// As `sslrootcert`: the authorities that the system trusts.
const SYSTEM: &str = "system";

/// How a connection is kept from the eyes of others.
#[derive(Clone)]
pub(crate) struct Tls {
    mode: Mode,
    /// Makes the handshakes. Cheap to clone.
    pub(crate) connect: MakeRustlsConnect,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// What is asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing is encrypted.
    Disable,
    /// It is encrypted where the server can, whoever the server is: as long as nobody says anything.
    Prefer,
    /// It is encrypted, whoever the server is.
    Require,
    /// The server's certificate is of an authority that is trusted.
    VerifyCa,
    /// And bears the server's name.
    VerifyFull,
}

const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// The options of an address that are ours, and the others as they were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    mode: Option<String>,
    roots: Option<String>,
    others: String,
}

/// Takes the options of TLS out of those behind the `?` of an address, `NAME=VALUE` between ampersands.
fn take_options(options: &str) -> Options {
    let mut taken = Options::default();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = || Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
        match name {
            // The second is the word of asyncpg, whose addresses old shops have.
            "sslmode" | "ssl" => taken.mode = value(),
            "sslrootcert" => taken.roots = value(),
            _ => {
                taken.others.push(if taken.others.is_empty() { '?' } else { '&' });
                taken.others.push_str(option);
            }
        }
    }
    taken
}

impl Tls {
    /// What the options behind the `?` of an address ask for, and the options that are left, with their `?`.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn read(options: &str) -> Result<(Self, String), String> {
        let Options { mode, roots, others } = take_options(options);
        let named = mode.as_deref().unwrap_or("prefer");
        let mode = match named {
            // libpq knows it; here it would be the same as prefer.
            "allow" => Mode::Prefer,
            named => {
                MODES.iter().find(|(name, _)| *name == named).map(|(_, mode)| *mode).ok_or_else(|| {
                    format!(
                        "sslmode is {named:?}; it may be disable, prefer, require, verify-ca or verify-full"
                    )
                })?
            }
        };
        // As in libpq: who names an authority wants it to be asked.
        let mode = if mode == Mode::Require && roots.is_some() { Mode::VerifyCa } else { mode };
        let verifier: Arc<dyn ServerCertVerifier> = match mode {
            Mode::Disable | Mode::Prefer | Mode::Require => Arc::new(Anybody(provider())),
            Mode::VerifyCa | Mode::VerifyFull => {
                Arc::new(Trusted::new(roots.as_deref().unwrap_or(SYSTEM), mode == Mode::VerifyFull)?)
            }
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS can't be used: {error}"))?;
        let mut config = config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok((Self { mode, connect: MakeRustlsConnect::new(config) }, others))
    }

    /// What the driver is to ask the server.
    pub(crate) const fn ssl_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Whoever answers is believed to be the server.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

/// The server must show a certificate that is trusted.
#[derive(Debug)]
struct Trusted {
    by_authority: Arc<WebPkiServerVerifier>,
    /// The certificates of the file. A server's own may be one of them, also where it calls itself an authority: that is
    /// how PostgreSQL's documentation makes a certificate without one.
    named: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl Trusted {
    fn new(roots: &str, checks_name: bool) -> Result<Self, String> {
        let named = if roots == SYSTEM { of_system()? } else { of_file(Path::new(roots))? };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(named.iter().cloned());
        let by_authority = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
            .build()
            .map_err(|error| format!("sslrootcert={roots} can't be used: {error}"))?;
        Ok(Self { by_authority, named: if roots == SYSTEM { Vec::new() } else { named }, checks_name })
    }
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(none) if none.is_empty() => {
            Err(format!("sslrootcert={} holds no certificate in PEM", path.display()))
        }
        Ok(all) => Ok(all),
        Err(error) => Err(format!("sslrootcert={} can't be read: {error}", path.display())),
    }
}

fn of_system() -> Result<Vec<CertificateDer<'static>>, String> {
    let loaded = rustls_native_certs::load_native_certs();
    if loaded.certs.is_empty() {
        let why = loaded.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
        return Err(format!("sslrootcert is missing, and the system's authorities can't be read: {why}"));
    }
    Ok(loaded.certs)
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.named.iter().any(|named| named == end_entity) {
            if self.checks_name {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let by_authority = &self.by_authority;
        match by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_authority.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What to do about a handshake that failed like this; `None` = it was none.
pub(crate) fn remedy(error: &tokio_postgres::Error) -> Option<&'static str> {
    if !error.to_string().starts_with("error performing TLS handshake") {
        return None;
    }
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    // The second where another authority bears the same name.
    Some(if cause.contains("UnknownIssuer") || cause.contains("BadSignature") {
        "name the file with the certificate of the server's authority in sslrootcert"
    } else if cause.contains("not valid for name") {
        "write the host as the server's certificate names it, or sslmode=verify-ca, which trusts any name of the authority"
    } else if cause.contains("does not support TLS") {
        "set ssl=on in the server (client_tls_sslmode in PgBouncer), or write sslmode=disable where nobody listens in"
    } else {
        "mend the server's certificate, or write sslmode=require, which encrypts without looking at it"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_tls_are_taken_and_others_left() {
        let taken =
            take_options("connect_timeout=3&sslmode=verify-full&sslrootcert=%2Fetc%2Fca.crt&keepalives=0");
        let expected = Options {
            mode: Some("verify-full".to_owned()),
            roots: Some("/etc/ca.crt".to_owned()),
            others: "?connect_timeout=3&keepalives=0".to_owned(),
        };
        assert_eq!(taken, expected);
        assert_eq!(take_options(""), Options::default());
        assert_eq!(take_options("ssl=require").mode.as_deref(), Some("require"), "asyncpg's word");
    }

    #[test]
    fn what_is_asked_for_is_asked_of_the_server() {
        for (options, mode) in [
            ("", SslMode::Prefer),
            ("sslmode=disable", SslMode::Disable),
            ("sslmode=allow", SslMode::Prefer),
            ("sslmode=require", SslMode::Require),
        ] {
            assert_eq!(Tls::read(options).map(|(tls, _)| tls.ssl_mode()), Ok(mode), "{options}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_the_option() {
        let told = |options: &str| Tls::read(options).expect_err(options);
        assert!(told("sslmode=yes").contains(r#"sslmode is "yes"; it may be disable"#));
        assert!(
            told("sslmode=verify-full&sslrootcert=/nowhere/ca.crt")
                .contains("sslrootcert=/nowhere/ca.crt can't")
        );
        let none = told(&format!("sslmode=require&sslrootcert={}/Cargo.toml", env!("CARGO_MANIFEST_DIR")));
        assert!(none.contains("holds no certificate"), "require with an authority asks it: {none}");
    }
}
