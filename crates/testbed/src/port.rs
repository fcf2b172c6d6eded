//! Free loopback ports that nobody of this testbed takes twice.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use crate::error::Error;
use crate::folder;

/// Below the ports that the kernel gives to clients (32768 and up), so that no connection sits on one by chance.
const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

/// A port of 127.0.0.1 that other processes with a testbed leave alone while this value lives.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    // Locked.
    _claim: File,
}

impl Port {
    /// Claims a port on which nobody listens.
    pub(crate) fn claim() -> Result<Self, Error> {
        let claims = folder::root()?.join("ports");
        std::fs::create_dir_all(&claims).map_err(Error::at(&claims))?;
        for _ in 0..200 {
            let offset = u16::try_from(random() % u64::from(COUNT)).unwrap_or(0);
            let number = FIRST + offset;
            let path = claims.join(number.to_string());
            let claim = File::create(&path).map_err(Error::at(&path))?;
            let is_ours = claim.try_lock().is_ok();
            if is_ours && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Ok(Self { number, _claim: claim });
            }
        }
        Err(Error::Failed { what: "finding a free port".into(), output: "200 tries".into() })
    }
}

/// A number that nobody can guess, from the randomness that the standard library's maps use.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
