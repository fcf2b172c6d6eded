use super::*;
use crate::payments::admission::created;
use crate::payments::ledger::Balances;
use crate::payments::{Currency, EventKey, Gateway, Name, Subject};
use crate::types::{OrderId, PaymentId, RefundId, UserId};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const LATER: Timestamp = NOW.plus_seconds(3600);
const PRICE: Money = Money::from_minor(72_000_000);
const HALF: Money = Money::from_minor(36_000_000);

fn order(status: OrderStatus) -> OrderFacts {
    OrderFacts { id: OrderId::new(7), user: UserId::new(2), status, total: PRICE }
}

fn attempt(status: AttemptStatus) -> Attempt {
    let name = Name::parse("ours-1").expect("a name");
    let until = Some(NOW.plus_seconds(900));
    let new = created(PaymentId::new(1), &order(OrderStatus::Pending), Gateway::Octo, name, until, NOW);
    let received = if status.has_money() { PRICE } else { Money::ZERO };
    Attempt { status, received, settles: status.has_money(), ..new }
}

fn event(report: Report) -> PaymentEvent {
    PaymentEvent {
        subject: Subject::Reference(Name::parse("ours-1").expect("a name")),
        their_id: Some(Name::parse("theirs-1").expect("a name")),
        key: EventKey::new(&["k"]),
        ..PaymentEvent::own(Gateway::Octo, PaymentId::new(1), report)
    }
}

fn meet(attempt: &Attempt, of: OrderStatus, event: &PaymentEvent, now: Timestamp) -> Decision {
    let is_settled = of != OrderStatus::Pending && of != OrderStatus::Cancelled && !attempt.settles;
    next(Facts { attempt, refunds: &[], order: &order(of), is_settled }, event, now)
}

fn after(decision: &Decision) -> &Attempt {
    &decision.step.as_ref().expect("a step").attempt
}

#[test]
fn money_that_comes_pays_the_order() {
    for status in [AttemptStatus::Created, AttemptStatus::Pending, AttemptStatus::Expired] {
        let paid = meet(&attempt(status), OrderStatus::Pending, &event(Report::Succeeded), LATER);
        assert_eq!(paid.answer, Answer::Done, "{status:?}");
        let step = paid.step.expect("a step");
        assert_eq!((step.attempt.status, step.attempt.received), (AttemptStatus::Paid, PRICE));
        assert!(step.attempt.settles && step.attempt.review.is_none());
        assert_eq!(step.attempt.their_id.as_ref().map(Name::as_str), Some("theirs-1"));
        assert_eq!(step.order, [OrderStep::Pay]);
        assert_eq!(Balances::of(&step.postings).on(super::super::ledger::Account::Sales), -72_000_000);
    }
}

#[test]
fn money_that_pays_nothing_is_owed_and_a_person_looks() {
    for (status, of, told, reason) in [
        (AttemptStatus::Pending, OrderStatus::Cancelled, PRICE, ReviewReason::LatePayment),
        (AttemptStatus::Expired, OrderStatus::Cancelled, PRICE, ReviewReason::LatePayment),
        (AttemptStatus::Pending, OrderStatus::Paid, PRICE, ReviewReason::SecondPayment),
        (AttemptStatus::Pending, OrderStatus::Refunded, PRICE, ReviewReason::SecondPayment),
        (AttemptStatus::Failed, OrderStatus::Paid, PRICE, ReviewReason::SecondPayment),
        (AttemptStatus::Cancelled, OrderStatus::Pending, PRICE, ReviewReason::Contradiction),
        (AttemptStatus::Failed, OrderStatus::Pending, PRICE, ReviewReason::Contradiction),
        (AttemptStatus::Pending, OrderStatus::Pending, Money::from_minor(100), ReviewReason::WrongAmount),
    ] {
        let told = PaymentEvent { amount: Some(told), ..event(Report::Succeeded) };
        let decision = meet(&attempt(status), of, &told, NOW);
        assert_eq!(decision.answer, Answer::Quarantined(reason), "{status:?} {of:?}");
        let step = decision.step.expect("a step");
        assert_eq!((step.attempt.status, step.attempt.review), (AttemptStatus::Paid, Some(reason)));
        assert!(!step.attempt.settles && step.order.is_empty());
        let owed = Balances::of(&step.postings).on(super::super::ledger::Account::Owed);
        assert_eq!(owed, -i128::from(told.amount.expect("told").minor()));
    }
}

