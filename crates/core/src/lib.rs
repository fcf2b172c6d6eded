//! The words and rules of the shop.
//!
//! Nothing in this crate talks HTTP or SQL, decides by a clock, draws a random number, looks at the environment or
//! writes a log: time, ids and randomness are arguments, and what must be remembered goes through the store traits
//! ([`Store`] and the feature traits it unites), whose doc comments are the promises that every database keeps.
//!
//! Each feature is a folder with the same three rooms: its types, its pure `rules`, and its `store` trait.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod accounts;
pub mod audit;
pub mod cart;
pub mod catalog;
mod changes;
pub mod images;
mod listeners;
mod migrations;
pub mod orders;
pub mod outbox;
pub mod payments;
pub mod places;
mod position;
mod store;
mod tally;
mod trace;
pub mod transfer;
pub mod types;

pub use changes::{Change, ChangeListener, Horizon};
pub use listeners::Listeners;
pub use migrations::is_expansion;
pub use position::{Position, Reader};
pub use store::{Constraint, CopyStatus, PoolStatus, Standing, Store, StoreError, StoreLoad};
pub use tally::{AtWork, Entered, Tally, WAIT_BOUNDS, WaitCounts, Waits, Work};
pub use trace::Trace;
