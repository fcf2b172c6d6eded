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
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ports::HttpClient;
use crate::settings::{EXPORTS_TRACES, TraceExport};

/// Spans that may wait.
const QUEUE: usize = 4096;
/// Spans that are sent at once, of a kilobyte each at most; collectors take 4 MiB and more.
const BATCH: usize = 512;
/// How long one waits for others to go with it.
const PERIOD: Duration = Duration::from_secs(1);
/// How long a collector may take. When the shop stops, it waits for one call that is under way and once more for the rest.
const LIMIT: Duration = Duration::from_secs(3);
/// How much of a path is told: anybody may send one of 64 KiB.
const MAX_PATH: usize = 256;
/// How often it is said that more come than can be sent.
const PAUSE: Duration = Duration::from_secs(60);

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
        let export = Export::new(waiting, settings.clone(), client.clone(), lost.clone());
        (Self { queue: Some(queue), lost }, Some(export))
    }

    /// Whether anybody collects them.
    pub(crate) const fn is_on(&self) -> bool {
        EXPORTS_TRACES && self.queue.is_some()
    }

    /// Takes a span. Waits for nobody.
    pub(crate) fn put(&self, mut span: Span) {
        span.path.truncate(span.path.floor_char_boundary(MAX_PATH));
        span.path.shrink_to_fit();
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
    /// What is sent next.
    batch: Vec<Span>,
    is_failing: bool,
    /// When it was said that some were lost though all went well.
    told: Option<Instant>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Export {
    fn new(
        waiting: mpsc::Receiver<Span>,
        settings: TraceExport,
        client: Arc<dyn HttpClient>,
        lost: Arc<AtomicU64>,
    ) -> Self {
        Self { waiting, settings, client, lost, batch: Vec::new(), is_failing: false, told: None }
    }

    /// Sends what comes until told to stop, and then what is left.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(self.collect()).await.is_some() {
            self.send_batch().await;
        }
        let rest = async {
            loop {
                while self.batch.len() < BATCH
                    && let Ok(span) = self.waiting.try_recv()
                {
                    self.batch.push(span);
                }
                if self.batch.is_empty() {
                    return;
                }
                self.send_batch().await;
            }
        };
        let _ = tokio::time::timeout(LIMIT, rest).await;
        let lost = self.lost.load(Ordering::Relaxed) + count(self.batch.len() + self.waiting.len());
        if lost > 0 {
            tracing::warn!(lost, "{lost} spans were not exported");
        }
    }

    /// Waits for a batch: for a first span, and then for others, so long or until it is full.
    async fn collect(&mut self) {
        while self.batch.is_empty() {
            if self.waiting.recv_many(&mut self.batch, BATCH).await == 0 {
                // Whoever puts them lives as long as the shop.
                std::future::pending::<()>().await;
            }
        }
        let others = async {
            while self.batch.len() < BATCH {
                let room = BATCH - self.batch.len();
                if self.waiting.recv_many(&mut self.batch, room).await == 0 {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PERIOD, others).await;
    }

    async fn send_batch(&mut self) {
        let sent = self.send(&self.batch).await;
        self.tell(sent);
        self.batch.clear();
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

    /// Says once that it fails, once that it does no more, and now and then that more come than are sent.
    fn tell(&mut self, sent: Result<(), String>) {
        if let Err(error) = sent {
            self.lost.fetch_add(count(self.batch.len()), Ordering::Relaxed);
            if !self.is_failing {
                let endpoint = &self.settings.endpoint;
                tracing::warn!(%endpoint, "traces are not exported: {error}. Fix: OTEL_EXPORTER_OTLP_ENDPOINT");
            }
            self.is_failing = true;
            return;
        }
        let was_failing = std::mem::take(&mut self.is_failing);
        let now = Instant::now();
        let was_told = self.told.is_some_and(|told| now - told < PAUSE);
        if (was_failing || !was_told) && self.lost.load(Ordering::Relaxed) > 0 {
            self.told = Some(now);
            let lost = self.lost.swap(0, Ordering::Relaxed);
            tracing::warn!(lost, "traces are exported, {lost} spans before these were lost");
        }
    }
}

fn count(spans: usize) -> u64 {
    u64::try_from(spans).unwrap_or(u64::MAX)
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
        async fn call(&self, request: Request<Bytes>, limit: Duration) -> Result<Response<Bytes>, CallError> {
            if self.is_gone {
                tokio::time::sleep(limit).await;
                return Err(CallError::Unknown("no word".to_owned()));
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
        let export = Export::new(waiting, settings, collector.clone(), lost.clone());
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
        let began = Instant::now();
        tokio::time::sleep(PERIOD * 3).await;
        stop.cancel();
        running.await.expect("it ends");
        assert!(began.elapsed() <= PERIOD * 3 + LIMIT * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_waits_for_no_clock_and_a_long_path_is_cut() {
        let collector = Arc::<Collector>::default();
        let (spans, mut export) = started(&collector);
        let began = Instant::now();
        (0..QUEUE).for_each(|_| spans.put(Span { path: "\u{44f}".repeat(MAX_PATH), ..span() }));
        for _ in 0..QUEUE / BATCH {
            export.collect().await;
            assert!(export.batch.iter().all(|span| span.path.len() == MAX_PATH));
            export.send_batch().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(*collector.heard.lock().expect("a lock"), [BATCH; QUEUE / BATCH]);
    }
}
