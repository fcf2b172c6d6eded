//! Money that goes back.

use slippers_core::accounts::NewUser;
use slippers_core::orders::OrderStatus;
use slippers_core::payments::refunds::{RefundBounds, RefundRefusal};
use slippers_core::payments::rules::Refusal;
use slippers_core::payments::{
    Attempt, AttemptStatus, BeginRefund, Gateway, ManualRecordError, Refund, RefundError, RefundStatus,
};
use slippers_core::types::{Money, OrderId, RefundId};

use super::name;
use crate::given::{NOBODYS, NOW, Shop, assert_is, new_user};

async fn beginning(shop: &Shop, order: OrderId) -> BeginRefund {
    let bounds = RefundBounds { least: Money::from_minor(100), most: Some(Money::from_minor(4_000)) };
    BeginRefund { order, amount: None, restock: true, by: shop.keeper().await.user, bounds }
}

async fn begin(shop: &Shop, order: OrderId) -> Vec<Refund> {
    let begin = beginning(shop, order).await;
    shop.payments().begin_refund(begin, NOW).await.expect("it is begun")
}

async fn told(shop: &Shop, refund: RefundId, status: RefundStatus) -> Refund {
    let told = shop.payments().resolve_refund(refund, status, Some(name("r-1")), "x".to_owned(), NOW).await;
    told.expect("an answer").expect("the refund is there")
}

/// A paid order of one pair of nine, its attempt and its product's stock.
async fn paid(shop: &Shop) -> (OrderId, Attempt) {
    shop.paid("ours-1").await
}

pub async fn a_refund_goes_back_in_parts_and_gives_the_stock_back_at_the_end(shop: &Shop) {
    let (order, attempt) = paid(shop).await;
    let slipper = shop.order(order).await.lines[0].slipper;
    let parts = begin(shop, order).await;
    let references: Vec<_> = parts.iter().map(|part| part.reference.to_string()).collect();
    assert_eq!(references, ["ours-1-r1", "ours-1-r2", "ours-1-r3"]);
    assert_eq!(parts.iter().map(|part| part.amount.minor()).sum::<i64>(), 10_000);
    assert_eq!(shop.refunds(attempt.id).await, parts);
    for (at, part) in parts.iter().enumerate() {
        assert_eq!((shop.status(order).await, shop.stock(slipper).await), (OrderStatus::Paid, 8), "{at}");
        shop.check_books().await;
        let done = told(shop, part.id, RefundStatus::Succeeded).await;
        assert_eq!(
            (done.status, done.their_id, done.ended_at),
            (RefundStatus::Succeeded, Some(name("r-1")), Some(NOW))
        );
    }
    assert_eq!((shop.status(order).await, shop.stock(slipper).await), (OrderStatus::Refunded, 9));
    assert_eq!(shop.attempt(attempt.id, Gateway::Octo).await.status, AttemptStatus::Refunded);
    told(shop, parts[0].id, RefundStatus::Succeeded).await;
    assert_eq!(shop.stock(slipper).await, 9, "a repeated answer gives nothing back");
    shop.check_books().await;
}

pub async fn of_ten_refunds_begun_at_once_one_is(shop: &Shop) {
    let (order, attempt) = paid(shop).await;
    let begun = shop.at_once(10, |shop, _| async move { begin(&shop, order).await }).await;
    assert!(begun.iter().all(|parts| *parts == begun[0]));
    assert_eq!(shop.refunds(attempt.id).await, begun[0]);
    shop.check_books().await;
}

pub async fn a_refund_that_was_refused_can_be_begun_again(shop: &Shop) {
    let (order, attempt) = paid(shop).await;
    let part = BeginRefund { amount: Some(Money::from_minor(3_000)), ..beginning(shop, order).await };
    let first = shop.payments().begin_refund(part, NOW).await.expect("it is begun");
    told(shop, first[0].id, RefundStatus::Pending).await;
    assert_eq!(begin(shop, order).await.len(), 1, "it is on its way, and nothing new begins");
    told(shop, first[0].id, RefundStatus::Failed).await;
    shop.check_books().await;
    let again = begin(shop, order).await;
    assert_eq!(again.iter().map(|part| part.amount.minor()).sum::<i64>(), 10_000);
    assert!(again.iter().all(|part| part.reference != first[0].reference), "a name is used once");
    let late = told(shop, first[0].id, RefundStatus::Succeeded).await;
    assert_eq!(late.status, RefundStatus::Failed);
    assert!(shop.attempt(attempt.id, Gateway::Octo).await.review.is_some(), "a person looks");
    shop.check_books().await;
}

