//! A cluster of one test's own, to be configured, killed and replicated.

use std::fmt::Write as _;
use std::fs;
use std::ops::Deref;
use std::path::Path;

use super::cluster::Cluster;
use super::template;
use crate::error::Error;
use crate::folder::Folder;
use crate::port::Port;
use crate::server::{Launch, Server};
use crate::{program, user};

/// A running cluster. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Postgres {
    pub(super) cluster: Cluster,
    pub(super) server: Server,
    /// How it was started: a replica starts alike.
    pub(super) built: Builder,
}

/// What is to be told about a cluster before it starts.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    fsync: bool,
    settings: Vec<(String, String)>,
    /// Certificate and key, in PEM.
    tls: Option<(String, String)>,
    linger_s: u32,
}

impl Builder {
    /// Whether commits wait for the disk, as at a real shop. Off unless asked for: a test loses nothing with it.
    pub fn fsync(mut self, on: bool) -> Self {
        self.fsync = on;
        self
    }

    /// A line of `postgresql.conf`; the last one for a name counts.
    pub fn setting(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// Offers TLS with this certificate and its key, both in PEM.
    pub fn tls(mut self, certificate: impl Into<String>, key: impl Into<String>) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self.setting("ssl", "on")
    }

    /// How long it outlives its last lease, in seconds.
    pub(super) fn linger_s(mut self, linger_s: u32) -> Self {
        self.linger_s = linger_s;
        self
    }

    /// Starts a fresh cluster.
    pub fn start(self) -> Result<Postgres, Error> {
        let folder = Folder::create("postgres")?;
        let password = template::copy_to(&folder.path.join("data"))?;
        self.start_on(folder, password)
    }

    /// Starts the cluster whose files are in the folder `data` already.
    pub(super) fn start_on(self, folder: Folder, password: String) -> Result<Postgres, Error> {
        let port = Port::claim()?;
        let data = folder.path.join("data");
        write_settings(&data, port.number, self.fsync, &self.settings)?;
        if let Some((certificate, key)) = &self.tls {
            user::of_servers().write(&data.join("server.crt"), certificate)?;
            user::of_servers().write(&data.join("server.key"), key)?;
        }
        let program = program::postgresql_folder()?.join("postgres");
        let launch = Launch {
            command: vec![program.into(), "-D".into(), folder.path.join("data").into()],
            stop: "QUIT",
            linger_s: self.linger_s,
            answers,
        };
        let cluster = Cluster { port: port.number, password, folder: folder.path.clone() };
        let mut server = Server::new("PostgreSQL", folder, port, launch);
        server.launch()?;
        Ok(Postgres { cluster, server, built: self })
    }
}

/// Of every cluster. `mmap` keeps shared memory among the cluster's files, so that it goes with them after a kill. Databases that
/// come and go end segments of WAL by the dozen: a replica that is not fast, or was stopped, must find them yet.
pub(super) const SETTINGS: &str = "\
include 'postgresql.base.conf'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
synchronous_commit = on
dynamic_shared_memory_type = mmap
shared_buffers = 64MB
max_connections = 200
wal_level = replica
max_wal_senders = 10
hot_standby = on
max_wal_size = 256MB
wal_keep_size = 512MB
logging_collector = off
log_destination = stderr
log_line_prefix = '%m [%p] %d '
";

/// PostgreSQL writes into its own `postmaster.pid` when it takes connections.
#[expect(clippy::disallowed_methods, reason = "code that blocks anyway")]
fn answers(server: &Server) -> bool {
    let record = fs::read_to_string(server.folder().join("data/postmaster.pid")).unwrap_or_default();
    let mut lines = record.lines().map(str::trim);
    // A crash leaves the file behind: it counts only with the number of the process that runs now.
    lines.next().and_then(|pid| pid.parse().ok()) == server.pid() && lines.nth(6) == Some("ready")
}

fn write_settings(data: &Path, port: u16, fsync: bool, more: &[(String, String)]) -> Result<(), Error> {
    let durable = if fsync { "on" } else { "off" };
    let mut text = format!("{SETTINGS}port = {port}\nfsync = {durable}\nfull_page_writes = {durable}\n");
    for (name, value) in more {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    let path = data.join("postgresql.conf");
    let base = data.join("postgresql.base.conf");
    if !base.exists() {
        // Renamed, so that the settings of the copied cluster (time zone, locale) stay in force.
        fs::rename(&path, &base).map_err(Error::at(&path))?;
    }
    user::of_servers().write(&path, &text)
}

impl Postgres {
    /// A fresh cluster that forgets about the disk.
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// A fresh cluster with settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Its process, to be killed and frozen.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Starts it again on the same port and data, after a crash or after ending it as one.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.server.restart()
    }
}

impl Deref for Postgres {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}
