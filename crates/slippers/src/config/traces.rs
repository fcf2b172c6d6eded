//! Where spans of requests are sent.

use slippers_server::settings::TraceExport;

use super::fault::Source;
use super::reader::Reader;
use super::table;

impl Reader {
    /// `is_built`: whether this program can send any.
    pub(super) fn traces(&mut self, is_built: bool) -> Option<TraceExport> {
        let (endpoint, headers) = (self.text(&table::OTLP_ENDPOINT), self.text(&table::OTLP_HEADERS));
        if endpoint.trim().is_empty() {
            return None;
        }
        // The variable is a standard one, which platforms set for all programs: there it is no mistake.
        if !is_built && self.layers.get(&table::OTLP_ENDPOINT).from == Source::Environment {
            self.hears_no_collector = true;
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
        let lines: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (_dir, world) = world(&[(".env", &lines.join("\n"))], &[]);
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
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4317")], true, "http://HOST:4318"),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2")], true, "OTEL_EXPORTER_OTLP_HEADERS"),
        ] {
            let (is_sent, faults) = read(settings, is_built);
            assert!(!is_sent && faults.contains(told), "{settings:?}: {faults}");
            assert!(!faults.contains("hunter2"), "{faults}");
        }
    }

    #[test]
    fn what_a_platform_sets_for_all_programs_keeps_none_from_starting() {
        let (_dir, world) = world(&[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")]);
        let mut reader = Reader::new(&world);
        assert!(reader.traces(false).is_none() && reader.hears_no_collector);
        reader.finish(()).expect("no fault");
    }
}