pub async fn stock_that_is_gone_stays_gone(shop: &Shop) {
    let (order, _) = paid(shop).await;
    let slipper = shop.order(order).await.lines[0].slipper;
    let begin = BeginRefund { restock: false, ..beginning(shop, order).await };
    for part in shop.payments().begin_refund(begin, NOW).await.expect("it is begun") {
        told(shop, part.id, RefundStatus::Succeeded).await;
    }
    assert_eq!((shop.status(order).await, shop.stock(slipper).await), (OrderStatus::Refunded, 8));
}

pub async fn what_was_not_paid_or_went_back_is_not_refunded(shop: &Shop) {
    for id in NOBODYS {
        let begin = beginning(shop, OrderId::new(id)).await;
        assert_is!(shop.payments().begin_refund(begin, NOW).await, Err(RefundError::OrderNotFound));
        let told =
            shop.payments().resolve_refund(RefundId::new(id), RefundStatus::Failed, None, String::new(), NOW);
        assert_eq!(told.await.expect("an answer"), None);
    }
    let unpaid = shop.opened("ours-0").await.order.id;
    let begin_unpaid = beginning(shop, unpaid).await;
    assert_is!(shop.payments().begin_refund(begin_unpaid, NOW).await, Err(RefundError::NotPaid));
    let (order, _) = paid(shop).await;
    let much = BeginRefund { amount: Some(Money::from_minor(10_001)), ..beginning(shop, order).await };
    let refused = shop.payments().begin_refund(much, NOW).await;
    assert_is!(refused, Err(RefundError::Refused(RefundRefusal::TooMuch { .. })));
    for part in begin(shop, order).await {
        told(shop, part.id, RefundStatus::Succeeded).await;
    }
    let more = beginning(shop, order).await;
    let refused = shop.payments().begin_refund(more, NOW).await;
    assert_is!(refused, Err(RefundError::Refused(RefundRefusal::NothingLeft)));
}

pub async fn refunds_on_their_way_are_due(shop: &Shop) {
    let (order, attempt) = paid(shop).await;
    let parts = begin(shop, order).await;
    told(shop, parts[1].id, RefundStatus::Succeeded).await;
    let due = shop.payments().claim_due(10, 0, NOW.plus_seconds(5)).await.expect("an answer");
    assert_eq!(due.iter().map(|due| due.attempt.id).collect::<Vec<_>>(), [attempt.id]);
    assert_eq!(due[0].refunds.iter().map(|part| part.id).collect::<Vec<_>>(), [parts[0].id, parts[2].id]);
}

pub async fn cash_is_recorded_once_and_goes_back_at_once(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 1)]).await.id;
    let by = shop.keeper().await.user;
    let attempt = shop.payments().record_manual(order, by, NOW).await.expect("recorded");
    assert_eq!((attempt.gateway, attempt.recorded_by), (Gateway::Manual, Some(by)));
    assert_eq!(shop.status(order).await, OrderStatus::Paid);
    let again = shop.payments().record_manual(order, by, NOW).await;
    assert_is!(again, Err(ManualRecordError::Refused(Refusal::NotPayable(OrderStatus::Paid))));
    assert!(begin(shop, order).await.iter().all(|part| part.status == RefundStatus::Succeeded));
    assert_eq!((shop.status(order).await, shop.stock(mu).await), (OrderStatus::Refunded, 9));
    shop.check_books().await;
}

pub async fn an_admin_who_began_a_refund_can_be_deleted_and_the_refund_stays(shop: &Shop) {
    let (order, attempt) = paid(shop).await;
    let phone = "+998901110000";
    let new = NewUser { is_admin: true, ..new_user("Second", phone) };
    let second = shop.create_user(new, NOW).await.expect("an admin is made").id;
    let begin = BeginRefund { by: second, ..beginning(shop, order).await };
    shop.payments().begin_refund(begin, NOW).await.expect("it is begun");
    shop.delete_user(second, shop.keeper().await.user, NOW).await.expect("deleted");
    assert!(shop.refunds(attempt.id).await.iter().all(|refund| refund.begun_by == Some(second)));
}

pub async fn cash_for_an_order_that_a_gateway_holds_is_not_recorded(shop: &Shop) {
    let order = shop.opened("ours-1").await.order.id;
    let by = shop.keeper().await.user;
    let refused = shop.payments().record_manual(order, by, NOW).await;
    assert_is!(refused, Err(ManualRecordError::Refused(Refusal::Busy)));
}

pub async fn what_admins_record_by_status_is_in_the_books(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 1)]).await.id;
    shop.move_order(order, OrderStatus::Paid).await.expect("paid");
    shop.check_books().await;
    let balances = shop.payments().balances().await.expect("an answer");
    assert_eq!(balances.on(slippers_core::payments::ledger::Account::Sales), -10_000);
    shop.move_order(order, OrderStatus::Refunded).await.expect("refunded");
    shop.check_books().await;
    assert_eq!(
        shop.payments().balances().await.expect("an answer"),
        slippers_core::payments::ledger::Balances::default()
    );
}
