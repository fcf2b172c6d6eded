//! Money that goes back: what may be sent, in which parts, and what a gateway's word does to it.

use thiserror::Error;

use super::ledger::Posting;
use super::rules::{Answer, Decision, OrderStep, RefundStep};
use super::{Attempt, AttemptStatus, Refund, RefundStatus, ReviewReason};
use crate::types::{Money, Timestamp};

/// What bounds a gateway's refunds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundBounds {
    /// The least that one call may return; zero = no bound.
    pub least: Money,
    /// The most that one call may return; `None` = no bound. At least twice `least`, or parts may be refused.
    pub most: Option<Money>,
}

/// Why no refund is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefundRefusal {
    /// No money came.
    #[error("nothing was paid")]
    NothingReceived,
    /// All of it went back, or is on its way.
    #[error("all of it was refunded")]
    NothingLeft,
    /// More than is left.
    #[error("only {left} is left")]
    TooMuch {
        /// What is left, refunds on their way subtracted.
        left: Money,
    },
    /// Less than the gateway returns, or nothing.
    #[error("the least is {least}")]
    TooLittle {
        /// The least that a call may return.
        least: Money,
    },
}

/// The attempt of an order whose money goes back: the one that settles it, else the last one that a person has to look at.
pub fn of_which(attempts: &[Attempt]) -> Option<&Attempt> {
    let in_review = |attempt: &&Attempt| attempt.status.has_money() && attempt.review.is_some();
    let settling = attempts.iter().find(|attempt| attempt.settles);
    settling.or_else(|| attempts.iter().filter(in_review).max_by_key(|attempt| attempt.id))
}

/// What can still be sent back: what came, without what went back or is on its way.
pub fn left(attempt: &Attempt, refunds: &[Refund]) -> Money {
    let gone = sum_of(refunds, |status| status != RefundStatus::Failed);
    attempt.received.checked_sub(gone).unwrap_or(Money::ZERO)
}

fn sum_of(refunds: &[Refund], counts: impl Fn(RefundStatus) -> bool) -> Money {
    let mut counted = refunds.iter().filter(|refund| counts(refund.status)).map(|refund| refund.amount);
    // Sums of what came are in range; one that is not leaves nothing to send.
    counted.try_fold(Money::ZERO, Money::checked_add).unwrap_or(Money::from_minor(i64::MAX))
}

/// The parts of a refund of `amount` (`None` = all that is left), each for a call of its own. They are as equal as can
/// be, so that the last is not smaller than a gateway takes.
///
/// # Errors
/// [`RefundRefusal`].
pub fn plan(
    attempt: &Attempt,
    refunds: &[Refund],
    amount: Option<Money>,
    bounds: RefundBounds,
) -> Result<Vec<Money>, RefundRefusal> {
    if !attempt.status.has_money() {
        return Err(RefundRefusal::NothingReceived);
    }
    let left = left(attempt, refunds);
    if left <= Money::ZERO {
        return Err(RefundRefusal::NothingLeft);
    }
    let amount = amount.unwrap_or(left);
    if amount > left {
        return Err(RefundRefusal::TooMuch { left });
    }
    if amount <= Money::ZERO || amount < bounds.least {
        return Err(RefundRefusal::TooLittle { least: bounds.least.max(Money::from_minor(1)) });
    }
    Ok(split(amount, bounds.most))
}

/// `amount` in as few parts as `most` allows, no two of which differ by more than one minor unit.
fn split(amount: Money, most: Option<Money>) -> Vec<Money> {
    let (total, most) = (amount.minor(), most.map_or(i64::MAX, Money::minor).max(1));
    let count = total / most + i64::from(total % most != 0);
    let (even, rest) = (total / count.max(1), total % count.max(1));
    (0..count).map(|at| Money::from_minor(even + i64::from(at < rest))).collect()
}

