//! Health, documents of the API, and what operators ask for.

mod api;
mod docs;
pub(crate) mod openapi;

pub(crate) use api::router;
pub use openapi::openapi_json;
