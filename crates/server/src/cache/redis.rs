//! Redis, which makes several instances quicker and their limits common, and which the shop can do without at any moment.
//!
//! Whoever asks waits [`LIMIT`] at most. A Redis that fails, or is slow several times running, is noticed once (one line
//! in the log), and nobody asks it any more until a task in the background has had an answer in time.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, RedisError, Script, ScriptInvocation};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::redis_way::RedisWay;
use crate::settings::RedisAddress;

/// The longest that anybody waits for an answer. A request asks at most twice, for its limit and for its page or
/// sign-in: so none waits for more than 5 ms.
const LIMIT: Duration = Duration::from_micros(2500);
/// So many answers in a row must be late before it is passed by: one can be a pause of our own.
const LATE: u32 = 3;
/// From one sign of life to the next.
const PULSE: Duration = Duration::from_secs(1);
/// From one attempt to reach it again to the next.
const RETRY: Duration = Duration::from_millis(250);
/// The longest that one attempt takes, which nobody waits for.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// An instance that has given no sign of life for so many seconds is none any more.
const PEER_SECONDS: u64 = 5;

/// Says that this instance lives and answers how many do: by the clock of Redis, since ours may differ.
const LIVE: &str = "
    local now = tonumber(redis.call('TIME')[1])
    redis.call('ZADD', KEYS[1], now, ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
    redis.call('EXPIRE', KEYS[1], 60)
    return redis.call('ZCARD', KEYS[1])";

/// A Redis that may be there.
pub(crate) struct Redis {
    way: RedisWay,
    /// `None` = it is passed by.
    connection: RwLock<Option<MultiplexedConnection>>,
    late: AtomicU32,
    /// Whether its absence was told, and not yet its return.
    is_told: AtomicBool,
    lost: Notify,
    peers: AtomicU32,
    instance: String,
    live: Script,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("at", &self.way.place()).finish_non_exhaustive()
    }
}

/// Why there is no answer.
enum Silence {
    Late,
    Failed(RedisError),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => write!(f, "no answer within {LIMIT:?}"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl Redis {
    /// One that is reached by [`Self::run`]. `instance` is this instance's name among all that share it.
    ///
    /// # Errors
    /// As [`RedisWay::new`].
    pub(crate) fn new(address: &RedisAddress, instance: String) -> io::Result<Self> {
        Ok(Self {
            way: RedisWay::new(address)?,
            connection: RwLock::default(),
            late: AtomicU32::new(0),
            is_told: AtomicBool::new(false),
            lost: Notify::new(),
            peers: AtomicU32::new(1),
            instance,
            live: Script::new(LIVE),
        })
    }

    /// Whether it is asked at present.
    pub(crate) fn is_up(&self) -> bool {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Instances that share it, as far as was heard last; at least 1.
    pub(crate) fn peers(&self) -> u32 {
        self.peers.load(Ordering::Relaxed).max(1)
    }

    /// The answer to a command; `None` when there is none in time.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut connection = self.connected()?;
        self.heard(tokio::time::timeout(LIMIT, command.query_async(&mut connection)).await)
    }

    /// The same of a script.
    pub(crate) async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        let mut connection = self.connected()?;
        self.heard(tokio::time::timeout(LIMIT, script.invoke_async(&mut connection)).await)
    }

    fn connected(&self) -> Option<MultiplexedConnection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn heard<T>(&self, answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>) -> Option<T> {
        match answer {
            Ok(Ok(answer)) => {
                self.late.store(0, Ordering::Relaxed);
                return Some(answer);
            }
            Ok(Err(error)) => self.pass_by(&Silence::Failed(error)),
            Err(_elapsed) if self.late.fetch_add(1, Ordering::Relaxed) + 1 >= LATE => {
                self.pass_by(&Silence::Late);
            }
            Err(_elapsed) => {}
        }
        None
    }

    fn pass_by(&self, why: &Silence) {
        let connection = self.connection.write().unwrap_or_else(PoisonError::into_inner).take();
        if connection.is_some() {
            self.lost.notify_one();
        }
        self.tell(why);
    }

    /// Once for each absence, however many have noticed it.
    fn tell(&self, why: &Silence) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let place = self.way.place();
            tracing::warn!(
                "REDIS_URL: Redis at {place} does not serve ({why}); the shop goes on without it, with limits of its own"
            );
        }
    }

    /// Keeps it within reach until `stop`.
    pub(crate) async fn run(&self, stop: &CancellationToken) {
        loop {
            let is_reached = match self.connected() {
                Some(connection) => self.live(connection).await,
                None => self.reach().await,
            };
            if let Err(why) = &is_reached {
                self.pass_by(why);
            }
            let pause = if is_reached.is_ok() { PULSE } else { RETRY };
            tokio::select! {
                () = stop.cancelled() => return self.leave().await,
                () = tokio::time::sleep(pause) => {}
                () = self.lost.notified() => tokio::time::sleep(RETRY).await,
            }
        }
    }

    async fn reach(&self) -> Result<(), Silence> {
        // What nobody waits for any more must not be remembered for long.
        let connection = self.way.connect(CONNECT_LIMIT).await.map_err(Silence::Failed)?;
        self.live(connection.clone()).await?;
        self.late.store(0, Ordering::Relaxed);
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        self.is_told.store(false, Ordering::Relaxed);
        let place = self.way.place();
        tracing::info!(peers = self.peers(), "Redis at {place} serves: pages and limits are shared");
        Ok(())
    }

    /// A sign of life of both sides. It writes, so that a Redis which takes nothing is noticed too.
    async fn live(&self, mut connection: MultiplexedConnection) -> Result<(), Silence> {
        let mut call = self.live.key("slippers:instances");
        call.arg(&self.instance).arg(PEER_SECONDS);
        let mut late = 0;
        loop {
            match tokio::time::timeout(LIMIT, call.invoke_async::<u32>(&mut connection)).await {
                Ok(Ok(peers)) => {
                    self.peers.store(peers, Ordering::Relaxed);
                    return Ok(());
                }
                Ok(Err(error)) => return Err(Silence::Failed(error)),
                Err(_elapsed) if late + 1 >= LATE => return Err(Silence::Late),
                Err(_elapsed) => late += 1,
            }
        }
    }

    /// The others need not wait to notice.
    async fn leave(&self) {
        let mut gone = Cmd::new();
        gone.arg("ZREM").arg("slippers:instances").arg(&self.instance);
        let _: Option<i64> = self.ask(&gone).await;
    }
}