/// The postings of a refund that is begun in these parts.
pub fn begun(attempt: &Attempt, parts: &[Money]) -> Vec<Posting> {
    parts.iter().map(|part| Posting::refund_begun(attempt, *part)).collect()
}

/// What a gateway's word about one of our refunds does; [`RefundStatus::Pending`] stands for "not known yet", which
/// changes nothing. `refunds` are all of the attempt's.
///
/// A refund that was refused and went through after all contradicts itself: its money may have been sent by another one
/// since, so a person looks.
pub fn decide(
    attempt: &Attempt,
    refunds: &[Refund],
    refund: &Refund,
    told: RefundStatus,
    now: Timestamp,
) -> Decision {
    match (refund.status, told) {
        (before, same) if before == same => Decision::told(Answer::Already),
        (_, RefundStatus::Pending) => Decision::told(Answer::Stale),
        (RefundStatus::Pending, RefundStatus::Failed) => {
            let mut decision = Decision::moved(Answer::Done, attempt.clone());
            if let Some(step) = &mut decision.step {
                step.refunds.push(RefundStep::Decide(refund.id, RefundStatus::Failed));
                step.postings.push(Posting::refund_undone(attempt, refund.amount));
            }
            decision
        }
        (RefundStatus::Pending, RefundStatus::Succeeded) => arrive(attempt, refunds, &[refund], None, now),
        (RefundStatus::Failed | RefundStatus::Succeeded, _) => {
            Decision::quarantined(attempt, ReviewReason::RefundUnclear)
        }
    }
}

/// A gateway returned money that we did not send back.
pub(super) fn elsewhere(attempt: &Attempt, refunds: &[Refund], amount: Money, now: Timestamp) -> Decision {
    arrive(attempt, refunds, &[], Some(amount), now)
}

/// A gateway tells how much went back in all. What explains it exactly happened; what could be explained in two ways
/// waits, or is for a person.
pub(super) fn seen(attempt: &Attempt, refunds: &[Refund], total: Money, now: Timestamp) -> Decision {
    let unclear = || Decision::quarantined(attempt, ReviewReason::RefundUnclear);
    let done = sum_of(refunds, |status| status == RefundStatus::Succeeded);
    let moving: Vec<&Refund> =
        refunds.iter().filter(|refund| refund.status == RefundStatus::Pending).collect();
    let with_moving = sum_of(refunds, |status| status != RefundStatus::Failed);
    if total > attempt.received {
        return unclear();
    }
    if total < done {
        // An answer from before the last refund.
        return Decision::told(Answer::Stale);
    }
    if total == done {
        return Decision::told(Answer::Already);
    }
    if total == with_moving {
        return arrive(attempt, refunds, &moving, None, now);
    }
    if total < with_moving {
        // Some of those on their way have arrived; each one's own call will tell which.
        return Decision::told(Answer::NotYet);
    }
    match total.checked_sub(done) {
        Some(more) if moving.is_empty() => elsewhere(attempt, refunds, more, now),
        _ => unclear(),
    }
}

