//! A shop in memory behind a protocol: what the server does with a call, without HTTP and without a database.

use serde_json::Value;
use slippers_core::payments::admission::judge_payable;
use slippers_core::payments::rules::{Answer, Refusal, next_unknown};
use slippers_core::payments::{Applied, Attempt, Gateway};
use slippers_core::types::Timestamp;
use slippers_gateways::{Call, Outcome, Protocol, Reply, Webhook};

use crate::book::Book;

/// 2026-11-23T07:17:00Z, noon and a bit in Tashkent.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_795_418_220);

pub(crate) struct Shop {
    pub(crate) book: Book,
    pub(crate) now: Timestamp,
}

impl Shop {
    /// With orders 1 and 2 of 720,000 and 5,000 soum.
    pub(crate) fn new() -> Self {
        let mut book = Book::with_stock(9);
        book.place(1, 72_000_000);
        book.place(1, 500_000);
        Self { book, now: NOW }
    }

    pub(crate) fn attempt(&self) -> &Attempt {
        self.book.attempts.first().expect("an attempt")
    }

    pub(crate) fn open(&mut self, gateway: Gateway) -> Attempt {
        self.book.open(0, gateway, self.now);
        self.book.attempts.last().expect("it was opened").clone()
    }

    /// What the store answers.
    pub(crate) fn ask(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Nothing(_) => Outcome::Nothing,
            Call::Check { order, amount } => {
                Outcome::Checked(judge_payable(self.book.facts(*order).as_ref(), Some(*amount)))
            }
            Call::Reserve(asked) => Outcome::Reserved(self.book.reserve(asked, self.now)),
            Call::Find(subject) => {
                let at = self.book.find(Gateway::Payme, subject);
                Outcome::Found(at.map(|at| Box::new(self.book.attempts[at].clone())))
            }
            Call::Statement { from, to } => {
                let is_asked = |a: &&Attempt| a.their_time.is_some_and(|time| time >= *from && time <= *to);
                Outcome::Statement(self.book.attempts.iter().filter(is_asked).cloned().collect())
            }
            Call::Event(event) => {
                let at = self.book.find(event.gateway, &event.subject);
                let answer = at.and_then(|at| self.book.apply(at, event, self.now));
                let attempt = at.map(|at| self.book.attempts[at].clone());
                let answer = answer.unwrap_or_else(|| next_unknown(event));
                assert!(at.is_some() || answer != Answer::Refused(Refusal::Busy));
                Outcome::Applied(Box::new(Applied { answer, attempt, is_changed: true }))
            }
        }
    }

    /// A webhook's whole way.
    pub(crate) fn hear(&mut self, protocol: &dyn Protocol, webhook: Webhook<'_>) -> Reply {
        match protocol.read(webhook, self.now) {
            Ok(received) => {
                let outcome = self.ask(&received.call);
                protocol.reply(&received.context, &outcome)
            }
            Err(reply) => reply,
        }
    }
}

pub(crate) fn json(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200);
    serde_json::from_str(&reply.body).expect("JSON")
}
