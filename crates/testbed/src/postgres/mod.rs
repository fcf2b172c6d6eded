//! PostgreSQL: one cluster for all tests that only want a database, and clusters of a test's own.

mod cluster;
mod databases;
mod own;
mod query;
mod replica;
mod shared;
mod template;

pub use cluster::Cluster;
pub use databases::Database;
pub use own::{Builder, Postgres};
pub use shared::{Replicated, Shared, shared, shared_with_replicas};
