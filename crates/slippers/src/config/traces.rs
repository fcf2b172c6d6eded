//! Where spans of requests are sent.

use slippers_server::settings::TraceExport;

use super::reader::Reader;
use super::table;

impl Reader {
    /// `is_built`: whether this program can send any.
    pub(super) fn traces(&mut self, is_built: bool) -> Option<TraceExport> {
        let (endpoint, headers) = (self.text(&table::OTLP_ENDPOINT), self.text(&table::OTLP_HEADERS));
        if endpoint.trim().is_empty() {
            self.needs(&[&table::OTLP_HEADERS], &table::OTLP_ENDPOINT);
            return None;
        }
        if !is_built {
            let fix = "build it with --features otlp, or leave it out";
            self.fault_of(
                &table::OTLP_ENDPOINT,
                "is set, but this program was built without the export of traces",
                fix,
            );
            return None;
        }
        let export = match TraceExport::endpoint(&endpoint) {
            Ok(export) => export,
            Err(what) => {
                self.fault_of(&table::OTLP_ENDPOINT, what, "write http://HOST:4318 or https://HOST/PATH");
                return None;
            }
        };
        match export.with_headers(&headers) {
            Ok(export) => Some(export),
            Err(what) => {
                self.fault_of(&table::OTLP_HEADERS, &what, "write Authorization=Basic%20KEY,other=value");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::Reader;
    use super::super::tests::world;

    /// Whether it is sent somewhere, and what is wrong.
    fn read(settings: &[(&str, &str)], is_built: bool) -> (bool, String) {
        let flags: Vec<(&str, &str)> = settings.to_vec();
        let (_dir, world) = world(&[], &flags);
        let mut reader = Reader::new(&world);
        let is_sent = reader.traces(is_built).is_some();
        (is_sent, reader.finish(()).err().map(|faults| faults.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_collector_is_read_and_a_program_that_can_not_says_so() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20NDcxMQ==");
        assert_eq!(read(&[], true), (false, String::new()));
        assert_eq!(read(&[endpoint, headers], true), (true, String::new()));
        for (settings, is_built, told) in [
            (&[endpoint][..], false, "--features otlp"),
            (&[headers], true, "without OTEL_EXPORTER_OTLP_ENDPOINT"),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")], true, "http://HOST:4318"),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")], true, "OTEL_EXPORTER_OTLP_HEADERS"),
        ] {
            let (is_sent, faults) = read(settings, is_built);
            assert!(
                !is_sent && faults.contains(told) && !faults.contains("hunter2"),
                "{settings:?}: {faults}"
            );
        }
    }
}
