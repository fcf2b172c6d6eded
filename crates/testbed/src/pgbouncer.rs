//! PgBouncer in front of a cluster.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::postgres::Cluster;
use crate::program;
use crate::server::{self, Launch, Server};

/// A running PgBouncer, in transaction mode unless told otherwise. Its own figures are in the database `pgbouncer`.
#[derive(Debug)]
pub struct PgBouncer(Server);

/// What is to be told about a PgBouncer before it starts.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    server_port: u16,
    password: String,
    databases: String,
    settings: Vec<(String, String)>,
}

impl PgBouncer {
    /// A PgBouncer for every database of a cluster; addresses through it: [`Cluster::url_through`] with its port.
    pub fn to(cluster: &Cluster) -> Builder {
        Builder {
            server_port: cluster.port(),
            password: cluster.password().to_owned(),
            databases: String::new(),
            settings: Vec::new(),
        }
    }
}

impl Builder {
    /// Reaches the cluster by another port of this machine, such as that of a proxy with faults.
    pub fn by_way_of(mut self, port: u16) -> Self {
        self.server_port = port;
        self
    }

    /// What else is to be said of every database, such as its `connect_query`.
    pub fn databases(mut self, options: impl Into<String>) -> Self {
        self.databases = options.into();
        self
    }

    /// A line of its `[pgbouncer]` section; the last one for a name counts.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
    pub fn start(self) -> Result<PgBouncer, Error> {
        let program = program::find("pgbouncer", "pgbouncer")?;
        let (folder, port) = (Folder::create("pgbouncer")?, Port::claim()?);
        let (ini, users) = (folder.path.join("pgbouncer.ini"), folder.path.join("users.txt"));
        let mut text = format!(
            "[databases]\n* = host=127.0.0.1 port={} {}\n\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\n\
             auth_type = md5\nauth_file = {}\nadmin_users = postgres\n\
             pool_mode = transaction\ndefault_pool_size = 20\nmax_client_conn = 1000\n",
            self.server_port,
            self.databases,
            port.number,
            users.display()
        );
        if knows_prepared_statements(&program)? {
            // As a version that doesn't, until a test says otherwise.
            text.push_str("max_prepared_statements = 0\n");
        }
        text.extend(self.settings.iter().map(|(name, value)| format!("{name} = {value}\n")));
        fs::write(&ini, text).map_err(Error::at(&ini))?;
        fs::write(&users, format!("\"postgres\" \"{}\"\n", self.password)).map_err(Error::at(&users))?;
        let command = vec![program.into(), ini.into()];
        let launch = Launch { command, stop: "TERM", linger_s: 0, answers };
        let mut server = Server::new("PgBouncer", folder, port, launch);
        server.launch()?;
        Ok(PgBouncer(server))
    }
}

/// Whether it is of version 1.21 or later: those before end at a setting that they don't know.
fn knows_prepared_statements(program: &Path) -> Result<bool, Error> {
    let said = program::run("pgbouncer --version", Command::new(program).arg("--version"))?;
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0_u32));
    Ok((numbers.next(), numbers.next()) >= (Some(1), Some(21)))
}

/// Asked whether it speaks TLS, which needs no password, it says yes or no.
fn answers(server: &Server) -> bool {
    let ask = || {
        let mut stream = server::connect(server.port())?;
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        stream.read(&mut [0])
    };
    ask().is_ok_and(|read| read == 1)
}

server::is_a_server!(PgBouncer);
