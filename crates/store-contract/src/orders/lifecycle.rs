//! Changing and deleting orders as the rules say.

use slippers_core::accounts::Actor;
use slippers_core::orders::lifecycle::{LifecycleError, ManualRecord, decide_change};
use slippers_core::orders::{Order, OrderChange, OrderError, OrderStatus, PaymentOutcome};
use slippers_core::types::{OrderId, SlipperId, Timestamp, UserId};

use crate::given::{NOBODYS, NOW, Shop, all_orders, as_buyer, assert_is, keeping, to};

const LATER: Timestamp = NOW.plus_seconds(3600);

/// An order of the buyer of three pairs that has come to this status.
async fn order_in(shop: &Shop, buyer: UserId, slipper: SlipperId, status: OrderStatus) -> Order {
    shop.add(buyer, slipper, 3).await;
    let placed = shop.buy(buyer).await.expect("placed");
    match status {
        OrderStatus::Pending => placed,
        OrderStatus::Cancelled => {
            shop.move_order(placed.id, OrderStatus::Cancelled).await.expect("cancelled")
        }
        OrderStatus::Paid => shop.move_order(placed.id, OrderStatus::Paid).await.expect("paid"),
        OrderStatus::Refunded => {
            shop.move_order(placed.id, OrderStatus::Paid).await.expect("paid");
            shop.move_order(placed.id, OrderStatus::Refunded).await.expect("refunded")
        }
    }
}

fn noting(text: Option<&str>) -> OrderChange {
    OrderChange { notes: Some(text.map(str::to_owned)), ..OrderChange::default() }
}

/// What the change must come to, and the pairs that it gives back; the error when it is refused.
fn expect(actor: Actor, order: &Order, change: &OrderChange) -> Result<(Order, i64), LifecycleError> {
    let transition = decide_change(actor, order.user, order.status, change)?;
    let mut expected = Order { updated_at: LATER, ..order.clone() };
    let mut given_back = 0;
    if let Some(step) = transition {
        expected.status = step.status;
        given_back = if step.gives_stock_back { 3 } else { 0 };
        match step.records {
            Some(ManualRecord::Payment) => expected.payment = Some(PaymentOutcome::Paid),
            Some(ManualRecord::Refund) => expected.payment = Some(PaymentOutcome::Refunded),
            None => {}
        }
    }
    if let Some(notes) = &change.notes {
        expected.notes.clone_from(notes);
    }
    Ok((expected, given_back))
}

pub async fn every_change_by_everybody_goes_as_the_rules_say(shop: &Shop) {
    let mu = shop.product("Mu", 100_000).await;
    let (buyer, stranger, keeper) = (shop.buyer().await, shop.buyer().await, shop.keeper().await);
    let wishes = OrderStatus::ALL.into_iter().map(Some).chain([None]);
    for (wanted, notes) in
        wishes.flat_map(|wanted| [(wanted, None), (wanted, Some(Some("ring twice".to_owned())))])
    {
        for present in OrderStatus::ALL {
            for actor in [as_buyer(buyer), as_buyer(stranger), keeper] {
                for (restock, sets_total) in [(true, false), (false, false), (true, true)] {
                    let order = order_in(shop, buyer, mu, present).await;
                    let stock = shop.stock(mu).await;
                    let change = OrderChange { status: wanted, sets_total, notes: notes.clone(), restock };
                    let answer = shop.change_order(order.id, actor, change.clone(), LATER).await;
                    let case = format!("{present:?} by {actor:?}: {change:?}");
                    let (after, given_back) = match expect(actor, &order, &change) {
                        Ok((expected, given_back)) => {
                            let mut changed = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
                            if wanted.is_none_or(|status| status == present) && notes.is_none() {
                                // Whether a change of nothing moves the time is left to the store.
                                changed.updated_at = expected.updated_at;
                            }
                            assert_eq!(changed, expected, "{case}");
                            (expected, given_back)
                        }
                        Err(reason) => {
                            match answer {
                                Err(OrderError::Refused(refused)) => assert_eq!(refused, reason, "{case}"),
                                other => panic!("{case}: {other:?} instead of {reason:?}"),
                            }
                            assert_eq!(shop.order(order.id).await, order, "{case}");
                            (order.clone(), 0)
                        }
                    };
                    let found = shop.order(order.id).await;
                    assert_eq!(
                        (found.status, &found.notes, found.payment),
                        (after.status, &after.notes, after.payment)
                    );
                    assert_eq!((found.total, found.lines, found.created_at), (order.total, order.lines, NOW));
                    assert_eq!(shop.stock(mu).await, stock + given_back, "{case}");
                }
            }
        }
    }
}

pub async fn notes_are_kept_to_the_letter_and_taken_away(shop: &Shop) {
    let order = shop.order_of(&[(shop.product("Mu", 9).await, 1)]).await;
    let longest = "ж".repeat(500);
    for (seconds, text) in
        (1..).zip([Some("ring 'twice' \"%_\\ 😀"), Some(&longest), Some(""), None, Some("x")])
    {
        let now = NOW.plus_seconds(seconds);
        let noted =
            shop.change_order(order.id, as_buyer(order.user), noting(text), now).await.expect("noted");
        assert_eq!((noted.notes.as_deref(), noted.updated_at, noted.created_at), (text, now, NOW));
        assert_eq!(shop.order(order.id).await, noted);
    }
    let kept =
        shop.change_order(order.id, as_buyer(order.user), OrderChange::default(), LATER).await.expect("kept");
    assert_eq!(kept.notes.as_deref(), Some("x"), "notes that are not named stay");
}

