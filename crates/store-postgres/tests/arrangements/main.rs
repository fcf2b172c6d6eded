//! The store contract, kept in the arrangements that a shop grows into.
#![expect(clippy::expect_used, reason = "a test without a store can only fail")]

mod pooled;
mod replicas;
#[path = "../support/mod.rs"]
mod support;

/// Connections of each store.
const POOL_SIZE: u32 = 8;
