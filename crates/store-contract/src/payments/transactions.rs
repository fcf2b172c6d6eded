//! Transactions that gateways begin.

use slippers_core::orders::OrderStatus;
use slippers_core::payments::admission::Transaction;
use slippers_core::payments::rules::{Answer, Refusal};
use slippers_core::payments::{
    Attempt, AttemptStatus, Gateway, OpenAttempt, Report, Reserve, Reserved, Source, StatementQuery,
};
use slippers_core::types::{Money, OrderId};

use super::{name, opening};
use crate::given::{NOW, Shop};

fn asking(order: OrderId, gateway: Gateway, their_id: &str) -> Reserve {
    Reserve {
        transaction: Transaction {
            gateway,
            their_id: name(their_id),
            their_number: Some(name("77")),
            order,
            amount: Money::from_minor(10_000),
            their_time: Some(NOW),
            expires_at: Some(NOW.plus_seconds(43_200)),
        },
        reference: name(&format!("ours-{their_id}")),
    }
}

async fn reserve(shop: &Shop, reserve: Reserve) -> Result<Attempt, Refusal> {
    match shop.payments().reserve(reserve, NOW).await.expect("the store answers") {
        Reserved::Held(attempt) => Ok(*attempt),
        Reserved::Refused(refusal) => Err(refusal),
    }
}

async fn pending(shop: &Shop) -> OrderId {
    let mu = shop.product("Mu", 9).await;
    shop.order_of(&[(mu, 1)]).await.id
}

pub async fn a_transaction_is_kept_as_it_was_begun(shop: &Shop) {
    let order = pending(shop).await;
    let held = reserve(shop, asking(order, Gateway::Payme, "t1")).await.expect("held");
    assert_eq!((held.status, held.reserved_at), (AttemptStatus::Pending, Some(NOW)));
    assert_eq!((held.their_number.clone(), held.their_time), (Some(name("77")), Some(NOW)));
    assert_eq!(shop.attempt(held.id, Gateway::Payme).await, held);
    let again = reserve(shop, asking(order, Gateway::Payme, "t1")).await;
    assert_eq!(again, Ok(held), "a repeated call");
}

pub async fn a_transaction_takes_the_attempt_that_the_buyer_opened(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 1)]).await;
    let open =
        OpenAttempt { gateway: Gateway::Payme, ..opening(order.user, Source::Order(order.id), "ours-1") };
    let opened = shop.payments().open_attempt(open, NOW).await.expect("it is opened");
    let held = reserve(shop, asking(order.id, Gateway::Payme, "t1")).await.expect("held");
    assert_eq!((held.id, held.reference), (opened.attempt.id, opened.attempt.reference));
}

pub async fn of_ten_transactions_at_once_one_holds_the_order(shop: &Shop) {
    let order = pending(shop).await;
    let answers = shop
        .at_once(10, |shop, number| async move {
            reserve(&shop, asking(order, Gateway::Payme, &format!("t{number}"))).await.map(|held| held.id)
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Err(Refusal::Busy)).count(), 9);
}

pub async fn a_transaction_that_is_asked_of_two_orders_at_once_is_of_one(shop: &Shop) {
    let orders = [pending(shop).await, pending(shop).await];
    let answers = shop
        .at_once(10, |shop, number| {
            let order = orders[usize::from(number % 2 == 0)];
            async move { reserve(&shop, asking(order, Gateway::Payme, "t1")).await.map(|held| held.order) }
        })
        .await;
    let held: Vec<_> = answers.iter().flatten().collect();
    assert_eq!((held.len(), answers.iter().filter(|no| **no == Err(Refusal::NoSuchOrder)).count()), (5, 5));
    assert!(held.iter().all(|order| *order == held[0]), "{held:?}");
}

pub async fn of_gateways_that_ask_at_once_one_takes_the_money(shop: &Shop) {
    let order = pending(shop).await;
    let mut held = Vec::new();
    for (gateway, id) in [(Gateway::Payme, "p"), (Gateway::Click, "a"), (Gateway::Click, "b")] {
        held.push(reserve(shop, asking(order, gateway, id)).await.expect("held"));
    }
    let answers = shop
        .at_once(3, |shop, number| {
            let attempt = held[usize::try_from(number).expect("small")].clone();
            async move { shop.told(&attempt, Report::Perform).await.answer }
        })
        .await;
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Done).count(), 1);
    let refused = Answer::Refused(Refusal::NotPayable(OrderStatus::Paid));
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 2);
    shop.check_books().await;
}

pub async fn a_transaction_whose_time_is_over_is_ended(shop: &Shop) {
    let order = pending(shop).await;
    let held = reserve(shop, asking(order, Gateway::Payme, "t1")).await.expect("held");
    let late = NOW.plus_seconds(43_200);
    let answer = shop.payments().reserve(asking(order, Gateway::Payme, "t1"), late).await;
    assert_eq!(answer.expect("an answer"), Reserved::Refused(Refusal::Overdue));
    let ended = shop.attempt(held.id, Gateway::Payme).await;
    assert_eq!((ended.status, ended.ended_at), (AttemptStatus::Expired, Some(late)));
}

pub async fn a_statement_goes_by_the_gateways_own_time(shop: &Shop) {
    let mut ids = Vec::new();
    for (at, seconds) in [30, 10, 20].into_iter().enumerate() {
        let order = pending(shop).await;
        let mut asked = asking(order, Gateway::Payme, &format!("t{at}"));
        asked.transaction.their_time = Some(NOW.plus_seconds(seconds));
        ids.push(reserve(shop, asked).await.expect("held").id);
    }
    let ask = |from, to| async move {
        let query = StatementQuery {
            gateway: Gateway::Payme,
            from: NOW.plus_seconds(from),
            to: NOW.plus_seconds(to),
        };
        let listed = shop.payments().list_statement(query).await.expect("an answer");
        listed.into_iter().map(|attempt| attempt.id).collect::<Vec<_>>()
    };
    assert_eq!(ask(0, 99).await, [ids[1], ids[2], ids[0]]);
    assert_eq!(ask(10, 20).await, [ids[1], ids[2]], "both ends are in it");
    assert_eq!(ask(31, 99).await, []);
}
