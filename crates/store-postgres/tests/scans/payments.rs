//! Every verb of payments but the balances, which are a sum over the whole ledger. `fill.sql` makes each hundredth order a
//! pending one, those from 15,000 on with an attempt at OCTO; the other even ones are paid in cash.

use slippers_core::orders::rules::WantedLine;
use slippers_core::payments::admission::Transaction;
use slippers_core::payments::refunds::RefundBounds;
use slippers_core::payments::{
    BeginRefund, EventKey, Evidence, Gateway, Name, OpenAttempt, PaymentEvent, PaymentQuery,
    PaymentStore as _, RefundStatus, Report, Reserve, Source, StatementQuery, Subject,
};
use slippers_core::types::{Money, OrderId, PaymentId, SlipperId, Timestamp, UserId};

use super::Stocked;

const NOW: Timestamp = Timestamp::from_seconds(10);
const ADMIN: UserId = UserId::new(1);

pub(super) async fn all(shop: &mut Stocked) {
    attempts(shop).await;
    events(shop).await;
    refunds(shop).await;
    lists(shop).await;
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn opening(buyer: i64, source: Source, reference: &str) -> OpenAttempt {
    OpenAttempt {
        buyer: UserId::new(buyer),
        source,
        gateway: Gateway::Payme,
        reference: name(reference),
        claimed: None,
        expires_at: None,
        max_open: 100,
        max_quantity: 500,
    }
}

async fn attempts(shop: &mut Stocked) {
    shop.look("an attempt", async |store, n| {
        let order = 9_000 + 100 * n;
        let source = Source::Order(OrderId::new(order));
        store.open_attempt(opening(1 + order % 5000, source, &format!("order-{n}")), NOW).await
    })
    .await;
    shop.look("an attempt for a cart", async |store, n| {
        store.open_attempt(opening(4_000 + n, Source::Cart, &format!("cart-{n}")), NOW).await
    })
    .await;
    shop.look("an attempt for items", async |store, n| {
        let line = WantedLine { slipper: SlipperId::new(n * 50), quantity: 1, notes: None };
        let source = Source::Items(vec![line]);
        store.open_attempt(opening(4_100 + n, source, &format!("items-{n}")), NOW).await
    })
    .await;
    shop.look("a transaction", async |store, n| {
        let transaction = Transaction {
            gateway: Gateway::Payme,
            their_id: name(&format!("t-{n}")),
            their_number: None,
            order: OrderId::new(11_000 + 100 * n),
            amount: Money::from_minor(100),
            their_time: None,
            expires_at: None,
        };
        store.reserve(Reserve { transaction, reference: name(&format!("reserved-{n}")) }, NOW).await
    })
    .await;
    shop.look("cash", async |store, n| store.record_manual(OrderId::new(12_000 + 100 * n), ADMIN, NOW).await)
        .await;
}

fn word(subject: Subject, report: Report, key: &str) -> PaymentEvent {
    let key = EventKey::new(&[key]);
    PaymentEvent { subject, key, ..PaymentEvent::own(Gateway::Octo, PaymentId::new(0), report) }
}

fn octo(n: i64) -> Subject {
    Subject::Reference(name(&format!("octo-{}", 15_000 + 100 * n)))
}

async fn events(shop: &mut Stocked) {
    shop.look("money, twice", async |store, n| {
        let paid = word(octo(n), Report::Succeeded, &format!("paid-{n}"));
        store.apply_event(paid.clone(), NOW).await?;
        store.apply_event(paid, NOW).await
    })
    .await;
    shop.look("a claim", async |store, n| {
        let subject = Subject::TheirId(name(&format!("theirs-{}", 16_000 + 100 * n)));
        let claim = word(subject, Report::Succeeded, &format!("claim-{n}"));
        store.apply_event(PaymentEvent { evidence: Evidence::Claim, ..claim }, NOW).await
    })
    .await;
    shop.look("money of nobody's", async |store, n| {
        let subject = Subject::Reference(name("nobody's"));
        store.apply_event(word(subject, Report::Succeeded, &format!("nobody's-{n}")), NOW).await
    })
    .await;
    shop.look("a review and its end", async |store, n| {
        let cheap = word(octo(n + 20), Report::Succeeded, &format!("cheap-{n}"));
        let cheap = PaymentEvent { amount: Some(Money::from_minor(1)), ..cheap };
        let attempt = store.apply_event(cheap, NOW).await?.attempt.expect("the attempt");
        store.close_review(attempt.id, ADMIN, String::new(), NOW).await
    })
    .await;
    shop.look("what is due", async |store, n| store.claim_due(5, 0, NOW.plus_seconds(n)).await).await;
    shop.look("what waits", async |store, n| store.survey_payments(NOW.plus_seconds(n)).await).await;
    shop.look("what is to be compared", async |store, n| {
        store.claim_comparisons(5, 0, NOW.plus_seconds(n)).await
    })
    .await;
}

async fn refunds(shop: &mut Stocked) {
    let begin = |order| BeginRefund {
        order: OrderId::new(order),
        amount: None,
        restock: true,
        by: ADMIN,
        bounds: RefundBounds { least: Money::ZERO, most: None },
    };
    shop.look("a refund in cash", async |store, n| store.begin_refund(begin(14_002 + 2 * n), NOW).await)
        .await;
    shop.look("a refund", async |store, n| {
        let begun = store.begin_refund(begin(15_000 + 100 * n), NOW).await.expect("it is begun");
        let id = begun.first().expect("a refund").id;
        store.resolve_refund(id, RefundStatus::Succeeded, Some(name("r")), String::new(), NOW).await
    })
    .await;
}

async fn lists(shop: &mut Stocked) {
    let number = PaymentId::new;
    shop.look("facts", async |store, n| store.find_order_facts(OrderId::new(n)).await).await;
    for subject in [octo(5), Subject::TheirId(name("theirs-15500")), Subject::Number(number(7))] {
        shop.look("one attempt", async |store, _| store.find_attempt(Gateway::Octo, subject.clone()).await)
            .await;
    }
    shop.look("a statement", async |store, n| {
        let (from, to) = (Timestamp::from_micros(15_000), Timestamp::from_micros(15_000 + 100 * n));
        store.list_statement(StatementQuery { gateway: Gateway::Octo, from, to }).await
    })
    .await;
    for (order, in_review) in [(None, false), (None, true), (Some(500), false), (Some(500), true)] {
        let order = order.map(OrderId::new);
        shop.look("a list of payments", async |store, n| {
            let query = PaymentQuery { order, in_review, before: Some(number(5_000 + n)), max: 20 };
            store.list_payments(query).await
        })
        .await;
    }
    shop.look("refunds", async |store, n| store.list_refunds(number(n)).await).await;
    shop.look("a log", async |store, n| store.list_events(Some(number(n))).await).await;
    shop.look("the log of nobody's", async |store, _| store.list_events(None).await).await;
}
