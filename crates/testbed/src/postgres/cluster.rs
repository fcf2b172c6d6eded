//! A running cluster as its clients see it.

use std::path::PathBuf;

use super::query::query;
use crate::error::Error;

/// Where a cluster listens and how to get in, as the superuser `postgres`.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) port: u16,
    pub(super) password: String,
    /// For locks between the processes that use it.
    pub(super) folder: PathBuf,
}

impl Cluster {
    /// The address of one of its databases; of `postgres` there always is one.
    pub fn url_of(&self, database: &str) -> String {
        self.url_through(self.port, database)
    }

    /// The address of one of its databases behind another port: a pooler's or a proxy's.
    pub fn url_through(&self, port: u16, database: &str) -> String {
        format!("postgresql://postgres:{}@127.0.0.1:{port}/{database}", self.password)
    }

    /// The port of 127.0.0.1 on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password of the superuser `postgres`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Runs statements and gives the rows, columns separated by `|`. Statements end with `;` and a line's end, and each
    /// commits by itself. Fails with the server's words at the first error.
    pub fn query(&self, database: &str, sql: &str) -> Result<String, Error> {
        self.query_through(self.port, database, sql)
    }

    /// The same behind another port: a pooler's or a proxy's.
    pub fn query_through(&self, port: u16, database: &str, sql: &str) -> Result<String, Error> {
        query(&self.url_through(port, database), sql)
    }
}
