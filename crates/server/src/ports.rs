//! What the server takes from the world around it, as arguments: time, randomness, and a way to reach people.

use std::fmt;

use async_trait::async_trait;
use slippers_core::types::{Phone, Timestamp};

/// Tells the time. Tests bring one that they can move.
pub trait Clock: Send + Sync {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let micros = match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp::from_micros(micros)
    }
}

/// Draws random bytes fit for secrets.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// The system has no randomness to give.
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that draws from the system's generator"
    )]
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        getrandom::fill(bytes).map_err(std::io::Error::other)
    }
}

/// A message to a person. What it says never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose it is.
    pub to: Phone,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Why a message was not sent. It names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub String);

/// Brings messages to people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends a message. Who waits for it may stop waiting.
    ///
    /// # Errors
    /// [`NotifyError`] when it was not taken on.
    async fn send(&self, message: &Message) -> Result<(), NotifyError>;
}

/// Writes messages into the log: for a demo, where nobody has a phone. Whoever reads the log can use their codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        tracing::info!("demo: a message to {}: {}", message.to.as_str(), message.text);
        Ok(())
    }
}
