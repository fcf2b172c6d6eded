//! What a shop tells of itself.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};

use crate::client::Client;

/// An address of this machine at which nobody listens yet.
///
/// # Errors
/// When there is none.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// The sum of a metric over its labels.
///
/// # Errors
/// When nobody answers there, or does not tell it.
pub(crate) fn sum_of(metric: &str, at: SocketAddr) -> Result<f64, Box<dyn Error>> {
    let told = Client::open(at)?.get("/metrics")?;
    let is_it = |line: &&str| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with([' ', '{']));
    let values: Vec<&str> = told.lines().filter(is_it).filter_map(|line| line.rsplit(' ').next()).collect();
    if values.is_empty() {
        return Err(format!("the shop does not tell {metric}").into());
    }
    Ok(values.into_iter().map(str::parse::<f64>).sum::<Result<_, _>>()?)
}
