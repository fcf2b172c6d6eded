//! What the measuring programs share: a shop under test, and clients.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "programs that measure may block")]

pub mod client;
pub mod open_loop;
pub mod shop;
