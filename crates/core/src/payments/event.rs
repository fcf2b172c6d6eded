//! What a gateway said, in words that are the same for all of them.

use super::names::{Currency, Gateway, Name};
use crate::types::{Money, OrderId, PaymentEventId, PaymentId, Timestamp};

/// Which attempt a gateway speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The one that we named so.
    Reference(Name),
    /// The one that it names so itself.
    TheirId(Name),
    /// The one with this number.
    Number(PaymentId),
}

/// Why an event may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Somebody claims it: no signature, or one that does not cover order and amount. It moves nothing; it is a reason
    /// to ask the gateway.
    Claim,
    /// The gateway said so over a call of ours, or signed all of it.
    Proof,
}

impl Evidence {
    /// Its name in answers and in the databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Proof => "proof",
        }
    }
}

/// What happened at the gateway.
///
/// [`Report::Perform`] and [`Report::Cancel`] of a paid attempt *ask*: the gateway does it only if we agree. All others
/// are *told*: they have happened, whatever we think of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is open there; with the link for the buyer, when that is told.
    Waiting {
        /// Where the buyer pays.
        link: Option<String>,
    },
    /// The money is held there and waits for our word (a payment in two stages).
    Held,
    /// It is about to take the money if we agree (Payme's Perform, Click's Complete).
    Perform,
    /// It took the money.
    Succeeded,
    /// It did not take the payment on, or the buyer's bank refused.
    Failed,
    /// It gave the payment up.
    Cancelled,
    /// It gives the payment up; of a paid one it is about to return all of the money, if we agree (Payme's Cancel).
    Cancel {
        /// Its own number for why.
        code: Option<i64>,
    },
    /// It has no such payment.
    NotThere,
    /// It took the money, and this much of it has gone back in all.
    Refunded {
        /// Of all refunds together.
        total: Money,
    },
    /// It can't be asked, and by our clock the time is over.
    TimedOut,
    /// A receipt was registered with the tax office; kept in the event's note. It moves nothing.
    Receipt,
    /// A word that we don't know; kept in the event's note.
    Unclear,
}

impl Report {
    /// Its name in answers and in the databases.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Held => "held",
            Self::Perform => "perform",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Cancel { .. } => "cancel",
            Self::NotThere => "not_there",
            Self::Refunded { .. } => "refunded",
            Self::TimedOut => "timed_out",
            Self::Receipt => "receipt",
            Self::Unclear => "unclear",
        }
    }
}

/// By what a repeated event is recognised, so that the log holds it once: the gateway's name for the payment and what
/// is told of it. At most [`EventKey::MAX`] bytes, longer ones are cut at a character.
///
/// The log alone depends on it. That an event counts once is the rule's doing ([`rules::next`](super::rules::next)), which
/// sees where the attempt stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(String);

impl EventKey {
    /// The most bytes.
    pub const MAX: usize = 200;

    /// A key of these parts.
    pub fn new(parts: &[&str]) -> Self {
        Self(cut(&parts.join(":"), Self::MAX).to_owned())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `text`, or as much of its start as fits `max` bytes.
fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// Something that a gateway said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentEvent {
    /// Who said it, or in whose name it was said.
    pub gateway: Gateway,
    /// Of which attempt.
    pub subject: Subject,
    /// What it names the attempt, when it said so.
    pub their_id: Option<Name>,
    /// Which order it thinks the attempt pays, when it said so.
    pub order: Option<OrderId>,
    /// What.
    pub report: Report,
    /// Why it may be believed.
    pub evidence: Evidence,
    /// The amount of the whole payment, when it was told.
    pub amount: Option<Money>,
    /// The currency, when it was told.
    pub currency: Option<Currency>,
    /// By what a repetition is recognised.
    pub key: EventKey,
    /// What was said, for people: fields that are nobody's secret and no card's, cut to [`PaymentEvent::MAX_NOTE`] bytes.
    pub note: String,
}

impl PaymentEvent {
    /// The most bytes of a note.
    pub const MAX_NOTE: usize = 1000;

    /// An event of ours about an attempt, such as [`Report::TimedOut`]; its evidence is that it is ours.
    pub fn own(gateway: Gateway, payment: PaymentId, report: Report) -> Self {
        let key = EventKey::new(&["own", &payment.to_string(), report.as_str()]);
        let (subject, evidence) = (Subject::Number(payment), Evidence::Proof);
        Self {
            gateway,
            subject,
            their_id: None,
            order: None,
            report,
            evidence,
            amount: None,
            currency: None,
            key,
            note: String::new(),
        }
    }

    /// The note, no longer than [`Self::MAX_NOTE`]: what a store writes.
    pub fn short_note(&self) -> &str {
        cut(&self.note, Self::MAX_NOTE)
    }
}

/// An event as it was recorded. The log is only ever added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Its number; later ones are greater.
    pub id: PaymentEventId,
    /// The attempt; `None` = a gateway is sure of a payment that we never made.
    pub payment: Option<PaymentId>,
    /// Who said it.
    pub gateway: Gateway,
    /// What, by its name.
    pub report: String,
    /// Why it may be believed, by its name.
    pub evidence: String,
    /// The amount told.
    pub amount: Option<Money>,
    /// What came of it, by its name.
    pub answer: String,
    /// What was said, for people.
    pub note: String,
    /// When it was first heard.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_cut_at_a_character() {
        assert_eq!(EventKey::new(&["uuid", "succeeded"]).as_str(), "uuid:succeeded");
        let long = EventKey::new(&["ж".repeat(EventKey::MAX).as_str()]);
        assert_eq!(long.as_str(), "ж".repeat(EventKey::MAX / 2));
        let odd = EventKey::new(&[&format!("a{}", "ж".repeat(EventKey::MAX))]);
        assert_eq!(odd.as_str().len(), EventKey::MAX - 1);
    }
}
