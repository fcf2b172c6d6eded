//! Payments: attempts to pay an order, money that goes back, and what gateways said about both.
//!
//! An order may have several attempts, of which at most one *settles* it: its money pays the order. Money that came and
//! settles nothing (a second payment, one for an order that is gone, another sum) is not lost and not guessed about:
//! it is *owed* to the buyer and waits for a person. Each movement is posted twice (see [`ledger`]).

pub mod admission;
mod attempt;
pub mod checks;
mod decision;
mod event;
pub mod ledger;
mod names;
pub mod refunds;
pub mod rules;
mod store;

pub use attempt::{Attempt, AttemptStatus, OrderFacts, Refund, RefundStatus, ReviewReason};
pub use event::{EventKey, EventRecord, Evidence, PaymentEvent, Report, Subject};
pub use names::{Currency, Gateway, Name, NameError};
pub use store::{
    Applied, BeginRefund, DueAttempt, MAX_SURVEYED, ManualRecordError, OpenAttempt, OpenError, Opened,
    PaymentQuery, PaymentStore, PaymentSurvey, RefundError, Reserve, Reserved, Source, StatementQuery,
};
