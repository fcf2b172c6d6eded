//! The one place that waits: for a condition, with a limit.

use std::thread;
use std::time::{Duration, Instant};

/// The longest that anything here is waited for. Nothing takes nearly as long: it only turns a hang into a message.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at a condition: who looks without end takes a core from what is waited for.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks until there is an answer or the time is over: `None` then. Blocks its thread.
pub fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
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

/// The same in an async test.
pub async fn until_async<T>(limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the condition is the synchronisation, this only spares the core"
)]
fn pause() {
    thread::sleep(PAUSE);
}
