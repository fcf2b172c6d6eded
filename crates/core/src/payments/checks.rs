//! When a gateway is asked again: about what is not decided, and about what was paid.

use super::{Attempt, AttemptStatus};
use crate::types::Timestamp;

/// Seconds before the first question.
const FIRST_SECONDS: i64 = 5;
/// The most seconds between two questions.
const LAST_SECONDS: i64 = 15 * 60;

/// Seconds to wait after so many questions: 5, 10, 20 and so on up to 15 minutes, and up to a quarter more as `jitter` (0
/// to 255, drawn at random) says, so that what was opened together is not asked about together.
pub fn delay_seconds(asked: i64, jitter: u8) -> i64 {
    let doublings = u32::try_from(asked.clamp(0, 30)).unwrap_or(30);
    let delay = FIRST_SECONDS.saturating_mul(1_i64 << doublings).min(LAST_SECONDS);
    delay + delay * i64::from(jitter) / (4 * 255)
}

/// The least seconds between two comparisons of a paid attempt.
const FIRST_COMPARISON_SECONDS: i64 = 10 * 60;
/// The most: a day.
const LAST_COMPARISON_SECONDS: i64 = 86_400;
/// For how long a paid attempt is compared: 35 days. Click reverses payments of the same month, and on the first day of the
/// next one those of the last; OCTO names no end.
const COMPARED_SECONDS: i64 = 35 * 86_400;

/// When a paid attempt is next compared with what its gateway knows of it: after 10 minutes, then each time as late again
/// as the payment is old, up to a day, and up to a quarter more as `jitter` says. `None` = never again: it is not paid (or
/// all of it went back), its gateway can't be asked, or the money came more than 35 days ago.
pub fn next_comparison(attempt: &Attempt, jitter: u8, now: Timestamp) -> Option<Timestamp> {
    let paid_at = attempt.paid_at.filter(|_| attempt.status == AttemptStatus::Paid)?;
    let age = now.seconds().saturating_sub(paid_at.seconds());
    if !attempt.gateway.tells_when_asked() || age >= COMPARED_SECONDS {
        return None;
    }
    let delay = age.clamp(FIRST_COMPARISON_SECONDS, LAST_COMPARISON_SECONDS);
    Some(now.plus_seconds(delay + delay * i64::from(jitter) / (4 * 255)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::OrderStatus;
    use crate::payments::admission::created;
    use crate::payments::{Gateway, Name, OrderFacts};
    use crate::types::{Money, OrderId, PaymentId, UserId};

    fn paid(gateway: Gateway, at: i64) -> Attempt {
        let order = OrderFacts {
            id: OrderId::new(7),
            user: UserId::new(2),
            status: OrderStatus::Paid,
            total: Money::from_minor(900),
        };
        let (name, at) = (Name::parse("ours-1").expect("a name"), Timestamp::from_seconds(at));
        let new = created(PaymentId::new(1), &order, gateway, name, None, at);
        Attempt { status: AttemptStatus::Paid, paid_at: Some(at), ..new }
    }

    #[test]
    fn a_paid_attempt_is_compared_daily_in_the_long_run_and_not_for_ever() {
        let attempt = paid(Gateway::Octo, 1_000);
        let mut delays = Vec::new();
        let mut now = Timestamp::from_seconds(1_000);
        while let Some(next) = next_comparison(&attempt, 0, now) {
            delays.push(next.seconds() - now.seconds());
            now = next;
        }
        assert_eq!(delays[..10], [600, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 86_400]);
        assert!(delays[9..].iter().all(|delay| *delay == 86_400));
        assert_eq!(delays.len(), 43, "so many questions are asked about a payment at most");
        let begin = Timestamp::from_seconds(1_000);
        assert_eq!(next_comparison(&attempt, 255, begin), Some(begin.plus_seconds(750)));
    }

    #[test]
    fn only_what_is_paid_where_somebody_can_be_asked_is_compared() {
        let now = Timestamp::from_seconds(1_000);
        for (gateway, is_asked) in
            [(Gateway::Octo, true), (Gateway::Click, true), (Gateway::Payme, false), (Gateway::Manual, false)]
        {
            assert_eq!(next_comparison(&paid(gateway, 1_000), 0, now).is_some(), is_asked, "{gateway:?}");
        }
        for status in AttemptStatus::ALL.iter().filter(|status| **status != AttemptStatus::Paid) {
            let other = Attempt { status: *status, ..paid(Gateway::Octo, 1_000) };
            assert_eq!(next_comparison(&other, 0, now), None, "{status:?}");
        }
    }

    #[test]
    fn questions_become_rarer_and_never_stop() {
        let delays: Vec<i64> = (0..10).map(|asked| delay_seconds(asked, 0)).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(delay_seconds(i64::MAX, 255), 900 + 225);
        assert_eq!(delay_seconds(-1, 255), 6);
    }
}