#[test]
fn another_currency_or_name_is_not_counted_but_seen() {
    let dollars = PaymentEvent { currency: Some(Currency::Usd), ..event(Report::Succeeded) };
    let nothing = PaymentEvent { amount: Some(Money::ZERO), ..event(Report::Succeeded) };
    for (event, reason) in [(dollars, ReviewReason::WrongCurrency), (nothing, ReviewReason::WrongAmount)] {
        let decision = meet(&attempt(AttemptStatus::Pending), OrderStatus::Pending, &event, NOW);
        let expected = Attempt { review: Some(reason), ..attempt(AttemptStatus::Pending) };
        assert_eq!(after(&decision), &expected);
    }
    let other = PaymentEvent { order: Some(OrderId::new(8)), ..event(Report::Succeeded) };
    let decision = meet(&attempt(AttemptStatus::Pending), OrderStatus::Pending, &other, NOW);
    assert_eq!(decision, Decision::told(Answer::Refused(Refusal::NoSuchPayment)));
    let named = Attempt { their_id: Name::parse("theirs-0").ok(), ..attempt(AttemptStatus::Pending) };
    let decision = meet(&named, OrderStatus::Pending, &event(Report::Succeeded), NOW);
    assert_eq!(after(&decision), &Attempt { review: Some(ReviewReason::ForeignId), ..named });
}

#[test]
fn a_claim_moves_nothing_and_is_a_reason_to_ask() {
    use AttemptStatus::{Cancelled, Created, Paid, Pending, Refunded};
    for (status, report, answer) in [
        (Created, Report::Succeeded, Answer::Ask),
        (Pending, Report::Succeeded, Answer::Ask),
        (Pending, Report::Cancelled, Answer::Ask),
        (Pending, Report::Unclear, Answer::Ask),
        (Cancelled, Report::Succeeded, Answer::Ask),
        (Cancelled, Report::Cancelled, Answer::Stale),
        (Paid, Report::Succeeded, Answer::Already),
        (Paid, Report::Cancelled, Answer::Stale),
        (Paid, Report::Refunded { total: PRICE }, Answer::Ask),
        (Refunded, Report::Succeeded, Answer::Already),
    ] {
        let claim = PaymentEvent { evidence: Evidence::Claim, ..event(report) };
        let decision = meet(&attempt(status), OrderStatus::Pending, &claim, NOW);
        assert_eq!(decision, Decision::told(answer), "{status:?} {:?}", claim.report);
    }
}

#[test]
fn paid_never_falls_back() {
    let paid = attempt(AttemptStatus::Paid);
    for report in [
        Report::Waiting { link: None },
        Report::Held,
        Report::Perform,
        Report::Succeeded,
        Report::Failed,
        Report::Cancelled,
        Report::NotThere,
        Report::TimedOut,
        Report::Unclear,
        Report::Refunded { total: Money::ZERO },
    ] {
        let decision = meet(&paid, OrderStatus::Paid, &event(report.clone()), LATER);
        if let Some(step) = decision.step {
            assert_eq!(step.attempt.status, AttemptStatus::Paid, "{report:?}");
            assert_eq!(step.attempt.review, Some(ReviewReason::Contradiction), "{report:?}");
            assert!(step.order.is_empty() && step.postings.is_empty(), "{report:?}");
        }
    }
}

#[test]
fn a_gateway_that_asks_is_told_no_before_it_takes_money_for_nothing() {
    let ask = event(Report::Perform);
    let open = attempt(AttemptStatus::Pending);
    assert_eq!(meet(&open, OrderStatus::Pending, &ask, NOW).answer, Answer::Done);
    for (status, of, now, refusal) in [
        (AttemptStatus::Pending, OrderStatus::Paid, NOW, Refusal::NotPayable(OrderStatus::Paid)),
        (AttemptStatus::Pending, OrderStatus::Cancelled, NOW, Refusal::NotPayable(OrderStatus::Cancelled)),
        (AttemptStatus::Cancelled, OrderStatus::Pending, NOW, Refusal::Ended(AttemptStatus::Cancelled)),
        (AttemptStatus::Expired, OrderStatus::Pending, NOW, Refusal::Ended(AttemptStatus::Expired)),
        (AttemptStatus::Refunded, OrderStatus::Refunded, NOW, Refusal::Ended(AttemptStatus::Refunded)),
    ] {
        let decision = meet(&attempt(status), of, &ask, now);
        assert_eq!(decision, Decision::told(Answer::Refused(refusal)));
    }
    let late = meet(&open, OrderStatus::Pending, &ask, LATER);
    assert_eq!(late.answer, Answer::Refused(Refusal::Overdue));
    assert_eq!(after(&late).status, AttemptStatus::Expired);
    let wrong = PaymentEvent { amount: Some(Money::from_minor(1)), ..ask };
    let decision = meet(&open, OrderStatus::Pending, &wrong, NOW);
    assert_eq!(decision, Decision::told(Answer::Refused(Refusal::WrongAmount)));
}

