//! What stands between a socket and a handler.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod compress;
pub(crate) mod consistency;
mod cors;
mod dress;
pub(crate) mod errors;
pub(crate) mod etag;
pub(crate) mod files;
pub(crate) mod form;
mod headers;
mod hot;
mod http2;
pub(crate) mod input;
pub(crate) mod json;
mod leftover;
pub(crate) mod limit;
mod log;
pub(crate) mod payload;
mod protocol;
mod quota;
pub(crate) mod request_limit;
pub(crate) mod router;
pub(crate) mod serve;
pub(crate) mod shared_limit;
pub(crate) mod stack;
