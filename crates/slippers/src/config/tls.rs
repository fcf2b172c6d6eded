//! TLS to clients: two files.

use std::path::{Path, PathBuf};

use slippers_server::settings::{Tls, TlsError};

use super::reader::Reader;
use super::table::{self, Setting};
use crate::failure::Failure;
use crate::files;

/// A certificate, with those between it and its authority, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate's file.
    pub(crate) certificate: PathBuf,
    key: PathBuf,
}

/// Why they can't be used.
#[derive(Debug)]
pub(crate) struct TlsProblem {
    setting: &'static Setting,
    what: String,
    fix: String,
}

impl TlsFiles {
    /// Reads both.
    pub(crate) fn load(&self) -> Result<Tls, TlsProblem> {
        let read = |setting, path: &Path| {
            files::read_text(path).map_err(|error| TlsProblem {
                setting,
                what: format!("{} can't be read: {error}", path.display()),
                fix: "give the user who runs slippers the right to read it, or correct the path".to_owned(),
            })
        };
        let certificate = read(&table::TLS_CERT, &self.certificate)?;
        let key = read(&table::TLS_KEY, &self.key)?;
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).map_err(|error| {
            let (setting, path, fix) = match error {
                TlsError::NoCertificate => (
                    &table::TLS_CERT,
                    &self.certificate,
                    "name the file of the whole chain, as an authority gives it (fullchain.pem)",
                ),
                TlsError::NoKey => (
                    &table::TLS_KEY,
                    &self.key,
                    "name the key's file (privkey.pem); openssl pkey -in FILE takes its password away",
                ),
                TlsError::Unfit(_) => {
                    (&table::TLS_KEY, &self.key, "name the key that the certificate was made for")
                }
            };
            TlsProblem { setting, what: format!("{} {error}", path.display()), fix: fix.to_owned() }
        })
    }
}

impl From<TlsProblem> for Failure {
    fn from(problem: TlsProblem) -> Self {
        Self::misused(format!("{}: {}", problem.setting.name, problem.what), problem.fix)
    }
}

impl Reader {
    /// `look`: whether the files are read, which only those need who serve.
    pub(super) fn tls(&mut self, look: bool) -> Option<TlsFiles> {
        let (certificate, key) = (self.text(&table::TLS_CERT), self.text(&table::TLS_KEY));
        match (certificate.is_empty(), key.is_empty()) {
            (true, true) => return None,
            (true, false) => self.needs(&[&table::TLS_KEY], &table::TLS_CERT),
            (false, true) => self.needs(&[&table::TLS_CERT], &table::TLS_KEY),
            (false, false) => {}
        }
        if certificate.is_empty() || key.is_empty() {
            return None;
        }
        let files = TlsFiles { certificate: certificate.into(), key: key.into() };
        if look && let Err(TlsProblem { setting, what, fix }) = files.load() {
            let from = self.layers.get(setting).from;
            self.fault(setting, from, what, fix);
        }
        Some(files)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{faults, load};
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn both_files_are_needed_and_must_belong_together() {
        assert_eq!(load(&[], &[]).expect("good settings").tls, None);
        assert!(faults(&[], &[("TLS_CERT", "cert.pem")]).contains("TLS_KEY"));
        assert!(faults(&[], &[("TLS_KEY", "key.pem")]).contains("TLS_CERT"));
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            files::put(&path, text.as_bytes()).expect("a file");
            path.display().to_string()
        };
        let ((certificate, key), (_, foreign)) = (pair(), pair());
        let (certificate, key) = (file("cert.pem", &certificate), file("key.pem", &key));
        let foreign = file("foreign.pem", &foreign);
        let with = |certificate: &str, key: &str| {
            load(&[], &[("TLS_CERT", certificate), ("TLS_KEY", key)]).map_err(|faults| faults.to_string())
        };
        assert!(with(&certificate, &key).expect("good settings").tls.is_some());
        for (certificate, key, told) in [
            (certificate.as_str(), foreign.as_str(), "can't be used with the certificate"),
            (&key, &key, "holds no certificate"),
            (&certificate, &certificate, "holds no private key"),
            ("/nowhere.pem", &key, "can't be read"),
        ] {
            let text = with(certificate, key).expect_err("a fault");
            assert!(text.contains(told) && text.contains("Fix:"), "{text}");
        }
    }
}
