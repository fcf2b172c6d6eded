//! The one place that waits: for a condition, with a limit.

use std::thread;
use std::time::{Duration, Instant};

/// The longest that anything here is waited for. Nothing takes nearly as long: it only turns a hang into a message.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Asks until there is an answer or the time is over: `None` then.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "between two looks at a condition, in code that blocks anyway")]
fn pause() {
    thread::sleep(Duration::from_millis(5));
}
