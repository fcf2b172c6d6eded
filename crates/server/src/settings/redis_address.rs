//! The address of a Redis.

use std::fmt;

/// Where a Redis is, and how to sign in there. It shows no password.
#[derive(Clone)]
pub struct RedisAddress {
    info: redis::ConnectionInfo,
    is_encrypted: bool,
}

impl RedisAddress {
    /// Reads `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, the same with `rediss://` for TLS, or `unix:PATH`.
    ///
    /// # Errors
    /// Why it can't be used, in words that don't repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (address, is_encrypted) = match text.strip_prefix("rediss://") {
            Some(rest) if rest.contains('#') => {
                return Err("has a # (certificates are always checked; in a password, write %23)".to_owned());
            }
            Some(rest) => (format!("redis://{rest}"), true),
            None => (text.to_owned(), false),
        };
        match redis::IntoConnectionInfo::into_connection_info(address) {
            Ok(info) => Ok(Self { info, is_encrypted }),
            Err(_) => Err("is not the address of a Redis".to_owned()),
        }
    }

    pub(crate) const fn info(&self) -> &redis::ConnectionInfo {
        &self.info
    }

    /// Whether it is spoken to by TLS.
    pub(crate) const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({})", self.info.addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_named_without_its_password() {
        let address = RedisAddress::parse("redis://:hunter2@10.0.0.7:6380/3").expect("an address");
        assert_eq!(format!("{address:?}"), "RedisAddress(10.0.0.7:6380)");
        assert!(!address.is_encrypted());
        assert!(RedisAddress::parse("redis://localhost").is_ok());
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://h/database",
            "rediss://hunter2@h/database",
            "rediss://:hunter2@h#insecure",
        ] {
            let told = RedisAddress::parse(text).expect_err(text);
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn an_address_asks_for_tls_by_its_beginning() {
        let address = RedisAddress::parse(" rediss://shop:hunter2@[::1]/3").expect("an address");
        assert!(address.is_encrypted());
        assert_eq!(format!("{address:?}"), "RedisAddress(::1:6379)");
        let settings = address.info().redis_settings();
        assert_eq!(
            (settings.username(), settings.password(), settings.db()),
            (Some("shop"), Some("hunter2"), 3)
        );
    }
}
