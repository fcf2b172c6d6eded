//! What the server must be told, parsed and checked. Where a value comes from is the binary's business.

mod messages;
mod redis_address;
mod tls;
mod traces;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

pub use self::messages::{Language, OrderMessages};
pub use self::redis_address::RedisAddress;
pub(crate) use self::tls::HTTP2;
pub use self::tls::{Tls, TlsError};
pub use self::traces::{EXPORTS_TRACES, TraceExport};
pub use slippers_gateways::Secret;
pub use slippers_gateways::click::ClickSettings;
pub use slippers_gateways::octo::OctoSettings;
pub use slippers_gateways::payme::PaymeSettings;

/// Everything that the server must be told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How connections are held.
    pub connections: ConnectionSettings,
    /// Which other sites' pages may call the API.
    pub cors: CorsSettings,
    /// The global limit on requests.
    pub rate: RateSettings,
    /// The limit on sign-ins.
    pub logins: LoginSettings,
    /// Tokens and sessions.
    pub sessions: SessionSettings,
    /// Orders.
    pub orders: OrderSettings,
    /// Payments.
    pub payments: PaymentSettings,
    /// Pages of the catalogue that are kept.
    pub cache: CacheSettings,
    /// Where files under `/static` lie; pictures in its folder `images`.
    pub static_dir: PathBuf,
    /// Requests that take at least this long are logged.
    pub slow_request: Duration,
    /// Which others are.
    pub access_log: AccessLog,
    /// Peers whose forwarding headers count.
    pub trusted_proxies: Vec<Network>,
    /// Where pages and limits are shared with other instances; `None` = nowhere.
    pub redis: Option<RedisAddress>,
    /// Where spans of requests are sent, in a build that [can](EXPORTS_TRACES); `None` = nowhere.
    pub traces: Option<TraceExport>,
}

/// Which requests get a line in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// None but the slow ones and those that failed.
    #[default]
    Off,
    /// One in a hundred, and each that was refused, failed or slow.
    Sampled,
    /// Each.
    All,
}

/// How connections are held.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// How long the head of a request may take, and how long a kept connection may be silent; half as much again where it
    /// was busy before.
    pub header_timeout: Duration,
    /// How long a body may take from one piece to the next.
    pub body_timeout: Duration,
    /// How long a client may refuse to take a piece of an answer.
    pub write_timeout: Duration,
    /// How long a request may take in all, body included.
    pub request_timeout: Duration,
    /// How many connections may be open at once; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// How many requests a connection may carry before it is closed; 0 = no limit.
    pub max_requests_per_connection: u64,
    /// How many requests are answered until [`Server::request_limit`](crate::Server::request_limit) tells; 0 = it never does.
    pub max_requests: u64,
    /// How long what runs may take to finish when the server stops.
    pub drain_timeout: Duration,
    /// TLS on the public listener; `None` = plain.
    pub tls: Option<Tls>,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            max_connections: 10_000,
            max_requests_per_connection: 0,
            max_requests: 0,
            drain_timeout: Duration::from_secs(25),
            tls: None,
        }
    }
}

/// Which other sites' pages may call the API.
#[derive(Clone, Debug, Default)]
pub struct CorsSettings {
    /// Origins to the letter, without a slash at the end.
    pub origins: Vec<String>,
    /// A pattern that an origin must match as a whole.
    pub origin_pattern: Option<Regex>,
}

/// The global limit on requests.
#[derive(Clone, Debug)]
pub struct RateSettings {
    /// Requests that a client may make at once, and in each window; at least 1.
    pub requests: u32,
    /// The time in which that many are refilled; at least a second.
    pub window: Duration,
    /// Paths that are never counted, to the letter; `/static` and all below it never is.
    pub excluded_paths: Vec<String>,
    /// Callers that ask for many people, such as a front-end's own server.
    pub trusted_callers: Vec<Network>,
    /// Requests that one of them may make in that way for people who are not signed in; 0 = twenty times the others'.
    pub trusted_requests: u32,
}

/// The limit on sign-ins.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    /// Attempts for one name from one address that pass at once, and in each window; at least 1. One name from anywhere
    /// has 20 times that, one address for any name 200 times.
    pub attempts: u32,
    /// The time in which that many are refilled; at least a second.
    pub window: Duration,
    /// Callers that sign many people in, such as a front-end's own server: their address alone is never over its limit.
    pub trusted_callers: Vec<Network>,
}

/// Tokens and sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// The key that signs tokens.
    pub secret: SecretKey,
    /// Minutes that an access token is good for; at least 1.
    pub access_minutes: i64,
    /// Days that a refresh token is good for; at least 1.
    pub refresh_days: i64,
    /// Seconds after its start past which nothing renews a session; `None` = no cap.
    pub cap_seconds: Option<i64>,
    /// Seconds in which a refresh token may be exchanged again after its first use; 0 = never.
    pub refresh_leeway_seconds: i64,
}

/// Orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderSettings {
    /// The most pairs that one line of a cart counts for.
    pub max_quantity_per_line: i64,
    /// Minutes after which a pending order expires; 0 = never.
    pub pending_ttl_minutes: i64,
    /// The most pending orders of one user; 0 = no limit.
    pub max_open: i64,
}

