//! What threads meet at in the cache. A test puts others in their place, which try every order (`interleaving`).

pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::AtomicU64;

use slippers_core::Tally;
pub(super) use tokio::time::timeout;

/// Carries a question on, whoever waits for it. It goes on working for the one who asked first.
pub(super) fn spawn(work: impl Future<Output = impl Send + 'static> + Send + 'static) {
    tokio::spawn(Tally::current().unwrap_or_default().scope(work));
}
