//! Sign-in: passwords, tokens, and the endpoints under `/auth`.

mod api;
mod input;
mod output;
pub mod passwords;
pub(crate) mod resets;
mod shapes;
pub(crate) mod throttle;
pub(crate) mod tokens;

pub(crate) use api::router;
pub(crate) use resets::router as reset_router;
