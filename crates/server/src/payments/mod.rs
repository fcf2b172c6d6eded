//! Payments over HTTP: buyers who pay, gateways that call, admins who look after both, and the calls to gateways.
//!
//! ```text
//! create --opens an attempt--> start.rs ----call----> gateway
//! gateway --webhook.rs--> claim --> inquiry.rs --call--> gateway --> proof --> store
//! refund --begins refunds--> returns.rs ---call----> gateway
//! ```
//!
//! A call to a gateway belongs to the server, not to the request that wants it: it goes on when the client is gone, and
//! whoever comes back finds what it brought. No connection to the database is held meanwhile.

mod admin_api;
mod api;
mod calls;
mod gateways;
mod input;
mod inquiry;
mod output;
mod refusals;
mod returns;
mod shapes;
mod start;
mod turns;
mod webhook;

pub(crate) use admin_api::router as admin_router;
pub(crate) use api::router;
pub(crate) use gateways::Gateways;
pub(crate) use webhook::{is_webhook, router as webhook_router};

pub(crate) mod jobs {
    //! What background work does.
    pub(crate) use super::inquiry::{compare, reconcile};
}
