//! A shop under test: its program, stocked, with nothing kept.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slippers_testbed::postgres::{Database, Postgres};
use slippers_testbed::wait;
use tempfile::TempDir;

use crate::Outcome;
use crate::buyers::head_of;
use crate::client::Client;
use crate::cpu::{Cpu, children_of, threads_of};
use crate::metrics::{free_address, sum_of};

const PATIENCE: Duration = Duration::from_secs(20);
const ADMIN_PASSWORD: &str = "slippers-of-the-bench";

/// A running shop, with nothing kept and without limits unless it is told otherwise.
#[derive(Debug)]
pub(crate) struct Shop {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where it tells of itself.
    metrics: SocketAddr,
    /// How long it took to stock it.
    pub(crate) stocked: Duration,
    /// From its start to its first answer, looked for every five milliseconds.
    pub(crate) started: Duration,
    /// Names of products, as they are told: each is found by few.
    pub(crate) names: Vec<String>,
    shop: Child,
    program: PathBuf,
    /// The server of its database.
    postmaster: Option<u32>,
    folder: TempDir,
    /// Its database, if it is on PostgreSQL.
    pub(crate) database: Option<Database>,
}

impl Shop {
    /// A shop on SQLite.
    ///
    /// # Errors
    /// When it can't be stocked or does not answer.
    pub(crate) fn on_a_file(
        program: &Path,
        products: u64,
        settings: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        Self::open(program, products, settings, None, None)
    }

    /// A shop on PostgreSQL.
    ///
    /// # Errors
    /// When it can't be stocked or does not answer.
    pub(crate) fn on(
        program: &Path,
        server: &Postgres,
        products: u64,
        settings: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        Self::open(program, products, settings, Some(server.database()?), server.server().pid())
    }

