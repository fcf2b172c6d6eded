//! How a Redis is, for those who look after it.

use std::time::Duration;

use redis::RedisError;

use super::redis_way::RedisWay;
use crate::settings::RedisAddress;

const LIMIT: Duration = Duration::from_secs(2);

/// How a Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisVitals {
    /// Its version.
    pub version: String,
    /// The memory that it may take, in bytes; 0 = any.
    pub max_memory: u64,
    /// What it does when that is full.
    pub policy: String,
}

impl RedisVitals {
    /// Asks the Redis at this address.
    ///
    /// # Errors
    /// Why it can't be asked.
    pub async fn look(address: &RedisAddress) -> Result<Self, String> {
        let words = |error: RedisError| error.to_string();
        let way = RedisWay::new(address).map_err(|error| error.to_string())?;
        let mut connection = way.connect(LIMIT).await.map_err(words)?;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await.map_err(words)?;
        Ok(Self::read(&info))
    }

    fn read(info: &str) -> Self {
        let find = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        Self {
            version: find("redis_version"),
            max_memory: find("maxmemory").parse().unwrap_or(0),
            policy: find("maxmemory_policy"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_tells_is_read() {
        let info =
            "# Server\r\nredis_version:7.0.15\r\nmaxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n";
        let vitals = RedisVitals::read(info);
        assert_eq!((vitals.version.as_str(), vitals.max_memory), ("7.0.15", 1 << 20));
        assert_eq!(vitals.policy, "allkeys-lru");
        assert_eq!(RedisVitals::read("").max_memory, 0);
    }
}