#[test]
fn a_hold_is_captured_for_an_order_that_it_pays_and_released_otherwise() {
    let open = attempt(AttemptStatus::Pending);
    assert_eq!(meet(&open, OrderStatus::Pending, &event(Report::Held), NOW).answer, Answer::Capture);
    assert_eq!(meet(&open, OrderStatus::Paid, &event(Report::Held), NOW).answer, Answer::Release);
    assert_eq!(meet(&open, OrderStatus::Cancelled, &event(Report::Held), NOW).answer, Answer::Release);
    let wrong = PaymentEvent { amount: Some(Money::from_minor(1)), ..event(Report::Held) };
    assert_eq!(meet(&open, OrderStatus::Pending, &wrong, NOW).answer, Answer::Release);
}

#[test]
fn what_was_written_down_is_given_up_only_when_its_time_is_over() {
    let new = attempt(AttemptStatus::Created);
    let not_there = event(Report::NotThere);
    assert_eq!(meet(&new, OrderStatus::Pending, &not_there, NOW), Decision::told(Answer::NotYet));
    assert_eq!(after(&meet(&new, OrderStatus::Pending, &not_there, LATER)).status, AttemptStatus::Expired);
    let timed_out = event(Report::TimedOut);
    assert_eq!(meet(&new, OrderStatus::Pending, &timed_out, NOW), Decision::told(Answer::NotYet));
    assert_eq!(after(&meet(&new, OrderStatus::Pending, &timed_out, LATER)).status, AttemptStatus::Expired);
    let open = event(Report::Waiting { link: Some("https://pay".to_owned()) });
    let again = meet(&attempt(AttemptStatus::Expired), OrderStatus::Pending, &open, LATER);
    assert_eq!(after(&again).status, AttemptStatus::Pending, "it may bring money, so it is watched");
}

#[test]
fn a_gateway_that_returns_the_money_refunds_the_order() {
    let paid = attempt(AttemptStatus::Paid);
    for report in [Report::Cancel { code: Some(5) }, Report::Refunded { total: PRICE }] {
        let decision = meet(&paid, OrderStatus::Paid, &event(report.clone()), NOW);
        let step = decision.step.expect("a step");
        assert_eq!(step.attempt.status, AttemptStatus::Refunded);
        assert_eq!(step.order, [OrderStep::Refund { restock: true }]);
        assert_eq!(step.refunds, [RefundStep::Elsewhere { amount: PRICE }]);
    }
    let refund = Refund {
        id: RefundId::new(1),
        payment: paid.id,
        reference: Name::parse("ours-1-r1").expect("a name"),
        their_id: None,
        amount: HALF,
        status: RefundStatus::Pending,
        restock: true,
        begun_by: None,
        created_at: NOW,
        ended_at: None,
    };
    let facts = Facts {
        attempt: &paid,
        refunds: std::slice::from_ref(&refund),
        order: &order(OrderStatus::Paid),
        is_settled: false,
    };
    let decision = next(facts, &event(Report::Cancel { code: Some(5) }), NOW);
    assert_eq!(decision, Decision::told(Answer::Refused(Refusal::CantReturn)), "one is on its way");
    let told = next(facts, &event(Report::Refunded { total: HALF }), NOW).step.expect("a step");
    assert_eq!(told.refunds, [RefundStep::Decide(refund.id, RefundStatus::Succeeded)]);
    assert_eq!(told.attempt.status, AttemptStatus::Paid, "half of it is left");
    let all = next(facts, &event(Report::Refunded { total: PRICE }), NOW);
    assert_eq!(all.answer, Answer::Quarantined(ReviewReason::RefundUnclear), "ours is in it, or not");
}

#[test]
fn a_payment_that_was_missed_is_counted_before_its_refund() {
    let open = attempt(AttemptStatus::Pending);
    let step = meet(&open, OrderStatus::Pending, &event(Report::Refunded { total: PRICE }), NOW)
        .step
        .expect("a step");
    assert_eq!(step.order, [OrderStep::Pay, OrderStep::Refund { restock: true }]);
    assert_eq!(step.postings.len(), 3);
    assert_eq!(Balances::of(&step.postings), Balances::default());
}

#[test]
fn an_unknown_payment_is_for_a_person_only_when_the_gateway_is_sure_of_money() {
    let known = Answer::Quarantined(ReviewReason::UnknownPayment);
    assert_eq!(next_unknown(&event(Report::Succeeded)), known);
    let claim = PaymentEvent { evidence: Evidence::Claim, ..event(Report::Succeeded) };
    assert_eq!(next_unknown(&claim), Answer::Stale);
    assert_eq!(next_unknown(&event(Report::Perform)), Answer::Refused(Refusal::NoSuchPayment));
}
