//! The cart over HTTP.

mod api;

pub(crate) use api::router;