/// Pages of the catalogue that are kept, here and by caches in front.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// The memory that kept pages may take, in bytes; 0 = none is kept.
    pub max_bytes: u64,
    /// How long a page is kept at most, a tenth more or less. It is a backstop: a change ends it at once.
    pub ttl: Duration,
    /// Seconds for which caches in front may keep a page without asking; 0 = they always ask.
    pub shared_seconds: u64,
    /// Seconds beyond those in which they may send an old page while they ask; 0 = never.
    pub stale_while_revalidate_seconds: u64,
    /// Seconds beyond those in which they may send an old page when the shop does not answer; 0 = never.
    pub stale_if_error_seconds: u64,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            ttl: Duration::from_secs(60),
            shared_seconds: 0,
            stale_while_revalidate_seconds: 0,
            stale_if_error_seconds: 0,
        }
    }
}

/// Payments.
#[derive(Clone, Debug)]
pub struct PaymentSettings {
    /// OCTO. Without an address for its callbacks payments can't be made, but looked at and refunded.
    pub octo: Configured<OctoSettings>,
    /// Payme.
    pub payme: Configured<PaymeSettings>,
    /// Where Payme's calls come from; none = anywhere.
    pub payme_sources: Vec<Network>,
    /// Click.
    pub click: Configured<ClickSettings>,
}

/// The settings of a part that a shop can do without.
#[derive(Clone, Debug)]
pub enum Configured<T> {
    /// All that it needs.
    Ready(T),
    /// The names of those that are missing, in their order.
    Missing(Vec<&'static str>),
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self {
            octo: Configured::Missing(vec!["OCTO_SHOP_ID", "OCTO_SECRET", OCTO_NOTIFY_URL]),
            payme: Configured::Missing(vec!["PAYME_MERCHANT_ID", "PAYME_KEY"]),
            payme_sources: Vec::new(),
            click: Configured::Missing(vec![
                "CLICK_SERVICE_ID",
                "CLICK_MERCHANT_ID",
                "CLICK_MERCHANT_USER_ID",
                "CLICK_SECRET_KEY",
            ]),
        }
    }
}

/// What only a new payment at OCTO needs.
pub const OCTO_NOTIFY_URL: &str = "OCTO_NOTIFY_URL";

/// The key that signs tokens: at least 32 bytes. It never shows in a log.
#[derive(Clone)]
pub struct SecretKey(Vec<u8>);

/// Why a text can't be the signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// It could be guessed.
    #[error("is shorter than 32 bytes")]
    TooShort,
    /// It is published in examples.
    #[error("is a known default")]
    KnownDefault,
}

impl SecretKey {
    /// The fewest bytes of a key: the output size of HMAC-SHA-256 (RFC 7518 section 3.2).
    pub const MIN_BYTES: usize = 32;

    /// Takes a key.
    ///
    /// # Errors
    /// [`SecretKeyError`] when it is a default that stands in documents, or short.
    pub fn new(text: &str) -> Result<Self, SecretKeyError> {
        let plain = text.trim().to_lowercase();
        if ["supersecretkey", "changeme", "change-me", "your-secret-key"].iter().any(|known| {
            plain == *known || (plain.len() > known.len() && plain.replace(known, "").is_empty())
        }) {
            return Err(SecretKeyError::KnownDefault);
        }
        if text.len() < Self::MIN_BYTES {
            return Err(SecretKeyError::TooShort);
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: u128,
    prefix: u32,
}

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an address or a network like 10.0.0.0/8")]
pub struct NetworkError;

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address.
    ///
    /// # Errors
    /// [`NetworkError`] when it is none.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, length) = match text.trim().split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| NetworkError)?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(width);
        if length > width {
            return Err(NetworkError);
        }
        let prefix = 128 - width + length;
        Ok(Self { base: widen(address) & mask(prefix), prefix })
    }

    /// Whether the address lies in the network; an IPv4 address counts the same when it comes mapped into IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        widen(address) & mask(self.prefix) == self.base
    }
}

fn widen(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

const fn mask(prefix: u32) -> u128 {
    match u128::MAX.checked_shl(128 - prefix) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let ten = Network::parse("10.0.0.0/8").expect("a network");
        assert!(ten.contains("10.9.8.7".parse().expect("an address")));
        assert!(ten.contains("::ffff:10.9.8.7".parse().expect("an address")));
        assert!(!ten.contains("11.0.0.1".parse().expect("an address")));
        let all = Network::parse("::/0").expect("a network");
        assert!(all.contains("2001:db8::1".parse().expect("an address")));
        for text in ["", "10.0.0.0/33", "host", "10.0.0.0/x", "::/129"] {
            assert_eq!(Network::parse(text), Err(NetworkError), "{text}");
        }
    }

    #[test]
    fn weak_keys_are_refused_and_keys_never_show() {
        assert_eq!(SecretKey::new("supersecretkey").err(), Some(SecretKeyError::KnownDefault));
        assert_eq!(
            SecretKey::new("supersecretkeysupersecretkeysupersecretkey").err(),
            Some(SecretKeyError::KnownDefault)
        );
        assert_eq!(SecretKey::new("short").err(), Some(SecretKeyError::TooShort));
        let key = SecretKey::new("0123456789abcdef0123456789abcdef").expect("a key");
        assert_eq!(format!("{key:?}"), "SecretKey([redacted])");
    }
}
