//! The bare hyper server beside a shop.

use std::error::Error;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::Duration;

use slippers_testbed::wait;

use crate::Outcome;
use crate::client::Client;
use crate::cpu::Cpu;
use crate::metrics::free_address;
use crate::shop::Shop;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running server that sends what the shop has sent for one path, to whoever asks. It is this program
/// once more.
#[derive(Debug)]
pub(crate) struct Bare {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Bare {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not answer, or not as the shop does.
    pub(crate) fn of(shop: &Shop, path: &str) -> Result<Self, Box<dyn Error>> {
        let program = std::env::current_exe()?;
        let address = free_address()?;
        let child = Command::new(program)
            .args(["bare", &address.to_string(), &shop.address.to_string(), path])
            .spawn()?;
        let bare = Self { address, child };
        let mut client =
            wait::until(PATIENCE, || Client::open(address).ok()).ok_or("the bare server does not answer")?;
        if client.get(path)? != Client::open(shop.address)?.get(path)? {
            return Err(format!("{path}: the bare server does not send what the shop does").into());
        }
        Ok(bare)
    }

    /// What it has used of the processors.
    ///
    /// # Errors
    /// When there is no `/proc` to read it from.
    pub(crate) fn cpu(&self) -> Outcome<Cpu> {
        Cpu::of(self.child.id())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
