//! All that is spoken over HTTP: the edge that holds a crowd off, and the shop's features behind it.
//!
//! The server knows the store by its traits alone; the binary hands it one.
#![forbid(unsafe_code)]

pub mod accounts;
mod audit;
mod cache;
mod cart;
mod catalog;
#[cfg(feature = "counting")]
pub mod counting;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod http;
mod images;
mod ops;
mod orders;
pub mod outbound;
mod outbox;
mod payments;
mod pool;
mod ports;
pub mod settings;
mod shop;
mod stripes;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use futures_util::future::BoxFuture;
use slippers_core::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accounts::passwords::Hasher;
use crate::accounts::resets::Resets;
use crate::accounts::sessions::Sessions;
use crate::accounts::throttle::Throttle;
use crate::accounts::tokens::Tokens;
pub use crate::cache::RedisVitals;
use crate::cache::{PageCache, Redis};
use crate::http::body::Bodies;
use crate::http::files::Files;
pub use crate::http::request_limit::RequestLimit;
pub use crate::http::serve::Leave;
use crate::http::stack::Stack;
use crate::images::Pictures;
use crate::ops::{Export, Metrics, Spans};
pub use crate::ops::{memory_limit, metrics_dashboard, metrics_page, openapi_json};
use crate::outbox::Outbox;
use crate::payments::Gateways;
pub use crate::ports::{
    CallError, Clock, Entropy, HttpClient, LogNotifier, Message, Notifier, Notifiers, NotifyError, Recipient,
    SystemClock, SystemEntropy,
};
use crate::settings::Settings;
use crate::shop::Shop;

/// The shop, ready to serve.
#[derive(Debug)]
pub struct Server {
    shop: Arc<Shop>,
    stack: Arc<Stack>,
    export: Option<Export>,
}

impl Server {
    /// Puts the shop together. With a way to reach people a code that is sent makes a new password real, else an admin
    /// approves it.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(
        store: Arc<dyn Store>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        notifiers: Notifiers,
        client: Arc<dyn HttpClient>,
    ) -> io::Result<Self> {
        let redis = settings.redis.as_ref().map(|address| redis(address, &*entropy)).transpose()?;
        let cache = Arc::new(PageCache::new(&settings.cache, redis.clone()));
        store.listen(cache.listener());
        let (spans, export) = Spans::new(settings.traces.as_ref(), &client);
        let gateways = Gateways::new(&settings.payments, client, entropy.clone())?;
        let shop = Arc::new(Shop {
            gateways,
            cache,
            hasher: Hasher::default(),
            tokens: Tokens::new(&settings.sessions),
            sessions: Sessions::default(),
            logins: Throttle::new(&settings.logins, "sign-ins", redis.clone()),
            resets: Resets::new(&settings.logins, notifiers.clone(), redis.clone()),
            outbox: Outbox::new(notifiers),
            files: Files::new(&settings.static_dir),
            bodies: Bodies::new(settings.connections.body_timeout),
            pictures: Pictures::new(&settings.static_dir),
            metrics: Metrics::new(http::router::templates(), clock.now()),
            spans,
            request_limit: RequestLimit::new(settings.connections.max_requests),
            leaves: AtomicBool::new(false),
            redis,
            store,
            settings,
            clock,
            entropy,
        });
        let stack = Arc::new(Stack::new(shop.clone(), http::router::router(shop.clone()))?);
        Ok(Self { shop, stack, export })
    }

    /// Serves until `stop` resolves, then drains: what waits in the listener's queue is still answered unless others do
    /// that, what runs is finished, and background work ends.
    ///
    /// The futures are boxed so that all that serves is compiled in this crate: what is asynchronous is compiled where it is
    /// polled, and once more for each type that it is generic in.
    pub fn run(self, listener: TcpListener, stop: BoxFuture<'static, Leave>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let stop_work = CancellationToken::new();
            let work = tokio::spawn(worker::run(self.shop.clone(), stop_work.clone()));
            let redis = self.shop.redis.clone().map(|redis| {
                let stop = stop_work.clone();
                tokio::spawn(async move { redis.run(&stop).await })
            });
            let export = self.export.map(|export| tokio::spawn(export.run(stop_work.clone())));
            let settings = self.shop.settings.connections.clone();
            http::serve::serve(self.stack, settings, listener, stop).await;
            let kept = self.shop.cache.figures();
            tracing::info!(
                kept.hits,
                kept.shared_hits,
                kept.misses,
                kept.pages,
                kept.bytes,
                "pages of the catalogue"
            );
            self.shop.resets.finish().await;
            self.shop.gateways.finish().await;
            stop_work.cancel();
            if let Err(error) = work.await {
                tracing::error!(%error, "background work ended badly: {error}");
            }
            if let Some(Err(error)) = futures_util::future::OptionFuture::from(redis).await {
                tracing::error!(%error, "the connection to Redis ended badly: {error}");
            }
            if let Some(Err(error)) = futures_util::future::OptionFuture::from(export).await {
                tracing::error!(%error, "the export of traces ended badly: {error}");
            }
        })
    }

    /// Tells when so many requests were answered that a fresh process should follow.
    pub fn request_limit(&self) -> RequestLimit {
        self.shop.request_limit.clone()
    }

    /// Answers scrapes of the metrics on a listener of their own, for as long as it is polled.
    pub fn serve_metrics(&self, listener: TcpListener) -> BoxFuture<'static, ()> {
        Box::pin(ops::metrics::serve(self.shop.clone(), listener))
    }

    /// How many passwords were hashed or checked so far; it counts on while the server runs. That this is the same for
    /// names that somebody has and for others is what keeps sign-ins from telling them apart.
    pub fn passwords_worked_on(&self) -> Arc<AtomicU64> {
        self.shop.hasher.worked_on()
    }

    /// Does the background work that is due now, once. Tests that move the clock call it; [`Self::run`] does by itself.
    ///
    /// # Errors
    /// [`StoreError`] when the database can't answer.
    pub async fn work_once(&self) -> Result<(), StoreError> {
        worker::run_once(&self.shop).await
    }
}

/// Redis at this address, and a name that no other instance has.
fn redis(address: &settings::RedisAddress, entropy: &dyn Entropy) -> io::Result<Arc<Redis>> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes)?;
    let instance = format!("{:016x}", u64::from_le_bytes(bytes));
    let named = |error: io::Error| io::Error::new(error.kind(), format!("REDIS_URL: {error}"));
    Redis::new(address, instance).map(Arc::new).map_err(named)
}