pub async fn a_note_and_a_step_are_one_change(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 2)]).await;
    let change = OrderChange { status: Some(OrderStatus::Cancelled), ..noting(Some("changed my mind")) };
    let done = shop.change_order(order.id, as_buyer(order.user), change, LATER).await.expect("cancelled");
    assert_eq!((done.status, done.notes.as_deref()), (OrderStatus::Cancelled, Some("changed my mind")));
    assert_eq!(shop.stock(mu).await, 9);

    let other = shop.order_of(&[(mu, 2)]).await;
    let change = OrderChange { status: Some(OrderStatus::Paid), ..noting(Some("I paid")) };
    let refused = shop.change_order(other.id, as_buyer(other.user), change, LATER).await;
    assert_is!(refused, Err(OrderError::Refused(LifecycleError::OwnerMayNot)));
    assert_eq!(shop.order(other.id).await, other, "the note of a refused change is not kept");
}

pub async fn a_manual_payment_and_a_refund_are_the_orders_payment(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let (sold, returned) = (shop.order_of(&[(mu, 1)]).await, shop.order_of(&[(mu, 2)]).await);
    assert_eq!(sold.payment, None);
    for order in [&sold, &returned] {
        let paid = shop.move_order(order.id, OrderStatus::Paid).await.expect("paid");
        assert_eq!((paid.status, paid.payment), (OrderStatus::Paid, Some(PaymentOutcome::Paid)));
    }
    assert_eq!(shop.stock(mu).await, 6, "paid orders hold their stock");
    let refunded = shop.move_order(returned.id, OrderStatus::Refunded).await.expect("refunded");
    assert_eq!((refunded.status, refunded.payment), (OrderStatus::Refunded, Some(PaymentOutcome::Refunded)));
    assert_eq!(shop.order(returned.id).await, refunded);
    assert_eq!(shop.order(sold.id).await.payment, Some(PaymentOutcome::Paid));
    let listed: Vec<_> = shop.orders(all_orders()).await.orders.iter().map(|order| order.payment).collect();
    assert_eq!(listed, [Some(PaymentOutcome::Refunded), Some(PaymentOutcome::Paid)]);
}

pub async fn orders_are_deleted_as_the_rules_say(shop: &Shop) {
    let mu = shop.product("Mu", 1000).await;
    let (buyer, stranger, keeper) = (shop.buyer().await, shop.buyer().await, shop.keeper().await);
    for status in OrderStatus::ALL {
        for (actor, is_stranger) in [(as_buyer(buyer), false), (keeper, false), (as_buyer(stranger), true)] {
            let order = order_in(shop, buyer, mu, status).await;
            let (stock, total) = (shop.stock(mu).await, shop.orders(all_orders()).await.total);
            let answer = shop.delete_order(order.id, actor, LATER).await;
            let is_kept = matches!(status, OrderStatus::Paid | OrderStatus::Refunded);
            if is_stranger || is_kept {
                match answer {
                    Err(OrderError::Refused(LifecycleError::NotYours)) if is_stranger => {}
                    Err(OrderError::Refused(LifecycleError::Kept { status: told })) if !is_stranger => {
                        assert_eq!(told, status);
                    }
                    other => panic!("{status:?} by {actor:?}: {other:?}"),
                }
                assert_eq!(shop.order(order.id).await, order);
                assert_eq!((shop.stock(mu).await, shop.orders(all_orders()).await.total), (stock, total));
                continue;
            }
            answer.expect("deleted");
            let given_back = if status == OrderStatus::Pending { 3 } else { 0 };
            assert_eq!(shop.find_order(order.id).await.expect("an answer"), None);
            assert_eq!(
                (shop.stock(mu).await, shop.orders(all_orders()).await.total),
                (stock + given_back, total - 1)
            );
            assert_is!(shop.delete_order(order.id, keeper, LATER).await, Err(OrderError::NotFound));
            assert_eq!(shop.stock(mu).await, stock + given_back, "not twice");
        }
    }
}

pub async fn an_order_that_is_not_there_is_not_found(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let present = shop.order_of(&[(mu, 1)]).await;
    let keeper = shop.keeper().await;
    let before = shop.everything(&[]).await;
    for id in NOBODYS.into_iter().chain([present.id.get() + 1]).map(OrderId::new) {
        assert_eq!(shop.find_order(id).await.expect("an answer"), None, "{id:?}");
        for actor in [keeper, as_buyer(present.user)] {
            let change = to(OrderStatus::Cancelled);
            assert_is!(shop.change_order(id, actor, change, LATER).await, Err(OrderError::NotFound));
            assert_is!(shop.delete_order(id, actor, LATER).await, Err(OrderError::NotFound));
        }
    }
    assert_eq!(shop.everything(&[]).await, before);
}

pub async fn payment_and_cancellation_at_once_agree_with_the_stock(shop: &Shop) {
    let mu = shop.product("Mu", 10).await;
    let keeper = shop.keeper().await;
    for round in 0..12 {
        let user = shop.buyer_of(&[(mu, 4)]).await;
        let order = shop.place_from_cart(keeping(user), NOW).await.expect("placed");
        let answers = shop
            .at_once(2, move |shop, number| async move {
                let change = to(if number == 0 { OrderStatus::Paid } else { OrderStatus::Cancelled });
                shop.change_order(order.id, keeper, change, LATER).await
            })
            .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "round {round}: {answers:?}");
        let now = shop.order(order.id).await;
        let (stock, payment) = match now.status {
            OrderStatus::Paid => (6, Some(PaymentOutcome::Paid)),
            OrderStatus::Cancelled => (10, None),
            other => panic!("round {round}: {other:?}"),
        };
        assert_eq!((shop.stock(mu).await, now.payment), (stock, payment), "round {round}");
        if stock == 6 {
            shop.move_order(order.id, OrderStatus::Refunded).await.expect("refunded");
        }
        assert_eq!(shop.stock(mu).await, 10);
    }
}
