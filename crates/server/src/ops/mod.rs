//! Health, documents of the API, and what operators ask for.

mod api;
mod docs;
mod memory;
pub(crate) mod metrics;
pub(crate) mod openapi;
mod spans;

pub(crate) use api::router;
pub(crate) use memory::make_room;
pub use memory::memory_limit;
pub(crate) use metrics::Metrics;
pub use metrics::{metrics_dashboard, metrics_page};
pub use openapi::openapi_json;
pub(crate) use spans::{Export, Span, Spans};
