//! The protocols over the real rules, by the gateways' own case tables and vectors.
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

#[path = "../../../core/tests/payments/book.rs"]
#[expect(dead_code, reason = "a model that other tests use more of")]
mod book;
mod click;
mod octo;
mod payme;
mod shop;
