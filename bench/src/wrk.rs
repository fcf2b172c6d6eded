//! Closed-loop load by `wrk`.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;

/// What `wrk` is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrk<'s> {
    /// Its threads.
    pub(crate) threads: usize,
    /// Connections of all of them.
    pub(crate) connections: usize,
    /// How long it goes on.
    pub(crate) seconds: u64,
    /// Lua that makes the requests, or nothing.
    pub(crate) script: &'s str,
}

impl Wrk<'_> {
    /// Requests a second, all of them answered with 200.
    ///
    /// # Errors
    /// With what it said, when anything else was answered or it can't be run.
    pub(crate) fn rate(&self, address: SocketAddr, path: &str) -> Result<f64, Box<dyn Error>> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(self.script.as_bytes())?;
        let mut command = Command::new("wrk");
        command.arg(format!("-t{}", self.threads)).arg(format!("-c{}", self.connections));
        command.arg(format!("-d{}s", self.seconds));
        if !self.script.is_empty() {
            command.arg("-s").arg(file.path());
        }
        let output = command
            .arg(format!("http://{address}{path}"))
            .output()
            .map_err(|error| format!("wrk: {error}. Fix: sudo apt-get install wrk"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if said.contains("Non-2xx") || said.contains("Socket errors") {
            return Err(format!("{path}: {said}").into());
        }
        let rate =
            said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok());
        rate.ok_or_else(|| format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
    }
}