/// Refunds went through, and maybe one made elsewhere. With the last of the money the attempt is refunded, and so is
/// the order that it settled; nobody has to look at it any more.
fn arrive(
    attempt: &Attempt,
    refunds: &[Refund],
    arrived: &[&Refund],
    made_elsewhere: Option<Money>,
    now: Timestamp,
) -> Decision {
    let mut after = attempt.clone();
    let mut postings = Vec::new();
    let mut steps = Vec::new();
    let mut gone = sum_of(refunds, |status| status == RefundStatus::Succeeded);
    let mut add = |amount| gone = gone.checked_add(amount).unwrap_or(gone);
    for refund in arrived {
        add(refund.amount);
        steps.push(RefundStep::Decide(refund.id, RefundStatus::Succeeded));
        postings.push(Posting::refund_done(attempt, refund.amount));
    }
    if let Some(amount) = made_elsewhere {
        add(amount);
        steps.push(RefundStep::Elsewhere { amount });
        postings.extend([Posting::refund_begun(attempt, amount), Posting::refund_done(attempt, amount)]);
    }
    let mut order = Vec::new();
    if gone >= attempt.received {
        after.status = AttemptStatus::Refunded;
        after.ended_at = Some(now);
        after.review = None;
        if attempt.settles {
            let counts = |refund: &&Refund| refund.status != RefundStatus::Failed;
            order.push(OrderStep::Refund {
                restock: refunds.iter().filter(counts).all(|refund| refund.restock),
            });
        }
    }
    let mut decision = Decision::moved(Answer::Done, after);
    if let Some(step) = &mut decision.step {
        (step.refunds, step.order, step.postings) = (steps, order, postings);
    }
    decision
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::orders::OrderStatus;
    use crate::payments::admission::created;
    use crate::payments::{Gateway, Name, OrderFacts};
    use crate::types::{OrderId, PaymentId, RefundId, UserId};

    #[test]
    fn parts_are_equal_and_as_few_as_can_be() {
        let money = |soum: i64| Money::from_minor(soum * 100);
        let most = Some(money(10_000_000));
        assert_eq!(split(money(10_000_000), most), [money(10_000_000)]);
        assert_eq!(split(money(5), None), [money(5)]);
        let parts = split(Money::from_minor(2_000_000_001), most);
        assert_eq!(parts.iter().map(|part| part.minor()).collect::<Vec<_>>(), [666_666_667; 3]);
    }

    #[test]
    fn what_is_on_its_way_is_not_sent_again() {
        let order = OrderFacts {
            id: OrderId::new(7),
            user: UserId::new(2),
            status: OrderStatus::Paid,
            total: Money::from_minor(900),
        };
        let name = Name::parse("ours-1").expect("a name");
        let now = Timestamp::from_seconds(1);
        let new = created(PaymentId::new(1), &order, Gateway::Octo, name.clone(), None, now);
        let paid =
            Attempt { status: AttemptStatus::Paid, received: order.total, settles: true, ..new.clone() };
        let sent = |status| Refund {
            id: RefundId::new(1),
            payment: paid.id,
            reference: name.clone(),
            their_id: None,
            amount: Money::from_minor(600),
            status,
            restock: true,
            begun_by: None,
            created_at: now,
            ended_at: None,
        };
        let bounds = RefundBounds { least: Money::from_minor(50), most: None };
        let plan = |of: &Attempt, status, minor: Option<i64>| {
            plan(of, &[sent(status)], minor.map(Money::from_minor), bounds)
        };
        let left = Money::from_minor(300);
        for gone in [RefundStatus::Pending, RefundStatus::Succeeded] {
            assert_eq!(plan(&paid, gone, None), Ok(vec![left]));
            assert_eq!(plan(&paid, gone, Some(301)), Err(RefundRefusal::TooMuch { left }));
        }
        assert_eq!(plan(&paid, RefundStatus::Failed, None), Ok(vec![order.total]));
        let least = Money::from_minor(50);
        assert_eq!(plan(&paid, RefundStatus::Failed, Some(49)), Err(RefundRefusal::TooLittle { least }));
        assert_eq!(plan(&new, RefundStatus::Failed, None), Err(RefundRefusal::NothingReceived));
        let all = Attempt { received: Money::from_minor(600), ..paid.clone() };
        assert_eq!(plan(&all, RefundStatus::Pending, None), Err(RefundRefusal::NothingLeft));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_in_their_bounds(total in 1_i64..1_000_000, most in 1_i64..300_000) {
            let parts = split(Money::from_minor(total), Some(Money::from_minor(most)));
            prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), total);
            prop_assert!(parts.iter().all(|part| part.minor() <= most));
            prop_assert!(parts.iter().all(|part| part.minor() > 0));
            if parts.len() > 1 {
                prop_assert!(parts.iter().all(|part| part.minor() * 2 >= most - 1), "no part is a crumb");
            }
        }
    }
}
