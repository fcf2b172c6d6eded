//! The cart over HTTP.

mod api;
mod shapes;

pub(crate) use api::router;
