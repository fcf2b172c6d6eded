//! A gateway that tells the truth, over a line that loses, repeats, delays and reorders: in the end the shop knows it.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{AttemptStatus, Evidence, Gateway, PaymentEvent, Report};
use slippers_core::types::{Money, PaymentId, Timestamp};

use crate::book::{Book, transaction};

const START: Timestamp = Timestamp::from_seconds(1_000_000);

fn saying(report: Report, evidence: Evidence) -> PaymentEvent {
    PaymentEvent { evidence, ..PaymentEvent::own(Gateway::Octo, PaymentId::new(1), report) }
}

fn ends() -> impl Strategy<Value = Report> {
    select(vec![Report::Succeeded, Report::Cancelled, Report::NotThere])
}

proptest! {
    /// Answers to status calls from any earlier moment, and claims of anything, come in any order before the last status
    /// call is answered.
    #[test]
    fn asking_once_more_always_finds_the_true_end(
        end in ends(),
        early in proptest::collection::vec((any::<Index>(), any::<bool>(), 0_i64..2000), 0..30),
        expires in any::<bool>(),
    ) {
        let was = match &end {
            Report::NotThere => vec![Report::NotThere],
            end => vec![Report::NotThere, Report::Waiting { link: None }, Report::Waiting { link: None }, end.clone()],
        };
        let mut book = Book::with_stock(9);
        book.place(1, 500);
        book.open(0, Gateway::Octo, START);
        let mut now = START;
        for (at, is_claim, seconds) in early {
            now = now.plus_seconds(seconds);
            let evidence = if is_claim { Evidence::Claim } else { Evidence::Proof };
            let word = if is_claim { Report::Succeeded } else { was[at.index(was.len())].clone() };
            // A payment that was once seen there is never "not there": the gateway tells the truth.
            let was_seen = book.attempts[0].status != AttemptStatus::Created;
            if word == Report::NotThere && was_seen {
                continue;
            }
            book.apply(0, &saying(word, evidence), now);
            if expires {
                book.expire(0);
            }
        }
        now = now.plus_seconds(3600);
        book.apply(0, &saying(end.clone(), Evidence::Proof), now);
        book.expire(0);
        let (attempt, order) = (&book.attempts[0], &book.orders[0]);
        match end {
            Report::Succeeded => {
                prop_assert_eq!(attempt.status, AttemptStatus::Paid);
                prop_assert_eq!(attempt.received, Money::from_minor(500));
                prop_assert_eq!(attempt.settles, order.facts.status == OrderStatus::Paid);
                prop_assert_eq!(attempt.settles, attempt.review.is_none());
            }
            Report::Cancelled => prop_assert_eq!(attempt.status, AttemptStatus::Cancelled),
            _ => prop_assert_eq!(attempt.status, AttemptStatus::Expired),
        }
        let is_paid = attempt.settles;
        prop_assert_eq!(book.stock, if is_paid { 8 } else { 9 }, "what is not paid is back on the shelf");
    }

    /// Two buyers' pages, two gateways that ask first: however their questions mix, one is told yes.
    #[test]
    fn of_gateways_that_ask_one_may_take_the_money(asks in proptest::collection::vec((0_usize..3, any::<bool>()), 1..20)) {
        let mut book = Book::with_stock(9);
        book.place(1, 500);
        for (gateway, id) in [(Gateway::Click, "a"), (Gateway::Click, "b"), (Gateway::Payme, "a")] {
            let asked = transaction(&book, 0, gateway, id, START).expect("an order");
            book.reserve(&asked, START);
        }
        prop_assert_eq!(book.attempts.len(), 3);
        let mut taken = Vec::new();
        for (at, performs) in asks {
            let report = if performs { Report::Perform } else { Report::Cancel { code: Some(3) } };
            let is_paid = book.attempts[at].status == AttemptStatus::Paid;
            if !performs && is_paid {
                continue;
            }
            let answer = book.apply(at, &saying(report, Evidence::Proof), START);
            if performs && matches!(answer, Some(Answer::Done | Answer::Already)) {
                taken.push(at);
            }
        }
        taken.dedup();
        prop_assert!(taken.len() <= 1, "{:?}", taken);
    }
}
