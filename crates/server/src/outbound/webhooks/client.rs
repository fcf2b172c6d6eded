//! Sends webhooks, to addresses that were checked: a name is resolved once, and the connection goes to what that gave.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use super::addresses::Addresses;
use crate::outbound::http_client::{Calls, causes, client, traced, trusted};
use crate::ports::{CallError, HttpClient};

const NOT_PUBLIC: &str =
    "its address is not public (WEBHOOK_ALLOWED_NETWORKS says which others may be called)";

/// Resolves names to addresses that webhooks may go to.
#[derive(Clone, Debug)]
struct Resolver(Arc<Addresses>);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let rule = Arc::clone(&self.0);
        async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted: Vec<SocketAddr> =
                found.into_iter().filter(|address| rule.admit(address.ip())).collect();
            if admitted.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, NOT_PUBLIC));
            }
            Ok(admitted.into_iter())
        }
        .boxed()
    }
}

/// A client that reaches admitted addresses alone and reads of an answer nothing but its head.
#[derive(Debug)]
pub(super) struct WebhookClient {
    rule: Arc<Addresses>,
    client: Calls<Resolver>,
}

impl WebhookClient {
    pub(super) fn new(rule: Addresses) -> io::Result<Self> {
        let rule = Arc::new(rule);
        let client = client(trusted()?, Resolver(Arc::clone(&rule)));
        Ok(Self { rule, client })
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, CallError> {
        // An address in the URL is resolved by nobody.
        if literal(request.uri()).is_some_and(|address| !self.rule.admit(address)) {
            return Err(CallError::NotSent(NOT_PUBLIC.to_owned()));
        }
        let answer = self.client.request(traced(request.map(Into::into))).await.map_err(|error| {
            let cause = causes(&error);
            if error.is_connect() { CallError::NotSent(cause) } else { CallError::Unknown(cause) }
        })?;
        Ok(answer.map(|_| Bytes::new()))
    }
}

/// The address that a URL itself names.
pub(super) fn literal(uri: &http::Uri) -> Option<IpAddr> {
    uri.host()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[async_trait]
impl HttpClient for WebhookClient {
    async fn call(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> Result<http::Response<Bytes>, CallError> {
        let exchange = tokio::time::timeout(limit, self.exchange(request));
        exchange.await.unwrap_or_else(|_| Err(CallError::Unknown(format!("not within {limit:?}"))))
    }
}
