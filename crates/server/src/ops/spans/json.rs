//! Spans as OTLP writes them in JSON: numbers of traces in hexadecimal, those of 64 bits as text
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>). Attributes have the names of the semantic conventions for
//! HTTP, and those of our own begin with `slippers.`.

use std::time::Duration;

use serde_json::{Value, json};

use super::Span;

/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`. A client's fault is none of a server's span.
const FAILED: u8 = 2;

/// Those that a span names.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

/// The body of an `ExportTraceServiceRequest`.
pub(super) fn of(spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource = [text("service.name", "slippers"), text("service.version", version)];
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({"name": "slippers", "version": version});
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }]})
}

fn span(span: &Span) -> Value {
    let Span { trace, method, route, path, status, ended, taken, work } = span;
    // Of other methods anybody may invent one for each request.
    let is_known = METHODS.contains(&method.as_str());
    let (method, verb) = if is_known { (method.as_str(), method.as_str()) } else { ("_OTHER", "HTTP") };
    let name = if route.is_empty() { verb.to_owned() } else { format!("{verb} {route}") };
    let ended = i128::from(ended.micros()) * 1000;
    let began = ended - i128::try_from(taken.as_nanos()).unwrap_or_default();
    let mut attributes = vec![
        text("http.request.method", method),
        text("url.path", path),
        number("http.response.status_code", status.as_u16().into()),
        number("slippers.db.statements", work.statements),
        number("slippers.db.micros", micros(work.database)),
        number("slippers.queue.micros", micros(work.queued)),
    ];
    if !route.is_empty() {
        attributes.push(text("http.route", route));
    }
    if !work.names.is_empty() {
        attributes.push(text("slippers.db.names", &work.names.join(", ")));
    }
    let mut written = json!({
        "traceId": format!("{:032x}", trace.id),
        "spanId": format!("{:016x}", trace.span),
        "name": name,
        "kind": SERVER,
        "startTimeUnixNano": began.to_string(),
        "endTimeUnixNano": ended.to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = trace.parent {
        written["parentSpanId"] = format!("{parent:016x}").into();
    }
    if status.is_server_error() {
        written["status"] = json!({"code": FAILED});
    }
    written
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode};
    use slippers_core::types::Timestamp;
    use slippers_core::{Trace, Work};

    use super::*;

    fn written(status: StatusCode, parent: Option<u64>, route: &str) -> Value {
        let of_one = of(&[Span {
            trace: Trace { id: 0x4bf9, span: 0xf067, parent, is_sampled: true },
            method: Method::GET,
            route: route.to_owned(),
            path: "/slippers/7".to_owned(),
            status,
            ended: Timestamp::from_micros(1_700_000_000_000_123),
            taken: Duration::from_nanos(1_500),
            work: Work { statements: 2, names: vec!["SELECT slippers".to_owned()], ..Work::default() },
        }]);
        of_one["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone()
    }

    #[test]
    fn a_span_is_written_as_the_protocol_wants() {
        let span = written(StatusCode::OK, Some(0xabc), "/slippers/{id}");
        assert_eq!(span["traceId"], "00000000000000000000000000004bf9");
        assert_eq!(span["spanId"], "000000000000f067");
        assert_eq!(span["parentSpanId"], "0000000000000abc");
        assert_eq!(span["name"], "GET /slippers/{id}");
        assert_eq!(span["startTimeUnixNano"], "1700000000000121500");
        assert_eq!(span["endTimeUnixNano"], "1700000000000123000");
        let attributes = span["attributes"].as_array().expect("a list");
        for wanted in [
            text("http.route", "/slippers/{id}"),
            number("http.response.status_code", 200),
            number("slippers.db.statements", 2),
            text("slippers.db.names", "SELECT slippers"),
        ] {
            assert!(attributes.contains(&wanted), "{wanted}");
        }
        assert!(span.get("status").is_none());
    }

    #[test]
    fn what_nobody_began_has_no_parent_and_only_our_faults_are_errors() {
        let span = written(StatusCode::NOT_FOUND, None, "");
        assert!(span.get("parentSpanId").is_none() && span.get("status").is_none());
        assert_eq!(span["name"], "GET");
        assert_eq!(written(StatusCode::SERVICE_UNAVAILABLE, None, "")["status"], json!({"code": 2}));
    }
}
