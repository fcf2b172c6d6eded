//! The real server on the real store inside the test's own process, where the clock can be moved and the store's
//! statements counted.
#![expect(clippy::expect_used, clippy::panic, reason = "a story that can't go on is a failed test")]

mod connections;
mod enumeration;
mod house;
mod kept_pages;
mod metrics;
mod operations;
mod outbox;
mod paying;
mod payme_sources;
mod payment_time;
mod receiver;
mod reset_codes;
mod sessions;
mod sign_in;
mod statements;
mod time;
