//! Orders over HTTP.

mod api;
mod input;
mod output;
mod shapes;

pub(crate) use api::router;
