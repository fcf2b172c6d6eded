//! Spans of requests, for who collects traces: OTLP over HTTP in JSON, <https://opentelemetry.io/docs/specs/otlp/>.
//!
//! A part of builds with the feature `otlp`: in others [`Spans::is_on`] is false when it is compiled, and nothing of it is on a
//! request's way. Who collects traces may be slow or gone: what has no place in the queue, or is not taken, is lost and counted.

mod json;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use slippers_core::types::Timestamp;
use slippers_core::{Trace, Work};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::ports::HttpClient;
use crate::settings::{EXPORTS_TRACES, TraceExport};

/// Spans that may wait.
const QUEUE: usize = 4096;
/// Spans that are sent at once; the collectors' own limit of 4 MiB holds some ten thousand.
const BATCH: usize = 512;
/// How often they are sent.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a collector may take. At the end the shop waits for it once.
const LIMIT: Duration = Duration::from_secs(5);

/// A request that was answered, in a trace.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) trace: Trace,
    pub(crate) method: Method,
    /// The template of its path; empty = none took it.
    pub(crate) route: String,
    pub(crate) path: String,
    pub(crate) status: StatusCode,
    pub(crate) ended: Timestamp,
    pub(crate) taken: Duration,
    /// What the store did for it.
    pub(crate) work: Work,
}

/// Where spans go from a request.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    queue: Option<mpsc::Sender<Span>>,
    lost: Arc<AtomicU64>,
}

impl Spans {
    /// What takes spans, and what sends them, if anybody collects them.
    pub(crate) fn new(
        settings: Option<&TraceExport>,
        client: &Arc<dyn HttpClient>,
    ) -> (Self, Option<Export>) {
        let Some(settings) = settings.filter(|_| EXPORTS_TRACES) else { return (Self::default(), None) };
        let (queue, waiting) = mpsc::channel(QUEUE);
        let lost = Arc::<AtomicU64>::default();
        let (settings, client) = (settings.clone(), client.clone());
        let export = Export { waiting, settings, client, lost: lost.clone(), is_failing: false };
        (Self { queue: Some(queue), lost }, Some(export))
    }

    /// Whether anybody collects them.
    pub(crate) const fn is_on(&self) -> bool {
        EXPORTS_TRACES && self.queue.is_some()
    }

    /// Takes a span. Waits for nobody.
    pub(crate) fn put(&self, span: Span) {
        if let Some(queue) = &self.queue
            && queue.try_send(span).is_err()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends spans.
pub(crate) struct Export {
    waiting: mpsc::Receiver<Span>,
    settings: TraceExport,
    client: Arc<dyn HttpClient>,
    lost: Arc<AtomicU64>,
    is_failing: bool,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Export {
    /// Sends what waits again and again until told to stop, and then once more.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // One that hangs must not keep the shop open for each batch.
            if stop.run_until_cancelled(self.send_all()).await.is_none() {
                break;
            }
        }
        let _ = tokio::time::timeout(LIMIT, self.send_all()).await;
    }

    async fn send_all(&mut self) {
        let mut batch = Vec::new();
        loop {
            while batch.len() < BATCH
                && let Ok(span) = self.waiting.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            let sent = self.send(&batch).await;
            self.tell(sent, batch.len());
            batch.clear();
        }
    }

    /// Sends some of them, once: a trace is no record.
    async fn send(&self, batch: &[Span]) -> Result<(), String> {
        let mut request = Request::post(&self.settings.endpoint)
            .body(Bytes::from(json::of(batch).to_string()))
            .map_err(|error| error.to_string())?;
        *request.headers_mut() = self.settings.headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        match self.client.call(request, LIMIT).await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Says once that it fails, and once that it does no more.
    fn tell(&mut self, sent: Result<(), String>, count: usize) {
        match sent {
            Ok(()) => {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    tracing::warn!(lost, "traces are exported again, {lost} spans were lost");
                }
                self.is_failing = false;
            }
            Err(error) => {
                self.lost.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
                if !self.is_failing {
                    let endpoint = &self.settings.endpoint;
                    tracing::warn!(%endpoint, "traces are not exported: {error}. Fix: OTEL_EXPORTER_OTLP_ENDPOINT");
                }
                self.is_failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use http::Response;

    use super::*;
    use crate::ports::CallError;

    /// A collector that takes what it is sent, or is gone.
    #[derive(Default)]
    struct Collector {
        is_gone: bool,
        heard: Mutex<Vec<usize>>,
    }

    #[async_trait]
    impl HttpClient for Collector {
        async fn call(&self, request: Request<Bytes>, _: Duration) -> Result<Response<Bytes>, CallError> {
            if self.is_gone {
                std::future::pending::<()>().await;
            }
            let sent: serde_json::Value = serde_json::from_slice(request.body()).expect("JSON");
            let spans = sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().map_or(0, Vec::len);
            self.heard.lock().expect("a lock").push(spans);
            Ok(Response::new(Bytes::new()))
        }
    }

    fn span() -> Span {
        Span {
            trace: Trace { id: 1, span: 2, parent: None, is_sampled: true },
            method: Method::GET,
            route: String::new(),
            path: "/".to_owned(),
            status: StatusCode::OK,
            ended: Timestamp::from_micros(0),
            taken: Duration::ZERO,
            work: Work::default(),
        }
    }

    fn started(collector: &Arc<Collector>) -> (Spans, Export) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let settings = TraceExport::endpoint("http://collector").expect("an endpoint");
        let lost = Arc::<AtomicU64>::default();
        let client: Arc<dyn HttpClient> = collector.clone();
        let export = Export { waiting, settings, client, lost: lost.clone(), is_failing: false };
        (Spans { queue: Some(queue), lost }, export)
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_at_the_end_is_sent_in_batches() {
        let collector = Arc::<Collector>::default();
        let (spans, export) = started(&collector);
        (0..BATCH + 3).for_each(|_| spans.put(span()));
        let stop = CancellationToken::new();
        stop.cancel();
        export.run(stop).await;
        assert_eq!(*collector.heard.lock().expect("a lock"), [BATCH, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_is_gone_costs_spans_and_nothing_else() {
        let collector = Arc::new(Collector { is_gone: true, ..Collector::default() });
        let (spans, export) = started(&collector);
        let stop = CancellationToken::new();
        let running = tokio::spawn(export.run(stop.clone()));
        (0..QUEUE + 7).for_each(|_| spans.put(span()));
        assert_eq!(spans.lost.load(Ordering::Relaxed), 7, "the queue has an end");
        let began = tokio::time::Instant::now();
        tokio::time::sleep(PERIOD * 3).await;
        stop.cancel();
        running.await.expect("it ends");
        assert!(began.elapsed() <= PERIOD * 3 + LIMIT);
    }
}
