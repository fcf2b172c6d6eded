//! When a delivery is tried again and when it is given up, and which events a payment's step makes.

use super::{EventKind, Notice, PaymentPart};
use crate::orders::Order;
use crate::payments::ledger::{Account, Posting};
use crate::payments::rules::{OrderStep, Step};
use crate::payments::{Attempt, AttemptStatus, Currency};
use crate::types::{Money, OrderId, Timestamp};

/// How long a delivery is tried, in seconds: three days, so that a weekend is survived.
pub const GIVE_UP_SECONDS: i64 = 3 * DAY;
/// How long whoever claimed a delivery has to say what became of it, in seconds; then it is due again.
pub const CLAIM_SECONDS: i64 = 60;
/// How long a delivered one is remembered, in seconds.
pub const DELIVERED_SECONDS: i64 = DAY;
/// How long a dead letter is kept, in seconds.
pub const DEAD_SECONDS: i64 = 30 * DAY;

const DAY: i64 = 86_400;
/// Seconds before the second try.
const FIRST_SECONDS: i64 = 5;
/// The most seconds between two tries.
const LAST_SECONDS: i64 = 8 * 3600;

/// Seconds to wait after so many tries: 5, 15, 45 and so on, three times as long each, up to 8 hours; and up to a quarter
/// more as `jitter` (0 to 255, drawn at random) says, so that what failed together is not tried together.
pub fn retry_seconds(attempts: i64, jitter: u8) -> i64 {
    let steps = u32::try_from(attempts.clamp(1, 30) - 1).unwrap_or(0);
    let delay = FIRST_SECONDS.saturating_mul(3_i64.saturating_pow(steps)).min(LAST_SECONDS);
    delay + delay * i64::from(jitter) / (4 * 255)
}

/// When a delivery that has failed so often is tried again; `None` = its time is over.
pub fn next_try(attempts: i64, jitter: u8, give_up_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let next = now.plus_seconds(retry_seconds(attempts, jitter));
    // The last try is at the end of the time, not before it.
    (now < give_up_at).then(|| next.min(give_up_at))
}

/// What happened to an order.
pub fn of_order(kind: EventKind, order: OrderId, total: Money, at: Timestamp) -> Notice {
    Notice { kind, order, payment: None, amount: total, currency: Currency::Uzs, at }
}

/// That an order was placed.
pub fn placed(order: &Order) -> Notice {
    of_order(EventKind::OrderPlaced, order.id, order.total, order.created_at)
}

/// What happened to a payment.
pub fn of_payment(kind: EventKind, attempt: &Attempt, amount: Money, at: Timestamp) -> Notice {
    let review = attempt.review.filter(|_| kind == EventKind::PaymentNeedsReview);
    let payment = PaymentPart { id: attempt.id, gateway: attempt.gateway, review };
    let currency = attempt.currency;
    Notice { kind, order: attempt.order, payment: Some(payment), amount, currency, at }
}

/// The events of a step of an attempt that was like `before`, in the order in which they are told.
pub fn of_step(before: &Attempt, step: &Step, at: Timestamp) -> Vec<Notice> {
    let after = &step.attempt;
    let mut notices = Vec::new();
    let mut tell = |kind, amount| notices.push(of_payment(kind, after, amount, at));
    if step.order.contains(&OrderStep::Pay) {
        tell(EventKind::PaymentPaid, after.received);
    }
    let ended =
        matches!(after.status, AttemptStatus::Failed | AttemptStatus::Cancelled | AttemptStatus::Expired);
    if ended && before.status.is_open() {
        tell(EventKind::PaymentFailed, after.amount);
    }
    let went_back = returned(&step.postings);
    if went_back.minor() > 0 {
        tell(EventKind::PaymentRefunded, went_back);
    }
    if after.review.is_some() && before.review.is_none() {
        tell(
            EventKind::PaymentNeedsReview,
            if after.received.minor() > 0 { after.received } else { after.amount },
        );
    }
    notices
}

/// What these postings say went back.
fn returned(postings: &[Posting]) -> Money {
    let done = |posting: &&Posting| {
        matches!((posting.debit, posting.credit), (Account::Returning, Account::Gateway(_)))
    };
    let sum = postings.iter().filter(done).map(|posting| posting.amount.minor()).fold(0, i64::saturating_add);
    Money::from_minor(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[test]
    fn tries_become_rarer_up_to_three_a_day() {
        let delays: Vec<i64> = (0..12).map(|attempts| retry_seconds(attempts, 0)).collect();
        assert_eq!(delays, [5, 5, 15, 45, 135, 405, 1215, 3645, 10_935, 28_800, 28_800, 28_800]);
        assert_eq!(retry_seconds(i64::MAX, 255), 36_000);
        assert_eq!(retry_seconds(-1, 255), 6);
    }

    #[test]
    fn the_last_try_is_at_the_end_of_three_days() {
        let end = NOW.plus_seconds(GIVE_UP_SECONDS);
        let (mut now, mut tries) = (NOW, 1);
        while let Some(next) = next_try(tries, 255, end, now) {
            assert!(next > now && next <= end);
            (now, tries) = (next, tries + 1);
        }
        assert_eq!(now, end);
        assert!((14..=18).contains(&tries), "{tries}");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("order_paid"), None);
    }
}
