//! The address of a Redis.

use std::fmt;

/// Where a Redis is, and how to sign in there. It shows no password.
#[derive(Clone)]
pub struct RedisAddress(redis::ConnectionInfo);

impl RedisAddress {
    /// Reads `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]` or `unix:PATH`.
    ///
    /// # Errors
    /// Why it can't be used, in words that don't repeat it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match redis::IntoConnectionInfo::into_connection_info(text.trim()) {
            Ok(info) => Ok(Self(info)),
            Err(_) if text.trim().starts_with("rediss:") => {
                Err("asks for TLS, which is not spoken yet".to_owned())
            }
            Err(_) => Err("is not the address of a Redis".to_owned()),
        }
    }

    pub(crate) const fn info(&self) -> &redis::ConnectionInfo {
        &self.0
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({})", self.0.addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_named_without_its_password() {
        let address = RedisAddress::parse("redis://:hunter2@10.0.0.7:6380/3").expect("an address");
        assert_eq!(format!("{address:?}"), "RedisAddress(10.0.0.7:6380)");
        assert!(RedisAddress::parse("redis://localhost").is_ok());
        for text in ["", "localhost:6379", "http://localhost", "rediss://hunter2@h", "redis://h/database"] {
            let told = RedisAddress::parse(text).expect_err(text);
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
