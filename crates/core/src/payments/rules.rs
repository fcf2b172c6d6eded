//! The state machine of attempts: what an event does to one, to its order and to the ledger.
//!
//! ```text
//! CREATED --> PENDING --> PAID --> REFUNDED          money came: only a refund moves it on
//!     \__________\--> FAILED, CANCELLED, EXPIRED     no money came; should it come after all, it is counted
//! ```
//!
//! [`next`] looks at where the attempt stands, never at how often or in which order events came, so that duplicates,
//! stale words and any order of deliveries end in the same place. It guesses nothing: money that is surely there and
//! surely pays nothing is *owed*, and what can't be told is left as it is; both wait for a person with their reason.

pub use super::decision::{Answer, Decision, OrderStep, RefundStep, Refusal, Step};
use super::ledger::Posting;
use super::refunds;
use super::{
    Attempt, AttemptStatus, Evidence, OrderFacts, PaymentEvent, Refund, RefundStatus, Report, ReviewReason,
};
use crate::orders::OrderStatus;
use crate::types::{Money, Timestamp};

/// What an event meets.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The attempt as it stands.
    pub attempt: &'a Attempt,
    /// Its refunds, in any order.
    pub refunds: &'a [Refund],
    /// Its order.
    pub order: &'a OrderFacts,
    /// Whether another attempt settles the order.
    pub is_settled: bool,
}

/// Decides what an event does.
///
/// A [`Claim`](Evidence::Claim) never moves anything. An amount or a currency that was not told is the one that was asked
/// for: gateways fix both at the first call.
pub fn next(facts: Facts<'_>, event: &PaymentEvent, now: Timestamp) -> Decision {
    let attempt = facts.attempt;
    if event.evidence == Evidence::Claim {
        return Decision::told(judge_claim(attempt.status, &event.report));
    }
    if event.order.is_some_and(|told| told != attempt.order) {
        return Decision::told(Answer::Refused(Refusal::NoSuchPayment));
    }
    if let (Some(known), Some(told)) = (&attempt.their_id, &event.their_id)
        && known != told
    {
        return Decision::quarantined(attempt, ReviewReason::ForeignId);
    }
    match &event.report {
        Report::Waiting { link } => waiting(attempt, event, link.as_deref(), now),
        Report::Held => held(facts, event, now),
        Report::Perform => perform(facts, event, now),
        Report::Succeeded => succeeded(facts, event, now),
        Report::Failed => given_up(attempt, event, AttemptStatus::Failed, now),
        Report::Cancelled => given_up(attempt, event, AttemptStatus::Cancelled, now),
        Report::Cancel { code } => cancel(facts, *code, now),
        Report::NotThere => not_there(attempt, now),
        Report::Refunded { total } => refunded(facts, event, *total, now),
        Report::TimedOut => timed_out(attempt, now),
        Report::Receipt | Report::Unclear => Decision::told(Answer::Stale),
    }
}

/// What becomes of an event about an attempt that we don't have. A gateway that is sure of money which we never asked
/// for is a case for a person; all else is noise, and anybody can make it.
pub fn next_unknown(event: &PaymentEvent) -> Answer {
    let is_money = matches!(event.report, Report::Succeeded | Report::Held | Report::Refunded { .. });
    match event.evidence {
        Evidence::Proof if is_money => Answer::Quarantined(ReviewReason::UnknownPayment),
        Evidence::Proof => Answer::Refused(Refusal::NoSuchPayment),
        Evidence::Claim => Answer::Stale,
    }
}

/// Whether a claim is worth a question to the gateway: not when the attempt is where the claim says, or beyond it.
const fn judge_claim(status: AttemptStatus, report: &Report) -> Answer {
    match (status, report) {
        (AttemptStatus::Refunded, _) | (AttemptStatus::Paid, Report::Succeeded) => Answer::Already,
        (AttemptStatus::Paid, Report::Refunded { .. }) => Answer::Ask,
        (AttemptStatus::Paid, _) => Answer::Stale,
        (
            AttemptStatus::Failed | AttemptStatus::Cancelled,
            Report::Waiting { .. } | Report::Failed | Report::Cancelled | Report::Receipt | Report::Unclear,
        ) => Answer::Stale,
        _ => Answer::Ask,
    }
}

/// The attempt with the gateway's name for it, as far as it told one.
fn known(attempt: &Attempt, event: &PaymentEvent) -> Attempt {
    let mut attempt = attempt.clone();
    if attempt.their_id.is_none() {
        attempt.their_id.clone_from(&event.their_id);
    }
    attempt
}

