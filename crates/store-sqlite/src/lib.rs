//! The shop in one SQLite file: one writer, many readers.
//!
//! - [`SqliteStore`] is the door; each feature's promises are kept in the file that bears its name.
//! - `writer` runs every write on one thread and lets those that wait share a transaction and its fsync.
//! - `readers` runs reads on connections of their own: short ones inline, those that may scan off the async workers.
//! - `db` is the one funnel to rusqlite, `error` the one place that reads its errors.
//! - `elsewhere` sees what other processes change.
//! - `migrations` brings the file's schema up to this program's.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accounts;
mod anchor;
mod audit;
pub mod backup;
mod cart;
mod catalog;
mod checkpoints;
mod connection;
mod db;
mod elsewhere;
mod error;
mod export;
mod images;
mod migrations;
mod orders;
mod outbox;
mod payments;
mod readers;
mod store;
mod writer;

pub use error::OpenError;
pub use export::Export;
pub use migrations::{MigrationState, MigrationStatus};
pub use store::SqliteStore;
