//! The simulators against a shop in memory that listens for real: each script ends in the same place for both.
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

#[path = "../../../core/tests/payments/book.rs"]
#[expect(dead_code, reason = "a model that other tests use more of")]
mod book;
mod click;
mod front;
mod octo;
mod payme;
#[path = "../protocols/shop.rs"]
#[expect(dead_code, reason = "helpers that other tests use more of")]
mod shop;
