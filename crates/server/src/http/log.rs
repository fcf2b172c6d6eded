//! What the log says of requests: failures and slow ones always, all others as `ACCESS_LOG` wants it. Nothing that a client
//! wrote stands in a line as it is: paths are quoted, and a trace has a number.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, Request, StatusCode};
use slippers_core::{Tally, Trace, Work};

use super::errors::{ApiError, Code};
use super::headers::RequestId;
use super::stack::{Stack, is_static};
use crate::ops::Span;
use crate::ops::metrics::RouteId;
use crate::settings::AccessLog;
use crate::stripes;

/// One in so many of the requests that went fast and well is in a sampled log.
const SAMPLE: u64 = 100;
const TRACEPARENT: &str = "traceparent";

/// What the later steps need of a request whose parts the router has taken.
pub(super) struct Exchange {
    pub(super) started: Instant,
    pub(super) id: RequestId,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    /// What the store does for it.
    pub(super) tally: Arc<Tally>,
}

impl Exchange {
    pub(super) fn of<B>(request: &Request<B>, id: RequestId) -> Self {
        Self {
            started: Instant::now(),
            id,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            tally: Tally::of(trace_of(request.headers(), id)),
        }
    }
}

/// The trace that a request goes on with, or begins. Numbers of ours come from its id, which no other request has.
pub(super) fn trace_of(headers: &HeaderMap, id: RequestId) -> Trace {
    let RequestId { process, number } = id;
    let told = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(Trace::parse);
    let span = u64::from(process) << 32 | number & 0xffff_ffff;
    let id = u128::from(process) << 96 | u128::from(number) | 1 << 95;
    told.map_or(Trace { id, span: span.max(1), parent: None, is_sampled: false }, |trace| trace.child(span))
}

/// A request that was answered.
pub(super) struct Answered<'r> {
    pub(super) id: RequestId,
    pub(super) method: &'r Method,
    pub(super) path: &'r str,
    pub(super) route: RouteId,
    pub(super) status: StatusCode,
    pub(super) taken: Duration,
    /// What the store did for it; `None` = it was not asked.
    pub(super) tally: Option<&'r Tally>,
    /// The trace that it belongs to, where that is known.
    pub(super) trace: Option<Trace>,
}

impl Stack {
    /// A failure is logged once, here, with its cause; then as any answer.
    pub(super) fn log(&self, exchange: &Exchange, status: StatusCode, error: Option<&ApiError>) {
        let Exchange { id, method, path, .. } = exchange;
        if let Some(error) = error.filter(|_| status.is_server_error()) {
            let cause = error.cause().map(ToString::to_string).unwrap_or_default();
            let code = error.code().name();
            if error.code() == Code::Internal {
                tracing::error!(request_id = %id, %method, ?path, code, cause, "request {id} failed: {code}");
            } else {
                tracing::warn!(request_id = %id, %method, ?path, code, cause, "request {id} not served: {code}");
            }
        }
        let taken = exchange.started.elapsed();
        let (route, tally) = (self.shop.metrics.route(path), Some(&*exchange.tally));
        let trace = exchange.tally.trace();
        self.log_answer(&Answered { id: *id, method, path, route, status, taken, tally, trace });
    }

    /// Counts an answer, and logs it where it was slow or all are.
    pub(super) fn log_answer(&self, answered: &Answered<'_>) {
        let Answered { id, method, path, route, status, taken, .. } = *answered;
        self.shop.metrics.answered(method, route, status, taken);
        let settings = &self.shop.settings;
        let is_slow = taken >= settings.slow_request && !is_static(path);
        if is_slow {
            slow(answered);
        }
        let is_one_of_many = || stripes::turn(id.number).is_multiple_of(SAMPLE);
        let is_wanted = match settings.access_log {
            AccessLog::Off => false,
            AccessLog::All => true,
            AccessLog::Sampled => {
                is_slow || status.is_client_error() || status.is_server_error() || is_one_of_many()
            }
        };
        if is_wanted {
            line(answered);
        }
        if self.shop.spans.is_on()
            && let Some(trace) = answered.trace
        {
            // Whoever began the trace decides; in one of our own is what went slow or wrong, and a part of the rest.
            let is_ours = || is_slow || status.is_server_error() || is_one_of_many();
            if trace.is_sampled || trace.parent.is_none() && is_ours() {
                self.put_span(answered, trace);
            }
        }
    }

    fn put_span(&self, answered: &Answered<'_>, trace: Trace) {
        let Answered { method, path, route, status, taken, tally, .. } = *answered;
        self.shop.spans.put(Span {
            trace,
            method: method.clone(),
            route: self.shop.metrics.label(route).to_owned(),
            path: path.to_owned(),
            status,
            ended: self.shop.now(),
            taken,
            work: tally.map(Tally::work).unwrap_or_default(),
        });
    }
}

/// The words that people of the old shop look for.
fn slow(answered: &Answered<'_>) {
    let Answered { id, method, path, status, taken, tally, .. } = *answered;
    let (trace_id, work) = told(tally);
    let Work { statements, names, queued, database } = work;
    let (duration_ms, status) = (millis(taken), status.as_u16());
    let (queue_ms, db_ms, names) = (millis(queued), millis(database), names.join(", "));
    tracing::warn!(
        request_id = %id, trace_id, %method, ?path, status, duration_ms, queue_ms, db_ms, statements, names,
        "Slow request {id}: {duration_ms} ms"
    );
}

fn line(answered: &Answered<'_>) {
    let Answered { id, method, path, status, taken, tally, .. } = *answered;
    let (trace_id, work) = told(tally);
    let Work { statements, queued, database, .. } = work;
    let (duration_us, status) = (micros(taken), status.as_u16());
    let (queue_us, db_us) = (micros(queued), micros(database));
    tracing::info!(
        target: "slippers_server::access",
        request_id = %id, trace_id, %method, ?path, status, duration_us, queue_us, db_us, statements,
        "request {id}: {status}"
    );
}

fn told(tally: Option<&Tally>) -> (Option<String>, Work) {
    let trace = tally.and_then(Tally::trace).map(|trace| format!("{:032x}", trace.id));
    (trace, tally.map(Tally::work).unwrap_or_default())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
