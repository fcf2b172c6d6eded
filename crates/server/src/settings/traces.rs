//! Where spans of requests are sent.

use std::fmt;

use http::uri::{Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// Whether this build can send spans of requests: it has the feature `otlp`.
pub const EXPORTS_TRACES: bool = cfg!(feature = "otlp");

/// A collector that takes OTLP over HTTP. It shows no header, since they may carry a key.
#[derive(Clone)]
pub struct TraceExport {
    pub(crate) endpoint: Uri,
    pub(crate) headers: HeaderMap,
}

impl TraceExport {
    /// Reads the values of the standard variables `OTEL_EXPORTER_OTLP_ENDPOINT`, an address to whose path `/v1/traces` is
    /// added, and `OTEL_EXPORTER_OTLP_HEADERS`, `name=value` between commas with values percent-encoded
    /// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
    ///
    /// # Errors
    /// What is wrong with the endpoint.
    pub fn endpoint(text: &str) -> Result<Self, &'static str> {
        let base = text.trim().trim_end_matches('/');
        let endpoint: Uri = format!("{base}/v1/traces").parse().map_err(|_| "is no address")?;
        let is_spoken = endpoint.scheme() == Some(&Scheme::HTTP) || endpoint.scheme() == Some(&Scheme::HTTPS);
        match endpoint.authority() {
            Some(authority)
                if is_spoken && !authority.as_str().contains('@') && endpoint.query().is_none() =>
            {
                Ok(Self { endpoint, headers: HeaderMap::new() })
            }
            _ => Err("is not the address of a collector that takes OTLP over HTTP"),
        }
    }

    /// The same with these headers on each call.
    ///
    /// # Errors
    /// What is wrong with them; no value is in it.
    pub fn with_headers(mut self, text: &str) -> Result<Self, String> {
        for (at, pair) in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).enumerate() {
            let read = |pair: &str| {
                let (name, value) = pair.split_once('=')?;
                let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                let name = HeaderName::try_from(name.trim()).ok()?;
                Some((name, HeaderValue::from_str(&value).ok()?))
            };
            let (name, value) = read(pair).ok_or_else(|| format!("is no name=value at place {}", at + 1))?;
            self.headers.insert(name, value);
        }
        Ok(self)
    }

    /// Whether certificate authorities are needed to call it.
    pub fn is_safe(&self) -> bool {
        self.endpoint.scheme() == Some(&Scheme::HTTPS)
    }
}

impl fmt::Debug for TraceExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceExport({})", self.endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_for_traces_is_added_to_whatever_is_there() {
        for (given, endpoint) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            (" http://localhost:4318/ ", "http://localhost:4318/v1/traces"),
            ("https://otlp.example.uz/otlp", "https://otlp.example.uz/otlp/v1/traces"),
        ] {
            let export = TraceExport::endpoint(given).expect(given);
            assert_eq!(export.endpoint, endpoint);
            assert_eq!(export.is_safe(), given.contains("https"));
        }
        for bad in
            ["", "localhost:4318", "grpc://h:4317", "http://", "http://a@h", "http://h/?key=1", "http://h h"]
        {
            assert!(TraceExport::endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_read_as_the_standard_writes_them_and_never_shown() {
        let export = TraceExport::endpoint("https://h").expect("an endpoint");
        let export = export.with_headers("Authorization=Basic%20NDcxMQ==, x-tenant=shop,").expect("headers");
        assert_eq!(export.headers["authorization"], "Basic NDcxMQ==");
        assert_eq!(export.headers["x-tenant"], "shop");
        assert!(!format!("{export:?}").contains("NDcx"));
        for bad in ["4711", "a=1,4711", "a b=4711", "a=%0A4711"] {
            let told =
                TraceExport::endpoint("https://h").expect("an endpoint").with_headers(bad).expect_err(bad);
            assert!(told.contains("at place") && !told.contains("4711"), "{told}");
        }
    }
}
