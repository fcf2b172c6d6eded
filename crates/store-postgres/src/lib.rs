//! The shop in PostgreSQL.
//!
//! - [`PostgresStore`] is the door; each feature's promises are kept in the file that bears its name.
//! - `verbs` runs a verb: a read on one connection, a write in one transaction, again as a whole where that is safe.
//! - `pool` keeps connections and lends them, by classes of calls and never waiting without a bound; `connection` makes
//!   them, `tls` encrypts them, `session` knows the limits of their statements, `budget` how many the server has to give.
//! - `db` is the one funnel to tokio-postgres and the one place that knows prepared from unnamed statements; `params` are
//!   the values of a statement, `error` the one place that reads its errors.
//! - `route` finds the host that takes writes, `replicas` those that may answer a read; `pooler` looks at the way there.
//! - `feed` tells what was changed, here and by other instances.
//! - `migrations` brings the database's schema up to this program's.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod accounts;
mod audit;
mod budget;
mod cart;
mod catalog;
mod connection;
mod db;
mod error;
mod feed;
mod images;
mod migrations;
mod orders;
mod outbox;
mod params;
mod payments;
mod pool;
mod pooler;
mod reading;
mod replicas;
mod route;
mod session;
mod settings;
mod store;
mod tls;
mod transfer;
mod verbs;
mod vitals;

pub use budget::Allowance;
pub use error::{Address, OpenError};
pub use migrations::{MigrationState, MigrationStatus};
pub use pooler::{Pooler, Way};
pub use settings::PostgresSettings;
pub use store::PostgresStore;
pub use transfer::{Moved, Progress, TransferError};
pub use vitals::{PoolerVitals, ReplicaVitals, Vitals, sweep_commits};
