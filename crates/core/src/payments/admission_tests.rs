use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const BUYER: UserId = UserId::new(2);

fn order(status: OrderStatus) -> OrderFacts {
    OrderFacts { id: OrderId::new(7), user: BUYER, status, total: Money::from_minor(9825) }
}

fn attempt(id: i64, gateway: Gateway, their_id: Option<&str>) -> Attempt {
    let name = Name::parse(&format!("ours-{id}")).expect("a name");
    let until = Some(NOW.plus_seconds(60));
    let new = created(PaymentId::new(id), &order(OrderStatus::Pending), gateway, name, until, NOW);
    let their_id = their_id.map(|text| Name::parse(text).expect("a name"));
    Attempt { their_id, ..new }
}

fn asked(gateway: Gateway, their_id: &str) -> Transaction {
    Transaction {
        gateway,
        their_id: Name::parse(their_id).expect("a name"),
        their_number: None,
        order: OrderId::new(7),
        amount: Money::from_minor(9825),
        their_time: Some(NOW),
        expires_at: Some(NOW.plus_seconds(60)),
    }
}

#[test]
fn an_open_attempt_is_answered_again_until_its_time_is_over() {
    let attempts = [attempt(1, Gateway::Octo, None), attempt(2, Gateway::Payme, None)];
    let open = |gateway, now| {
        judge_open(BUYER, &order(OrderStatus::Pending), &attempts, gateway, None, now).expect("payable")
    };
    assert_eq!(open(Gateway::Octo, NOW), Opening::Again(PaymentId::new(1)));
    assert_eq!(open(Gateway::Click, NOW), Opening::New);
    assert_eq!(open(Gateway::Octo, NOW.plus_seconds(60)), Opening::New);
}

#[test]
fn the_order_says_what_is_paid_and_by_whom() {
    let judge = |buyer, status, claimed: Option<i64>| {
        let claimed = claimed.map(Money::from_minor);
        judge_open(buyer, &order(status), &[], Gateway::Octo, claimed, NOW)
    };
    assert_eq!(judge(UserId::new(3), OrderStatus::Refunded, Some(1)), Err(OpenRefusal::NotYours));
    assert_eq!(judge(BUYER, OrderStatus::Refunded, None), Err(OpenRefusal::Refunded));
    assert_eq!(judge(BUYER, OrderStatus::Paid, None), Err(OpenRefusal::Paid));
    assert_eq!(judge(BUYER, OrderStatus::Cancelled, None), Err(OpenRefusal::Cancelled));
    for (claimed, answer) in [
        (9800, Ok(Opening::New)),
        (9925, Ok(Opening::New)),
        (9926, Err(OpenRefusal::AmountDisagrees)),
        (100, Err(OpenRefusal::AmountDisagrees)),
        (i64::MIN, Err(OpenRefusal::AmountDisagrees)),
    ] {
        assert_eq!(judge(BUYER, OrderStatus::Pending, Some(claimed)), answer, "{claimed}");
    }
    let odd = Attempt {
        review: Some(crate::payments::ReviewReason::WrongAmount),
        ..attempt(1, Gateway::Octo, None)
    };
    let judged = judge_open(BUYER, &order(OrderStatus::Pending), &[odd], Gateway::Click, None, NOW);
    assert_eq!(judged, Err(OpenRefusal::InReview));
}

#[test]
fn a_transaction_takes_the_attempt_that_waits_for_it() {
    let waits = attempt(1, Gateway::Payme, None);
    let payable = order(OrderStatus::Pending);
    let asked = asked(Gateway::Payme, "t1");
    let Admission::Bind(bound) = admit(Some(&payable), std::slice::from_ref(&waits), None, &asked, NOW)
    else {
        panic!("not bound")
    };
    assert_eq!((bound.id, bound.status), (waits.id, AttemptStatus::Pending));
    assert_eq!(bound.their_id, Some(asked.their_id.clone()));
    assert_eq!(admit(Some(&payable), &[], None, &asked, NOW), Admission::New);
    let again = admit(Some(&payable), &[], Some(&bound), &asked, NOW.plus_seconds(59));
    assert_eq!(again, Admission::Again(waits.id));
    let Admission::Overdue(ended) = admit(None, &[], Some(&bound), &asked, NOW.plus_seconds(60)) else {
        panic!("not overdue")
    };
    assert_eq!(ended.status, AttemptStatus::Expired);
}

#[test]
fn payme_holds_an_order_alone_and_click_does_not() {
    let payable = order(OrderStatus::Pending);
    let held = |gateway| [attempt(1, gateway, Some("t1"))];
    let admit = |gateway, now| admit(Some(&payable), &held(gateway), None, &asked(gateway, "t2"), now);
    assert_eq!(admit(Gateway::Payme, NOW), Admission::Refused(Refusal::Busy));
    assert_eq!(admit(Gateway::Click, NOW), Admission::New);
}

#[test]
fn a_transaction_is_refused_in_the_order_of_its_faults() {
    let asked = Transaction { amount: Money::from_minor(1), ..asked(Gateway::Payme, "t1") };
    let admit = |order: Option<&OrderFacts>, asked: &Transaction, now| admit(order, &[], None, asked, now);
    let paid = order(OrderStatus::Paid);
    assert_eq!(admit(None, &asked, NOW), Admission::Refused(Refusal::NoSuchOrder));
    assert_eq!(admit(Some(&paid), &asked, NOW), Admission::Refused(Refusal::NotPayable(OrderStatus::Paid)));
    let payable = order(OrderStatus::Pending);
    assert_eq!(admit(Some(&payable), &asked, NOW), Admission::Refused(Refusal::WrongAmount));
    let right = Transaction { amount: payable.total, ..asked };
    let late = NOW.plus_seconds(60);
    assert_eq!(admit(Some(&payable), &right, late), Admission::Refused(Refusal::Overdue));
}

#[test]
fn an_order_waits_for_what_a_gateway_may_hold() {
    assert!(holds_order(&attempt(1, Gateway::Octo, None)));
    assert!(holds_order(&attempt(1, Gateway::Payme, Some("t1"))));
    assert!(!holds_order(&attempt(1, Gateway::Payme, None)));
    let ended = Attempt { status: AttemptStatus::Cancelled, ..attempt(1, Gateway::Octo, Some("t1")) };
    assert!(!holds_order(&ended));
}
