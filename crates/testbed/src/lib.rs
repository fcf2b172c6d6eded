//! Throw-away servers for tests: real PostgreSQL and its companions, as processes on free loopback ports.
//!
//! A server is ready when its `start` returns, and gone when its value is dropped. A test that panics drops it too; of
//! a test that is killed a small supervisor (`src/supervise.sh`) notices that its lease is gone, and ends the server
//! and its files. Servers never run as root: a test of root's starts them as the user `postgres`, else `nobody`.
//!
//! Most tests want a database of their own and nothing else; they share one cluster:
//!
//! ```no_run
//! # async fn example() -> Result<(), slippers_testbed::Error> {
//! let cluster = slippers_testbed::postgres::shared()?;
//! let database = cluster.database_from_template("schema 8", async |_url| Ok::<(), String>(())).await?;
//! println!("{}", database.url());
//! # Ok(())
//! # }
//! ```
//!
//! Everything here waits by blocking its thread, for some milliseconds to some seconds.
#![forbid(unsafe_code)]

mod error;
mod folder;
mod nginx;
mod pgbouncer;
mod port;
pub mod postgres;
mod program;
mod prometheus;
pub mod proxy;
mod redis;
mod server;
mod user;
pub mod wait;

pub use error::Error;
pub use nginx::Nginx;
pub use pgbouncer::PgBouncer;
pub use prometheus::Prometheus;
pub use redis::Redis;
pub use server::Server;
