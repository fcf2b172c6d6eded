//! Any calls and any words of gateways, lies and contradictions included, in any order.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::ledger::{Balances, expected};
use slippers_core::payments::{
    Attempt, AttemptStatus, Currency, Evidence, Gateway, Name, PaymentEvent, RefundStatus, Report,
};
use slippers_core::types::{Money, Timestamp};

use crate::book::{Book, transaction};

const START: Timestamp = Timestamp::from_seconds(1_000_000);
const STOCK: i64 = 40;

#[derive(Clone, Debug)]
enum Call {
    Place { pairs: i64, price: i64 },
    Expire(Index),
    Open(Index, Gateway),
    Reserve(Index, Gateway, &'static str),
    Event(Index, Box<PaymentEvent>, Told),
    BeginRefund(Index, Option<i64>, bool),
    ResolveRefund(Index, RefundStatus),
    Wait(i64),
}

/// What an event says of the amount.
#[derive(Clone, Copy, Debug)]
enum Told {
    Nothing,
    Asked,
    Other(i64),
}

fn gateways() -> impl Strategy<Value = Gateway> {
    select(vec![Gateway::Octo, Gateway::Payme, Gateway::Click])
}

fn reports() -> impl Strategy<Value = Report> {
    let others = vec![
        Report::Waiting { link: None },
        Report::Waiting { link: Some("https://pay.example".to_owned()) },
        Report::Held,
        Report::Perform,
        Report::Perform,
        Report::Succeeded,
        Report::Succeeded,
        Report::Failed,
        Report::Cancelled,
        Report::Cancel { code: Some(3) },
        Report::NotThere,
        Report::TimedOut,
        Report::Unclear,
    ];
    prop_oneof![
        6 => select(others),
        1 => (0_i64..3000).prop_map(|total| Report::Refunded { total: Money::from_minor(total) }),
    ]
}

fn events() -> impl Strategy<Value = Call> {
    let evidence = prop_oneof![4 => Just(Evidence::Proof), 1 => Just(Evidence::Claim)];
    let told = prop_oneof![3 => Just(Told::Nothing), 3 => Just(Told::Asked), 1 => (0_i64..3000).prop_map(Told::Other)];
    let currency = prop_oneof![8 => Just(None), 1 => Just(Some(Currency::Usd))];
    let their_id = prop_oneof![8 => Just(None), 1 => select(vec![Some("x"), Some("y")])];
    (any::<Index>(), reports(), evidence, told, currency, their_id).prop_map(
        |(at, report, evidence, told, currency, their_id)| {
            let their_id = their_id.map(|text| Name::parse(text).expect("a name"));
            let own = PaymentEvent::own(Gateway::Octo, slippers_core::types::PaymentId::new(1), report);
            Call::Event(at, Box::new(PaymentEvent { evidence, currency, their_id, ..own }), told)
        },
    )
}

fn calls() -> impl Strategy<Value = Call> {
    let index = any::<Index>;
    let amount = prop_oneof![2 => Just(None), 1 => (1_i64..1500).prop_map(Some)];
    let told = select(vec![
        RefundStatus::Pending,
        RefundStatus::Succeeded,
        RefundStatus::Succeeded,
        RefundStatus::Failed,
    ]);
    prop_oneof![
        2 => (1_i64..5, 1_i64..500).prop_map(|(pairs, price)| Call::Place { pairs, price }),
        1 => index().prop_map(Call::Expire),
        3 => (index(), gateways()).prop_map(|(at, gateway)| Call::Open(at, gateway)),
        2 => (index(), gateways(), select(vec!["a", "b", "c"])).prop_map(|(at, gateway, id)| Call::Reserve(at, gateway, id)),
        8 => events(),
        2 => (index(), amount, any::<bool>()).prop_map(|(at, amount, restock)| Call::BeginRefund(at, amount, restock)),
        2 => (index(), told).prop_map(|(at, told)| Call::ResolveRefund(at, told)),
        1 => (1_i64..50_000).prop_map(Call::Wait),
    ]
}

fn play(book: &mut Book, call: Call, now: &mut Timestamp) {
    // An index of nothing is out of range, which the book ignores.
    let pick = |index: Index, length: usize| if length == 0 { 0 } else { index.index(length) };
    let (orders, attempts, refunds) = (book.orders.len(), book.attempts.len(), book.refunds.len());
    match call {
        Call::Place { pairs, price } => book.place(pairs, price),
        Call::Expire(at) => book.expire(pick(at, orders)),
        Call::Open(at, gateway) => book.open(pick(at, orders), gateway, *now),
        Call::Reserve(at, gateway, id) => {
            if let Some(asked) = transaction(book, pick(at, orders), gateway, id, *now) {
                book.reserve(&asked, *now);
            }
        }
        Call::Event(at, event, told) => tell(book, pick(at, attempts), &event, told, *now),
        Call::BeginRefund(at, amount, restock) => {
            book.begin_refund(pick(at, attempts), amount, restock, *now);
        }
        Call::ResolveRefund(at, told) => book.resolve_refund(pick(at, refunds), told, *now),
        Call::Wait(seconds) => *now = now.plus_seconds(seconds),
    }
}

/// Tells an event twice: the second time nothing may change. Money that a gateway surely took is never missed.
fn tell(book: &mut Book, at: usize, event: &PaymentEvent, told: Told, now: Timestamp) {
    let Some(before) = book.attempts.get(at).cloned() else { return };
    let amount = match told {
        Told::Nothing => None,
        Told::Asked => Some(before.amount),
        Told::Other(minor) => Some(Money::from_minor(minor)),
    };
    let event = PaymentEvent { amount, gateway: before.gateway, ..event.clone() };
    book.apply(at, &event, now);
    let once = book.clone();
    book.apply(at, &event, now);
    assert_eq!(book.attempts, once.attempts, "a repeated event changes nothing: {event:?}");
    assert_eq!(book.refunds, once.refunds);
    assert_eq!(book.postings, once.postings);
    let is_sure = event.evidence == Evidence::Proof && event.report == Report::Succeeded;
    let after = &book.attempts[at];
    if is_sure && !after.status.has_money() {
        assert!(after.review.is_some(), "money that came is counted or seen: {after:?}");
    }
    if event.evidence == Evidence::Claim {
        assert_eq!(after, &before, "a claim moves nothing");
    }
}

fn may_follow(before: &Attempt, after: &Attempt) -> bool {
    match before.status {
        AttemptStatus::Paid => after.status.has_money() && after.received == before.received,
        AttemptStatus::Refunded => after.status == AttemptStatus::Refunded,
        _ => after.status != AttemptStatus::Created || before.status == AttemptStatus::Created,
    }
}

fn check(book: &Book, before: &Book) {
    for (old, new) in before.attempts.iter().zip(&book.attempts) {
        assert!(may_follow(old, new), "{old:?} became {new:?}");
        assert!(!old.settles || new.settles, "what paid an order keeps having paid it");
    }
    for (old, new) in before.orders.iter().zip(&book.orders) {
        let (from, to) = (old.facts.status, new.facts.status);
        let fell_back = match from {
            OrderStatus::Paid => !matches!(to, OrderStatus::Paid | OrderStatus::Refunded),
            OrderStatus::Refunded | OrderStatus::Cancelled => to != from,
            OrderStatus::Pending => false,
        };
        assert!(!fell_back, "an order went from {from:?} to {to:?}");
    }
    for placed in &book.orders {
        let of: Vec<&Attempt> = book.attempts.iter().filter(|a| a.order == placed.facts.id).collect();
        let settling: Vec<&&Attempt> = of.iter().filter(|a| a.settles).collect();
        assert!(settling.len() <= 1, "paid at most once: {settling:?}");
        let status = settling.first().map(|a| a.status);
        let agrees = match placed.facts.status {
            OrderStatus::Pending | OrderStatus::Cancelled => status.is_none(),
            OrderStatus::Paid => status == Some(AttemptStatus::Paid),
            OrderStatus::Refunded => status == Some(AttemptStatus::Refunded),
        };
        assert!(agrees, "{placed:?} {settling:?}");
        for paid in settling {
            assert_eq!(paid.received, placed.facts.total, "an order is paid by its total");
        }
    }
    for attempt in &book.attempts {
        let counts = |r: &&slippers_core::payments::Refund| {
            r.payment == attempt.id && r.status != RefundStatus::Failed
        };
        let back: i64 = book.refunds.iter().filter(counts).map(|r| r.amount.minor()).sum();
        assert!(back <= attempt.received.minor(), "refunded at most what was paid");
    }
    let held: i64 = book
        .orders
        .iter()
        .filter(|o| matches!(o.facts.status, OrderStatus::Pending | OrderStatus::Paid) || o.is_gone)
        .map(|o| o.pairs)
        .sum();
    assert_eq!(book.stock + held, STOCK, "no pair comes from nowhere or is lost");
    let posted = Balances::of(&book.postings);
    assert_eq!(posted.sum(), 0);
    assert_eq!(posted, expected(&book.attempts, &book.refunds), "every soum is accounted for");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_money_is_lost_or_invented(history in proptest::collection::vec(calls(), 1..60)) {
        let (mut book, mut now) = (Book::with_stock(STOCK), START);
        book.place(2, 300);
        book.place(1, 900);
        for call in history {
            let before = book.clone();
            play(&mut book, call, &mut now);
            check(&book, &before);
        }
    }
}
