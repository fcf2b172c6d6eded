//! What the server takes from the world around it, as arguments: time, randomness, and ways to reach people and other servers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use slippers_core::types::{Phone, Timestamp};

use crate::outbound::Webhooks;
use crate::settings::OrderMessages;

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

/// Why a call to another's server brought no answer. It names no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request never left: the other side knows nothing of it.
    #[error("it can't be reached: {0}")]
    NotSent(String),
    /// The request may have arrived, and the other side may have done what it asks for.
    #[error("it did not answer: {0}")]
    Unknown(String),
}

/// Calls others' servers over HTTP: the one way out.
#[async_trait]
pub trait HttpClient: Send + Sync {
    /// Sends a request and reads the whole answer, whatever its status is; a redirect is an answer. `limit` bounds it all.
    ///
    /// # Errors
    /// [`CallError`] when there is no answer, or one of more than 64 KiB.
    async fn call(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
    ) -> Result<http::Response<Bytes>, CallError>;
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The person with this phone.
    Person(Phone),
    /// Those who run the shop.
    Staff,
}

/// A message. What it says never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its own number, the same however often it is sent: letters and digits.
    pub id: String,
    /// Whose it is.
    pub to: Recipient,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Why a message was not sent. It names no secret and nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// It can be tried again.
    #[error("{0}")]
    ForNow(String),
    /// It would fail each time.
    #[error("{0}")]
    ForGood(String),
}

/// Brings messages to people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Sends a message. Who waits for it may stop waiting.
    ///
    /// # Errors
    /// [`NotifyError`] when it was not taken on, or nobody knows whether it was.
    async fn send(&self, message: &Message) -> Result<(), NotifyError>;
}

/// The ways to reach people and other servers that a shop has.
#[derive(Clone)]
pub struct Notifiers {
    /// Reaches the person with a phone; without it an admin approves forgotten passwords.
    pub people: Option<Arc<dyn Notifier>>,
    /// Reaches those who run the shop.
    pub staff: Option<Arc<dyn Notifier>>,
    /// How long a message that failed is tried again.
    pub retry_for: Duration,
    /// Who of these is told of orders.
    pub orders: OrderMessages,
    /// Other servers that are told what happens.
    pub webhooks: Option<Webhooks>,
}

impl fmt::Debug for Notifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifiers").field("retry_for", &self.retry_for).finish_non_exhaustive()
    }
}

/// The last two digits of a phone number.
fn last_digits(phone: &str) -> &str {
    phone.get(phone.len().saturating_sub(2)..).unwrap_or_default()
}

/// Writes messages into the log: for a demo, where nobody has a phone. Whoever reads the log can use their codes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        // Enough to tell people of a demo apart; a log is no place for a whole number.
        let to = match &message.to {
            Recipient::Person(phone) => format!("the phone with {} at its end", last_digits(phone.as_str())),
            Recipient::Staff => "the staff".to_owned(),
        };
        tracing::info!("demo: a message to {to}: {}", message.text);
        Ok(())
    }
}