    fn open(
        program: &Path,
        products: u64,
        settings: &[(&str, &str)],
        database: Option<Database>,
        postmaster: Option<u32>,
    ) -> Result<Self, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let (address, metrics) = (free_address()?, free_address()?);
        let url = database.as_ref().map(Database::url);
        let listen = metrics.to_string();
        let settings: Vec<_> =
            settings.iter().copied().chain([("METRICS_LISTEN", listen.as_str())]).collect();
        let command = |arguments: &[&str]| {
            command(program, arguments, folder.path(), address, url.as_deref(), &settings)
        };
        let begun = Instant::now();
        let seeded = command(&["seed", "--products", &products.to_string()]).status()?;
        let stocked = begun.elapsed();
        if !seeded.success() {
            return Err("the shop could not be stocked".into());
        }
        let mut making = command(&["admin", "create", "--name", "Bench", "--phone", "+998900000001"])
            .arg("--password-stdin")
            .stdin(Stdio::piped())
            .spawn()?;
        making.stdin.take().ok_or("no way to tell a password")?.write_all(ADMIN_PASSWORD.as_bytes())?;
        if !making.wait()?.success() {
            return Err("the shop could not be given an admin".into());
        }
        if let Some(database) = &database {
            // As autovacuum would have done long ago in a shop that was not stocked a moment ago.
            database.query("VACUUM ANALYZE")?;
        }
        let shop = command(&["serve"]).spawn()?;
        let mut opened = Self {
            address,
            metrics,
            stocked,
            started: Duration::ZERO,
            names: Vec::new(),
            shop,
            program: program.to_owned(),
            postmaster,
            folder,
            database,
        };
        opened.learn_names(products)?;
        Ok(opened)
    }

    /// Another process on its database, which ends with the answer.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn second(&self, settings: &[(&str, &str)]) -> Result<Instance, Box<dyn Error>> {
        let folder = TempDir::new()?;
        let address = free_address()?;
        let url = self.database.as_ref().map(Database::url);
        let child =
            command(&self.program, &["serve"], folder.path(), address, url.as_deref(), settings).spawn()?;
        let instance = Instance { address, child, _folder: folder };
        first_answer(address)?;
        Ok(instance)
    }

    /// The folder of its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of a shop on SQLite.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("shop.db")
    }

    /// Runs SQL past the shop, each statement by itself.
    ///
    /// # Errors
    /// When the database refuses it.
    pub(crate) fn execute(&self, statements: &[&str]) -> Result<(), Box<dyn Error>> {
        match &self.database {
            Some(database) => statements.iter().try_for_each(|sql| database.query(sql).map(drop))?,
            None => {
                let file = rusqlite::Connection::open(self.file())?;
                file.busy_timeout(PATIENCE)?;
                statements.iter().try_for_each(|sql| file.execute_batch(sql))?;
            }
        }
        Ok(())
    }

    /// A number from the database, past the shop.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn number(&self, sql: &str) -> Result<u64, Box<dyn Error>> {
        match &self.database {
            Some(database) => Ok(database.query(sql)?.trim().parse()?),
            None => {
                let file = rusqlite::Connection::open(self.file())?;
                file.busy_timeout(PATIENCE)?;
                Ok(u64::try_from(file.query_row(sql, [], |row| row.get::<_, i64>(0))?)?)
            }
        }
    }

    /// Waits until it answers.
    fn learn_names(&mut self, products: u64) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        let mut client = first_answer(self.address)?;
        self.started = begun.elapsed();
        // In a small shop each name is there more than once.
        for number in 0..900 {
            let body =
                client.get(&format!("/slippers/{}", 1 + number * (products / 1000).max(1) % products))?;
            let name = body.split("\"name\":\"").nth(1).and_then(|rest| rest.split('"').next());
            self.names.push(name.ok_or("a product without a name")?.to_owned());
        }
        Ok(())
    }

    /// What it tells of itself by this name, all labels together.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn told(&self, metric: &str) -> Outcome<f64> {
        sum_of(metric, self.metrics)
    }

    /// The statements that it has sent to its database.
    ///
    /// # Errors
    /// When it does not tell.
    pub(crate) fn statements(&self) -> Outcome<f64> {
        self.told("slippers_db_statements_total")
    }

    /// The lines of its admin's head.
    ///
    /// # Errors
    /// When the sign-in is refused.
    pub(crate) fn admin(&self) -> std::io::Result<String> {
        let body = format!(r#"{{"name":"Bench","password":"{ADMIN_PASSWORD}"}}"#);
        let mut client = Client::open(self.address)?;
        head_of(&client.ask("POST", "/auth/login", "Content-Type: application/json\r\n", &body)?)
    }

    /// The memory that the shop has in use, in KiB.
    ///
    /// # Errors
    /// When there is no `/proc` to read it from.
    pub(crate) fn resident_kib(&self) -> Result<u64, Box<dyn Error>> {
        self.kib("VmRSS:")
    }

    /// The most memory that it ever had in use, in KiB.
    ///
    /// # Errors
    /// When there is no `/proc` to read it from.
    pub(crate) fn peak_kib(&self) -> Outcome<u64> {
        self.kib("VmHWM:")
    }

    fn kib(&self, what: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.shop.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("no such memory")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// What the shop and the server of its database have used of the processors.
    ///
    /// # Errors
    /// When there is no `/proc` to read it from.
    pub(crate) fn cpu(&self) -> Outcome<Cpu> {
        let cpu = Cpu::of(self.shop.id())?;
        match self.postmaster {
            Some(parent) => cpu.and_family(parent),
            None => Ok(cpu),
        }
    }

    /// Its threads, and the processes of its database.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn threads(&self) -> Outcome<Vec<u32>> {
        let mut all = threads_of(self.shop.id())?;
        if let Some(parent) = self.postmaster {
            all.push(parent);
            all.extend(children_of(parent)?);
        }
        Ok(all)
    }
}

/// A program of the shop's, with what all of them are told: nothing is kept and nobody refused, unless `settings` say otherwise.
fn command(
    program: &Path,
    arguments: &[&str],
    folder: &Path,
    address: SocketAddr,
    database: Option<&str>,
    settings: &[(&str, &str)],
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("SLIPPERS_DATA_DIR", folder);
    command.env("SLIPPERS_LISTEN", address.to_string()).env("SLIPPERS_LOG", "off");
    command.env("SECRET_KEY", "a-key-of-a-measurement-that-is-used-nowhere-else");
    command.env("CACHE_MAX_BYTES", "0").env("RATE_LIMIT_REQUESTS", "2147483647");
    command.env("LOGIN_RATE_LIMIT", "2147483647").env("ORDER_MAX_OPEN", "0");
    // Orders that are written past the shop are as old as its limit makes them: it must not cancel them.
    command.env("ORDER_PENDING_TTL_MIN", "0");
    command.envs(settings.iter().copied());
    if let Some(database) = database {
        command.env("DATABASE_URL", database);
    }
    command.stdout(Stdio::null());
    command
}

/// Waits until somebody listens and answers there.
fn first_answer(address: SocketAddr) -> Result<Client, Box<dyn Error>> {
    let opened = wait::until(PATIENCE, || Client::open(address).ok());
    let mut client = opened.ok_or("the shop does not answer")?;
    client.get("/health/live")?;
    Ok(client)
}

/// Another process on a shop's database.
#[derive(Debug)]
pub(crate) struct Instance {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.shop.kill();
        let _ = self.shop.wait();
    }
}
