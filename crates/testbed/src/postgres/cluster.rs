//! A running cluster as its clients see it.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::program;

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

    /// Runs statements with `psql` and gives the rows, columns separated by `|`. Each statement of several commits by
    /// itself. Fails with the server's words at the first error.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, Error> {
        self.psql_through(self.port, database, sql)
    }

    /// The same behind another port: a pooler's or a proxy's.
    pub fn psql_through(&self, port: u16, database: &str, sql: &str) -> Result<String, Error> {
        let mut psql = Command::new(program::postgresql_folder()?.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"]);
        psql.arg("-p").arg(port.to_string()).args(["-d", database]).env("PGPASSWORD", &self.password);
        for statement in sql.split(";\n") {
            psql.args(["-c", statement]);
        }
        program::run(&format!("`{sql}`"), &mut psql)
    }
}
