//! Rate, errors and duration of requests, counted without a lock or a list that could grow: the routes are known at the
//! start, and each has its counters.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::table;
use super::text::Page;
use crate::stripes::Stripes;

/// The bounds of the histogram's buckets in seconds, as they are written, and in nanoseconds. They go from a kept page to
/// a request that should have been refused; 0.25 and 1 s are the objectives that the alerts are about.
pub(crate) const BUCKETS: [(&str, u64); 13] = [
    ("0.0005", 500_000),
    ("0.001", 1_000_000),
    ("0.0025", 2_500_000),
    ("0.005", 5_000_000),
    ("0.01", 10_000_000),
    ("0.025", 25_000_000),
    ("0.05", 50_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("10", 10_000_000_000),
];

/// Methods that are told apart; any other counts as the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"];
/// Classes of status.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// A path as the router takes it, and the label that it is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Template {
    /// In the router's syntax.
    pub(crate) path: String,
    /// As the API's document shows it.
    pub(crate) label: String,
}

/// The counters of all routes.
#[derive(Debug)]
pub(crate) struct Requests {
    index: matchit::Router<usize>,
    /// The first is for what no route matches.
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    label: String,
    counts: Stripes<Counts>,
}

#[derive(Debug)]
struct Counts {
    answered: [[AtomicU64; CLASSES.len()]; METHODS.len()],
    buckets: [AtomicU64; BUCKETS.len() + 1],
    nanos: AtomicU64,
}

impl Route {
    fn new(label: String) -> Self {
        let counts = || Counts {
            answered: Default::default(),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            nanos: AtomicU64::new(0),
        };
        Self { label, counts: Stripes::new(counts) }
    }

    /// One of the counters, of all threads.
    fn sum(&self, counter: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        self.counts.all().map(|counts| counter(counts).load(Ordering::Relaxed)).sum()
    }
}

/// The counters of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteId(usize);

impl Requests {
    /// Counters for these routes. Two forms of a path share those of their label.
    pub(super) fn new(templates: BTreeSet<Template>) -> Self {
        let mut index = matchit::Router::new();
        let mut routes = vec![Route::new(String::new())];
        for Template { path, label } in templates {
            let at = routes.iter().position(|route| route.label == label).unwrap_or_else(|| {
                routes.push(Route::new(label));
                routes.len() - 1
            });
            // The router has taken the same paths already, by the same rules.
            if let Err(error) = index.insert(path, at) {
                tracing::warn!(%error, "a route is not counted by its name: {error}");
            }
        }
        Self { index, routes }
    }

    /// The route that takes this path.
    pub(super) fn find(&self, path: &str) -> RouteId {
        RouteId(self.index.at(path).map_or(0, |found| *found.value))
    }

    /// What a route is counted as.
    pub(super) fn label(&self, route: RouteId) -> &str {
        self.routes.get(route.0).map_or("", |route| &route.label)
    }

    /// Counts an answer. It costs three additions.
    pub(super) fn count(&self, method: &Method, route: RouteId, status: StatusCode, taken: Duration) {
        let Some(route) = self.routes.get(route.0) else { return };
        let method = match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::DELETE => 4,
            Method::PATCH => 5,
            Method::OPTIONS => 6,
            _ => 7,
        };
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let nanos = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.iter().position(|(_, bound)| nanos <= *bound).unwrap_or(BUCKETS.len());
        let counts = route.counts.own();
        counts.answered[method][class].fetch_add(1, Ordering::Relaxed);
        counts.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        counts.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Writes what was counted; what never happened is left out.
    pub(super) fn write(&self, page: &mut Page) {
        let mut samples = page.begin(&table::REQUESTS);
        for route in &self.routes {
            for (at, method) in METHODS.iter().enumerate() {
                for (of, class) in CLASSES.iter().enumerate() {
                    let count = route.sum(|counts| &counts.answered[at][of]);
                    if count > 0 {
                        samples.put(&[&route.label, method, class], count);
                    }
                }
            }
        }
        let bounds = BUCKETS.map(|(text, _)| text);
        let mut samples = page.begin(&table::DURATIONS);
        for route in &self.routes {
            let counts: [u64; BUCKETS.len() + 1] =
                std::array::from_fn(|at| route.sum(|counts| &counts.buckets[at]));
            if counts.iter().any(|count| *count > 0) {
                let sum = Duration::from_nanos(route.sum(|counts| &counts.nanos)).as_secs_f64();
                samples.put_histogram(&[&route.label], &bounds, &counts, sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Requests {
        let template = |path: &str, label: &str| Template { path: path.to_owned(), label: label.to_owned() };
        Requests::new(BTreeSet::from([
            template("/orders/{order_id}", "/orders/{order_id}"),
            template("/orders/{order_id}/", "/orders/{order_id}"),
            template("/static/{*path}", "/static/{path}"),
        ]))
    }

    fn count(requests: &Requests, method: &Method, path: &str, status: StatusCode, taken: Duration) {
        requests.count(method, requests.find(path), status, taken);
    }

    fn written(requests: &Requests) -> String {
        let mut page = Page::default();
        requests.write(&mut page);
        page.finish()
    }

    #[test]
    fn both_forms_of_a_path_are_one_route() {
        let requests = requests();
        for path in ["/orders/7", "/orders/8/"] {
            count(&requests, &Method::GET, path, StatusCode::OK, Duration::from_millis(3));
        }
        let text = written(&requests);
        let line = r#"slippers_http_requests_total{route="/orders/{order_id}",method="GET",status="2xx"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains(r#"{route="/orders/{order_id}",le="0.0025"} 0"#), "{text}");
        assert!(text.contains(r#"{route="/orders/{order_id}",le="0.005"} 2"#), "{text}");
        assert!(text.contains(r#"_sum{route="/orders/{order_id}"} 0.006"#), "{text}");
    }

    #[test]
    fn ten_thousand_paths_methods_and_states_make_no_further_series() {
        let requests = requests();
        count(&requests, &Method::GET, "/nowhere", StatusCode::NOT_FOUND, Duration::ZERO);
        count(&requests, &Method::GET, "/static/a", StatusCode::NOT_FOUND, Duration::ZERO);
        let odd = Method::from_bytes(b"BREW").expect("a method");
        count(&requests, &odd, "/nowhere", StatusCode::NOT_FOUND, Duration::ZERO);
        let before = written(&requests).lines().count();
        for number in 0..10_000 {
            let method = Method::from_bytes(format!("BREW{number}").as_bytes()).expect("a method");
            let status = StatusCode::from_u16(400 + number % 100).expect("a status");
            count(&requests, &method, &format!("/nowhere/{number}"), status, Duration::ZERO);
            count(&requests, &Method::GET, &format!("/static/{number}/x"), status, Duration::ZERO);
        }
        assert_eq!(written(&requests).lines().count(), before);
    }
}
