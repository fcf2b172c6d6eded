//! The listener of the metrics: for machines of ours, so it takes a few connections at a time and knows one path.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{page, text};
use crate::shop::Shop;

/// Scrapers and people who look, at once; further ones wait in the listener's queue.
const MAX_CONNECTIONS: usize = 16;
/// How long a kept connection may be silent. Prometheus scrapes each 15 to 60 s and connects anew after that.
const SILENCE: Duration = Duration::from_secs(90);

/// Answers scrapes for as long as it is polled.
pub(crate) async fn serve(shop: Arc<Shop>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.ok();
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a scrape of the metrics could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let shop = shop.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| {
                let response = answer(&shop, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(SILENCE)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of the metrics ended early");
            }
        });
    }
}

fn answer(shop: &Shop, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, kind, body) = if request.uri().path() == "/metrics" {
        (StatusCode::OK, text::CONTENT_TYPE, page(shop))
    } else {
        (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "There is /metrics alone.\n".to_owned())
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
