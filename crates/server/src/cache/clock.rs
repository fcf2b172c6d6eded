//! The time that pages age by: it never runs backwards, and nobody can move it.

use std::time::Instant;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coarse(Instant);

impl Coarse {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        self.at(Instant::now())
    }

    /// A moment that was taken already.
    pub(crate) fn at(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.0);
        since.as_secs().saturating_mul(SECOND).saturating_add(u64::from(since.subsec_nanos()))
    }
}
