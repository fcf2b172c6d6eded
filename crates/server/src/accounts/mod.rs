//! Sign-in: passwords, tokens, the endpoints under `/auth`, and users under `/users`.

mod api;
mod input;
mod output;
pub mod passwords;
pub(crate) mod resets;
pub(crate) mod sessions;
mod shapes;
pub(crate) mod throttle;
pub(crate) mod tokens;
mod user_api;
mod user_input;
mod user_output;

pub(crate) use api::router;
pub(crate) use resets::router as reset_router;
pub(crate) use user_api::router as user_router;