fn waiting(attempt: &Attempt, event: &PaymentEvent, link: Option<&str>, now: Timestamp) -> Decision {
    match attempt.status {
        // One that we gave up by the clock and that is open after all is watched again: it may still bring money.
        AttemptStatus::Created | AttemptStatus::Pending | AttemptStatus::Expired => {
            let mut open = known(attempt, event);
            open.status = AttemptStatus::Pending;
            open.ended_at = None;
            open.reserved_at = open.reserved_at.or(Some(now));
            if open.link.is_none() {
                open.link = link.map(str::to_owned);
            }
            if open == *attempt {
                Decision::told(Answer::Already)
            } else {
                Decision::moved(Answer::Done, open)
            }
        }
        AttemptStatus::Paid | AttemptStatus::Failed | AttemptStatus::Cancelled | AttemptStatus::Refunded => {
            Decision::told(Answer::Stale)
        }
    }
}

/// Nobody's money is taken for an order that it can't pay.
fn held(facts: Facts<'_>, event: &PaymentEvent, now: Timestamp) -> Decision {
    let attempt = facts.attempt;
    if attempt.status.has_money() {
        return Decision::told(Answer::Stale);
    }
    let is_wanted = attempt.status.is_open()
        && attempt.review.is_none()
        && is_payable(facts)
        && mismatch(attempt, event).is_none();
    let answer = if is_wanted { Answer::Capture } else { Answer::Release };
    let step = waiting(attempt, event, None, now).step;
    Decision { answer, step }
}

fn is_payable(facts: Facts<'_>) -> bool {
    facts.order.status == OrderStatus::Pending && !facts.is_settled
}

/// Why what was told is not what was asked for.
fn mismatch(attempt: &Attempt, event: &PaymentEvent) -> Option<ReviewReason> {
    if event.currency.is_some_and(|told| told != attempt.currency) {
        return Some(ReviewReason::WrongCurrency);
    }
    event.amount.is_some_and(|told| told != attempt.amount).then_some(ReviewReason::WrongAmount)
}

fn perform(facts: Facts<'_>, event: &PaymentEvent, now: Timestamp) -> Decision {
    let attempt = facts.attempt;
    let refused = |refusal| Decision::told(Answer::Refused(refusal));
    match attempt.status {
        AttemptStatus::Paid => return Decision::told(Answer::Already),
        AttemptStatus::Created | AttemptStatus::Pending => {}
        ended => return refused(Refusal::Ended(ended)),
    }
    if attempt.review.is_some() {
        return refused(Refusal::InReview);
    }
    if mismatch(attempt, event).is_some() {
        return refused(Refusal::WrongAmount);
    }
    if attempt.is_overdue(now) {
        return Decision { answer: Answer::Refused(Refusal::Overdue), ..expire(attempt, now) };
    }
    if !is_payable(facts) {
        return refused(Refusal::NotPayable(facts.order.status));
    }
    take(known(attempt, event), attempt.amount, None, now)
}

fn succeeded(facts: Facts<'_>, event: &PaymentEvent, now: Timestamp) -> Decision {
    let attempt = facts.attempt;
    if attempt.status.has_money() {
        return match event.amount {
            Some(told) if told != attempt.received => {
                Decision::quarantined(attempt, ReviewReason::Contradiction)
            }
            _ => Decision::told(Answer::Already),
        };
    }
    let amount = event.amount.unwrap_or(attempt.amount);
    let wrong = mismatch(attempt, event);
    // What is no soum can't be counted as soum, and nothing can't be money that came.
    if wrong == Some(ReviewReason::WrongCurrency) || amount <= Money::ZERO {
        return Decision::quarantined(attempt, wrong.unwrap_or(ReviewReason::WrongAmount));
    }
    let why_not = wrong.or_else(|| why_it_pays_nothing(facts));
    take(known(attempt, event), amount, why_not, now)
}

fn why_it_pays_nothing(facts: Facts<'_>) -> Option<ReviewReason> {
    if facts.is_settled {
        return Some(ReviewReason::SecondPayment);
    }
    match (facts.attempt.status, facts.order.status) {
        (AttemptStatus::Failed | AttemptStatus::Cancelled, _) => Some(ReviewReason::Contradiction),
        (_, OrderStatus::Pending) => None,
        (_, OrderStatus::Cancelled) => Some(ReviewReason::LatePayment),
        (_, OrderStatus::Paid | OrderStatus::Refunded) => Some(ReviewReason::SecondPayment),
    }
}

