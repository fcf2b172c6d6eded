//! The gateways that take buyers' money: what they say is verified and translated into the words of `core`, and what the
//! shop wants of them into calls.
//!
//! Nothing here listens, connects, stores or decides. A [`Protocol`] gets the raw bytes of a webhook and gives what the
//! store is to be asked ([`Call`]), then dresses the store's answer ([`Outcome`]) as the gateway expects it ([`Reply`]). Calls to a
//! gateway are values ([`Request`]) that the server's HTTP client sends; their answers come back as bytes. No
//! gateway's word goes past this crate.
//!
//! ```text
//! webhook --read--> Call --(store)--> Outcome --reply--> Reply
//! attempt --create, status, refund--> Request --(network)--> Response --read_...--> PaymentEvent
//! ```
//!
//! With the feature `simulator` there are also gateways of our own making, faults included.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod click;
pub mod octo;
pub mod payme;
mod protocol;
mod secret;
#[cfg(feature = "simulator")]
pub mod simulator;
mod wire;

pub use protocol::{Call, CallError, Context, Outcome, Protocol, Received, RefundTold, Start};
pub use secret::Secret;
pub use wire::{Method, Reply, Request, Response, Webhook};
