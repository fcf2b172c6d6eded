//! How many requests a process answers before another should follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts requests and tells each time that there were as many again.
#[derive(Clone, Debug)]
pub struct RequestLimit(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    /// 0 = never told.
    limit: u64,
    answered: AtomicU64,
    reached: Notify,
}

impl RequestLimit {
    pub(crate) fn new(limit: u64) -> Self {
        Self(Arc::new(Counted { limit, answered: AtomicU64::new(0), reached: Notify::new() }))
    }

    pub(super) fn count(&self) {
        let Counted { limit, answered, reached } = &*self.0;
        if *limit > 0 && (answered.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(*limit) {
            reached.notify_one();
        }
    }

    /// Resolves when the limit was reached since this was asked last.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }
}