/// The money came: it pays the order, or is owed for a reason.
fn take(mut attempt: Attempt, amount: Money, why_not: Option<ReviewReason>, now: Timestamp) -> Decision {
    attempt.status = AttemptStatus::Paid;
    attempt.received = amount;
    attempt.settles = why_not.is_none();
    attempt.review = attempt.review.or(why_not);
    attempt.reserved_at = attempt.reserved_at.or(Some(now));
    attempt.paid_at = Some(now);
    attempt.ended_at = None;
    let posting = Posting::received(&attempt);
    let answer = why_not.map_or(Answer::Done, Answer::Quarantined);
    let mut decision = Decision::moved(answer, attempt);
    if let Some(step) = &mut decision.step {
        step.postings.push(posting);
        if why_not.is_none() {
            step.order.push(OrderStep::Pay);
        }
    }
    decision
}

fn end(attempt: &Attempt, status: AttemptStatus, code: Option<i64>, now: Timestamp) -> Decision {
    let ended = Attempt { status, cancel_code: code, ended_at: Some(now), ..attempt.clone() };
    Decision::moved(Answer::Done, ended)
}

fn expire(attempt: &Attempt, now: Timestamp) -> Decision {
    end(attempt, AttemptStatus::Expired, None, now)
}

/// The gateway's word that no money comes. After money came it contradicts itself: that is for a person to see.
fn given_up(attempt: &Attempt, event: &PaymentEvent, status: AttemptStatus, now: Timestamp) -> Decision {
    match attempt.status {
        AttemptStatus::Created | AttemptStatus::Pending | AttemptStatus::Expired => {
            end(&known(attempt, event), status, None, now)
        }
        AttemptStatus::Failed | AttemptStatus::Cancelled => Decision::told(Answer::Already),
        AttemptStatus::Paid | AttemptStatus::Refunded => {
            Decision::quarantined(attempt, ReviewReason::Contradiction)
        }
    }
}

fn cancel(facts: Facts<'_>, code: Option<i64>, now: Timestamp) -> Decision {
    let attempt = facts.attempt;
    match attempt.status {
        AttemptStatus::Created | AttemptStatus::Pending => end(attempt, AttemptStatus::Cancelled, code, now),
        AttemptStatus::Paid => {
            let left = refunds::left(attempt, facts.refunds);
            let moves = facts.refunds.iter().any(|refund| refund.status == RefundStatus::Pending);
            if moves || left <= Money::ZERO {
                return Decision::told(Answer::Refused(Refusal::CantReturn));
            }
            let attempt = Attempt { cancel_code: code, ..attempt.clone() };
            refunds::elsewhere(&attempt, facts.refunds, left, now)
        }
        AttemptStatus::Failed
        | AttemptStatus::Cancelled
        | AttemptStatus::Expired
        | AttemptStatus::Refunded => Decision::told(Answer::Already),
    }
}

/// A payment that was written down may be on its way to the gateway still, until its time is over.
fn not_there(attempt: &Attempt, now: Timestamp) -> Decision {
    match attempt.status {
        AttemptStatus::Created if attempt.is_overdue(now) => expire(attempt, now),
        AttemptStatus::Created => Decision::told(Answer::NotYet),
        AttemptStatus::Pending | AttemptStatus::Paid | AttemptStatus::Refunded => {
            Decision::quarantined(attempt, ReviewReason::Contradiction)
        }
        AttemptStatus::Failed | AttemptStatus::Cancelled | AttemptStatus::Expired => {
            Decision::told(Answer::Already)
        }
    }
}

fn timed_out(attempt: &Attempt, now: Timestamp) -> Decision {
    if !attempt.status.is_open() {
        Decision::told(Answer::Already)
    } else if attempt.is_overdue(now) {
        expire(attempt, now)
    } else {
        Decision::told(Answer::NotYet)
    }
}

/// What went back must have come: an attempt whose payment we missed is paid first.
fn refunded(facts: Facts<'_>, event: &PaymentEvent, total: Money, now: Timestamp) -> Decision {
    if facts.attempt.status.has_money() {
        return refunds::seen(facts.attempt, facts.refunds, total, now);
    }
    let paid = succeeded(facts, event, now);
    let Some(first) = paid.step.as_deref().filter(|step| step.attempt.status.has_money()) else {
        return paid;
    };
    let then = refunds::seen(&first.attempt, facts.refunds, total, now);
    let Some(second) = then.step else { return paid };
    let joined = Step {
        order: [first.order.clone(), second.order].concat(),
        postings: [first.postings.clone(), second.postings].concat(),
        ..*second
    };
    Decision { answer: paid.answer, step: Some(Box::new(joined)) }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
