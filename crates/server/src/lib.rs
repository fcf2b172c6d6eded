//! All that is spoken over HTTP.
#![forbid(unsafe_code)]

pub mod settings;
