//! Databases for single tests: empty ones, and copies of one that was filled once.

use std::fs::File;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::cluster::Cluster;
use crate::error::Error;
use crate::{folder, port};

/// A database of one test's own, removed when it is dropped, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    /// Its address: `postgresql://postgres:...@127.0.0.1:PORT/NAME`.
    pub fn url(&self) -> String {
        self.cluster.url_of(&self.name)
    }

    /// Its address behind another port: a pooler's or a proxy's.
    pub fn url_through(&self, port: u16) -> String {
        self.cluster.url_through(port, &self.name)
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements in it; see [`Cluster::query`].
    pub fn query(&self, sql: &str) -> Result<String, Error> {
        self.cluster.query(&self.name, sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // It goes with its cluster anyway; until then it would only take room.
        let _ = self.cluster.query("postgres", &format!("drop database {} with (force)", self.name));
    }
}

impl Cluster {
    /// A new empty database.
    pub fn database(&self) -> Result<Database, Error> {
        self.copy_of("template0")
    }

    /// A copy of a database that `fill` filled, given its address: once for each `schema` of a cluster, whatever the
    /// number of tests and processes. `schema` names what is filled in, so that it changes when that does (a digest of
    /// the migrations). Fails with the words of `fill`, and the next caller fills again.
    ///
    /// Takes some 40 ms once the template is there.
    pub async fn database_from_template<E: std::fmt::Display>(
        &self,
        schema: &str,
        fill: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> Result<Database, Error> {
        let template = Template::of(self, schema);
        if let Some(database) = template.copy()? {
            return Ok(database);
        }
        let _only_one_fills_it = template.lock().await?;
        if let Some(database) = template.copy()? {
            return Ok(database);
        }
        let address = template.begin()?;
        fill(address).await.map_err(|cause| template.unfilled(&cause))?;
        template.finish()
    }

    /// [`Cluster::database_from_template`] for a test that isn't async.
    pub fn database_from_template_blocking<E: std::fmt::Display>(
        &self,
        schema: &str,
        fill: impl FnOnce(String) -> Result<(), E>,
    ) -> Result<Database, Error> {
        let template = Template::of(self, schema);
        if let Some(database) = template.copy()? {
            return Ok(database);
        }
        let _only_one_fills_it = folder::lock(&template.lock_path())?;
        if let Some(database) = template.copy()? {
            return Ok(database);
        }
        let address = template.begin()?;
        fill(address).map_err(|cause| template.unfilled(&cause))?;
        template.finish()
    }

    fn copy_of(&self, template: &str) -> Result<Database, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // A process that was killed left its databases, and its number is given again.
        let name = format!("test_{}_{number}_{:08x}", std::process::id(), port::random() & 0xffff_ffff);
        // Files are copied as they are: page by page through the log, as is usual since PostgreSQL 15, takes twice the
        // processor, and as much again on each replica.
        let create = format!("create database {name} template {template} strategy file_copy");
        self.query("postgres", &create)?;
        Ok(Database { cluster: self.clone(), name })
    }
}

/// A database that is only copied. While it is filled it has another name, so that it is ready when it exists.
struct Template<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl<'a> Template<'a> {
    fn of(cluster: &'a Cluster, schema: &str) -> Self {
        // The same in every process: the hasher has no key.
        let key = BuildHasherDefault::<DefaultHasher>::new().hash_one(schema);
        Self { cluster, name: format!("filled_{key:016x}") }
    }

    fn lock_path(&self) -> std::path::PathBuf {
        self.cluster.folder.join(format!("{}.lock", self.name))
    }

    /// Doesn't block the thread: whoever fills the template may be another task of the same thread.
    async fn lock(&self) -> Result<File, Error> {
        let path = self.lock_path();
        let file = File::create(&path).map_err(Error::at(&path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(std::fs::TryLockError::Error(cause)) => return Err(Error::at(&path)(cause)),
            }
        }
    }

    /// A copy; `None` while there is no template.
    fn copy(&self) -> Result<Option<Database>, Error> {
        match self.cluster.copy_of(&self.name) {
            Ok(database) => Ok(Some(database)),
            Err(Error::Failed { output, .. }) if output.contains("does not exist") => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// The name while it is filled.
    fn half(&self) -> String {
        format!("half_{}", self.name)
    }

    fn begin(&self) -> Result<String, Error> {
        let half = self.half();
        // Whoever began before and failed left it.
        let begin = format!(
            "drop database if exists {half} with (force);\ncreate database {half} template template0"
        );
        self.cluster.query("postgres", &begin)?;
        Ok(self.cluster.url_of(&half))
    }

    fn unfilled(&self, cause: &dyn std::fmt::Display) -> Error {
        Error::Failed { what: format!("filling the template {}", self.name), output: cause.to_string() }
    }

    /// Makes it a template, and the first copy. Nobody may be connected to what is copied: whoever filled it may not have
    /// closed his connections yet.
    fn finish(&self) -> Result<Database, Error> {
        let (half, name) = (self.half(), &self.name);
        let finish = format!(
            "alter database {half} allow_connections false;\n\
             select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{half}';\n\
             alter database {half} rename to {name}"
        );
        self.cluster.query("postgres", &finish)?;
        self.cluster.copy_of(name)
    }
}
