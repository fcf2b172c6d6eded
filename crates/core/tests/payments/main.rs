//! Payments over random histories, against what must hold whatever happens.
#![expect(clippy::expect_used, reason = "a model whose rules break is a failed test")]

mod book;
mod histories;
mod truth;
