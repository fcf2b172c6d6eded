//! [`HttpClient`] by hyper, with TLS by rustls and the system's own certificate authorities.

use std::error::Error;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::builderstates::WantsSchemes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::ports::{CallError, HttpClient};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Hyper's client, with a way to resolve names.
pub(super) type Calls<R> = Client<HttpsConnector<HttpConnector<R>>, Full<Bytes>>;

/// Whom the system trusts.
pub(super) fn trusted() -> io::Result<HttpsConnectorBuilder<WantsSchemes>> {
    HttpsConnectorBuilder::new().with_provider_and_native_roots(rustls::crypto::ring::default_provider())
}

/// A client that goes where this resolver says.
pub(super) fn client<R>(tls: HttpsConnectorBuilder<WantsSchemes>, resolver: R) -> Calls<R>
where
    HttpsConnector<HttpConnector<R>>: Connect + Clone,
{
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    tcp.set_nodelay(true);
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(4)
        .build(connector)
}

/// Calls others' servers. It is cheap to clone: all clones share their connections.
#[derive(Clone, Debug)]
pub struct HyperClient {
    client: Calls<GaiResolver>,
}

impl HyperClient {
    /// A client that trusts whom the system trusts.
    ///
    /// # Errors
    /// The system has no certificate authorities that can be read.
    pub fn new() -> io::Result<Self> {
        Ok(Self { client: client(trusted()?, GaiResolver::new()) })
    }

    /// A client that trusts nobody, and so speaks `http://` alone: for a shop that calls no one, or a demo.
    ///
    /// # Errors
    /// The cryptography offers no version of TLS.
    pub fn without_tls() -> io::Result<Self> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let trusting_nobody = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let tls = HttpsConnectorBuilder::new().with_tls_config(trusting_nobody);
        Ok(Self { client: client(tls, GaiResolver::new()) })
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, CallError> {
        let request = traced(request.map(Full::new));
        let answer = self.client.request(request).await.map_err(|error| {
            let cause = causes(&error);
            if error.is_connect() { CallError::NotSent(cause) } else { CallError::Unknown(cause) }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| CallError::Unknown(causes(&*error)))?;
        Ok(http::Response::from_parts(head, body.to_bytes()))
    }
}

#[async_trait]
impl HttpClient for HyperClient {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> Result<http::Response<Bytes>, CallError> {
        let exchange = tokio::time::timeout(limit, self.exchange(request));
        exchange.await.unwrap_or_else(|_| Err(CallError::Unknown(format!("not within {limit:?}"))))
    }
}

/// Tells whom we call which trace the call belongs to.
pub(super) fn traced<B>(mut request: http::Request<B>) -> http::Request<B> {
    let trace = slippers_core::Tally::current().and_then(|tally| tally.trace());
    if let Some(value) = trace.and_then(|trace| http::HeaderValue::try_from(trace.text()).ok()) {
        request.headers_mut().insert("traceparent", value);
    }
    request
}

/// The last cause of an error, which says what happened; those around it say where in a library.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut last: &dyn Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use slippers_core::{Tally, Trace};

    use super::traced;

    #[tokio::test]
    async fn who_is_called_is_told_the_trace_of_the_work_at_hand() {
        let told = || traced(http::Request::new(())).headers().get("traceparent").cloned();
        assert_eq!(told(), None, "work that belongs to no trace");
        let trace = Trace { id: 0x4bf9_2f35, span: 7, parent: None, is_sampled: true };
        let told = Tally::of(trace).scope(async { told() }).await.expect("a trace");
        assert_eq!(told, "00-0000000000000000000000004bf92f35-0000000000000007-01");
    }
}
