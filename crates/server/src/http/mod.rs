//! What stands between a socket and a handler.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod client;
mod compress;
mod cors;
pub(crate) mod errors;
pub(crate) mod files;
pub(crate) mod form;
pub(crate) mod input;
pub(crate) mod json;
mod leftover;
pub(crate) mod limit;
pub(crate) mod router;
pub(crate) mod serve;
pub(crate) mod stack;
