//! Sign-in: passwords, tokens, and the endpoints under `/auth`.

mod api;
mod input;
mod output;
pub mod passwords;
mod shapes;
pub(crate) mod throttle;
pub(crate) mod tokens;

pub(crate) use api::router;
