//! What the measuring programs share: a shop under test, and clients.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "programs that measure may block")]

pub mod bare;
pub mod buyers;
pub mod client;
pub mod metrics;
pub mod open_loop;
pub mod shop;
pub mod wrk;

/// The one in the middle; of two there, the higher. 0 of none.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}
