//! What every gateway's protocol can do.

use slippers_core::StoreError;
use slippers_core::payments::admission::Transaction;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::rules::Refusal;
use slippers_core::payments::{
    Applied, Attempt, Gateway, Name, PaymentEvent, Refund, RefundStatus, Reserved, Subject,
};
use slippers_core::types::{Money, OrderId, Timestamp};
use thiserror::Error;

use crate::wire::{Reply, Request, Response, Webhook};

/// Seconds after which a link that no gateway ends by itself counts as old: an hour.
const LINK_SECONDS: i64 = 3600;

/// What the store is to be asked for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Nothing: it is not the gateway's word, or says nothing. With the reason, for the log.
    Nothing(&'static str),
    /// `PaymentStore::apply_event`. When that answers `Ask`, the status is asked for and its event applied before the reply.
    Event(Box<PaymentEvent>),
    /// `find_order_facts` and then `judge_payable`.
    Check {
        /// The order.
        order: OrderId,
        /// What is to be paid.
        amount: Money,
    },
    /// `reserve`.
    Reserve(Transaction),
    /// `find_attempt`.
    Find(Subject),
    /// `list_statement`.
    Statement {
        /// From this time of theirs on.
        from: Timestamp,
        /// Up to and with this one.
        to: Timestamp,
    },
}

/// What the store answered.
#[derive(Debug)]
pub enum Outcome {
    /// To [`Call::Nothing`].
    Nothing,
    /// To [`Call::Event`].
    Applied(Box<Applied>),
    /// To [`Call::Check`].
    Checked(Result<(), Refusal>),
    /// To [`Call::Reserve`].
    Reserved(Reserved),
    /// To [`Call::Find`].
    Found(Option<Box<Attempt>>),
    /// To [`Call::Statement`].
    Statement(Vec<Attempt>),
    /// The store could not answer: nothing is acknowledged.
    Failed(StoreError),
}

/// A webhook that was read.
#[derive(Clone, Debug)]
pub struct Received {
    /// What the store is to be asked.
    pub call: Call,
    /// What the reply needs of the request.
    pub context: Context,
}

/// What a reply needs of its request. Protocols make it and read it.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub(crate) method: &'static str,
    pub(crate) id: serde_json::Value,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// How a buyer comes to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// This call makes the payment; its answer has the link.
    Call(Request),
    /// This is the link; the gateway will ask for the transaction.
    Link(String),
}

/// Why an answer to a call of ours tells nothing of the payment. Texts name no secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// It can't be told whether the gateway did it: the same call is to be made again, or the status asked for.
    #[error("the gateway's answer can't be read: {0}")]
    Unknown(String),
    /// Too many calls: the same one is to be made again, more than a second later.
    #[error("the gateway wants fewer calls")]
    TooOften,
    /// The gateway did nothing, and says why in words for people.
    #[error("{text}")]
    Refused {
        /// Its own number for why.
        code: i64,
        /// Its words, at most 200 characters.
        text: String,
    },
}

/// What a gateway said of a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundTold {
    /// Where the refund stands; [`RefundStatus::Pending`] = not decided, or in words that we don't know.
    pub status: RefundStatus,
    /// The gateway's name for it.
    pub their_id: Option<Name>,
    /// What was said, for people.
    pub note: String,
}

/// A gateway's protocol: it verifies and translates, and does nothing else. Time is an argument.
pub trait Protocol: Send + Sync + std::fmt::Debug {
    /// Whose it is.
    fn gateway(&self) -> Gateway;

    /// Verifies and reads a webhook; [`Err`] is the reply to what is refused before the store is asked.
    ///
    /// # Errors
    /// The reply that is to be sent at once.
    fn read(&self, webhook: Webhook<'_>, now: Timestamp) -> Result<Received, Reply>;

    /// Dresses the store's answer.
    fn reply(&self, context: &Context, outcome: &Outcome) -> Reply;

    /// How the buyer comes to pay an attempt. The call's reference is the attempt's, so that a repeated call makes one
    /// payment.
    fn start(&self, attempt: &Attempt, now: Timestamp) -> Start;

    /// Reads the answer to [`Start::Call`].
    ///
    /// # Errors
    /// [`CallError`]. When it is [`CallError::Refused`] and the attempt has no link yet, `Report::Failed` is to be applied.
    fn read_started(&self, attempt: &Attempt, response: &Response) -> Result<PaymentEvent, CallError> {
        self.read_status(attempt, response)
    }

    /// Seconds for which the buyer may pay an attempt that is opened now.
    fn link_seconds(&self) -> i64 {
        LINK_SECONDS
    }

    /// The call that asks where an attempt stands; `None` = this gateway can't be asked about it, and its time decides
    /// (`Report::TimedOut`).
    fn status(&self, attempt: &Attempt, now: Timestamp) -> Option<Request>;

    /// Reads the answer to [`Self::status`].
    ///
    /// # Errors
    /// [`CallError`].
    fn read_status(&self, attempt: &Attempt, response: &Response) -> Result<PaymentEvent, CallError>;

    /// The call that takes (or lets go) money which the gateway holds; `None` = it holds none.
    fn decide_hold(&self, _attempt: &Attempt, _is_captured: bool) -> Option<Request> {
        None
    }

    /// The call that sends money back; `None` = it is sent back at the gateway, which then tells us.
    fn refund(&self, attempt: &Attempt, refund: &Refund, now: Timestamp) -> Option<Request>;

    /// Reads the answer to [`Self::refund`].
    ///
    /// # Errors
    /// [`CallError`]. A refusal of a call that was made before, with its answer lost, proves nothing: the status is to be
    /// asked for before the refund is called failed.
    fn read_refund(&self, response: &Response) -> Result<RefundTold, CallError>;

    /// What bounds refunds.
    fn refund_bounds(&self) -> RefundBounds;
}
