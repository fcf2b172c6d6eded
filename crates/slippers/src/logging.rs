//! The log: to stderr, as text for people or as JSON lines for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::config::LogSettings;

/// Starts the log. A second start changes nothing.
pub(crate) fn start(settings: &LogSettings) {
    // The config has checked the directives; the lossy way only spares a panic.
    let filter = EnvFilter::new(&settings.directives);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // What is started already goes on as it is.
    let is_terminal = io::stderr().is_terminal();
    let _ = if settings.json.unwrap_or(!is_terminal) {
        log.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        log.with_ansi(is_terminal).try_init()
    };
}
