//! Measurements at a size that no story has. Scripts run them against a release build, on a machine that does nothing else.

mod bombs;
mod crowds;
mod transfers;
