//! Orders over HTTP.

mod api;
mod input;
mod output;

pub(crate) use api::router;
