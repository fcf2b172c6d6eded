//! Prometheus's text exposition format, version 0.0.4:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::fmt::{Display, Write as _};

use super::table::Metric;

/// What a scrape is told that it gets.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page under construction.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// The samples of one metric.
pub(super) struct Samples<'p> {
    page: &'p mut String,
    metric: &'static Metric,
}

impl Page {
    /// Begins a metric; what it holds comes next.
    pub(super) fn begin(&mut self, metric: &'static Metric) -> Samples<'_> {
        let Metric { name, help, kind, .. } = metric;
        // Writing to a String can't fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.word());
        Samples { page: &mut self.0, metric }
    }

    /// A metric without labels.
    pub(super) fn put(&mut self, metric: &'static Metric, value: impl Display) {
        self.begin(metric).put(&[], value);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Samples<'_> {
    /// A sample; `labels` are the values of the metric's labels, in their order.
    pub(super) fn put(&mut self, labels: &[&str], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Counts of durations in each bucket, not yet summed up, the last of them without a bound; and the sum of the
    /// durations in seconds.
    pub(super) fn put_histogram(&mut self, labels: &[&str], bounds: &[&str], counts: &[u64], sum: f64) {
        let mut total = 0;
        let bounds = bounds.iter().copied().chain(["+Inf"]);
        for (bound, count) in bounds.zip(counts) {
            total += count;
            self.line("_bucket", labels, Some(bound), total);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, total);
    }

    fn line(&mut self, ending: &str, labels: &[&str], le: Option<&str>, value: impl Display) {
        let _ = write!(self.page, "{}{ending}", self.metric.name);
        let pairs = self.metric.labels.iter().copied().zip(labels.iter().copied());
        let mut separator = '{';
        for (name, value) in pairs.chain(le.map(|le| ("le", le))) {
            let _ = write!(self.page, "{separator}{name}=\"");
            escape(value, self.page);
            self.page.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.page.push('}');
        }
        let _ = writeln!(self.page, " {value}");
    }
}

fn escape(value: &str, into: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    #[test]
    fn labels_are_escaped_and_histograms_are_summed_up() {
        let mut page = Page::default();
        page.put(&table::IN_FLIGHT, 3);
        page.begin(&table::ERRORS).put(&["a\"b\\c\nd"], 1);
        page.begin(&table::DURATIONS).put_histogram(&["/"], &["0.1", "1"], &[2, 1, 1], 4.5);
        let text = page.finish();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "slippers_http_requests_in_flight 3",
                r#"slippers_errors_total{code="a\"b\\c\nd"} 1"#,
                r#"slippers_http_request_duration_seconds_bucket{route="/",le="0.1"} 2"#,
                r#"slippers_http_request_duration_seconds_bucket{route="/",le="1"} 3"#,
                r#"slippers_http_request_duration_seconds_bucket{route="/",le="+Inf"} 4"#,
                r#"slippers_http_request_duration_seconds_sum{route="/"} 4.5"#,
                r#"slippers_http_request_duration_seconds_count{route="/"} 4"#,
            ]
        );
    }
}
