//! What `bench/` counts the instructions of and can't reach by a request: parts of the hot path, each alone.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use slippers_core::catalog::SlipperPage;
use slippers_core::types::Page;

use crate::catalog::render_list;
use crate::http::client::ClientKey;
use crate::http::limit::RateLimiter;

/// The JSON of a page of products with their pictures, which is empty where it can't be made.
pub fn render_page(listed: SlipperPage) -> Vec<u8> {
    let page = Page::new(0, i64::try_from(listed.items.len()).unwrap_or(1));
    render_list(listed, page, "id_desc".to_owned(), true).unwrap_or_default()
}

/// A limit on requests.
#[derive(Debug)]
pub struct Limiter(RateLimiter);

impl Default for Limiter {
    /// 100 requests in a minute.
    fn default() -> Self {
        Self(RateLimiter::new(100, Duration::from_secs(60)))
    }
}

impl Limiter {
    /// Whether a request from this address passes at this moment, in nanoseconds.
    pub fn check(&self, address: u32, now: u64) -> bool {
        self.0.check(ClientKey::address(IpAddr::V4(Ipv4Addr::from_bits(address))), now).allowed
    }
}
