//! Attempts that buyers open.

use slippers_core::orders::rules::WantedLine;
use slippers_core::orders::{OrderStatus, PlaceError};
use slippers_core::payments::admission::OpenRefusal;
use slippers_core::payments::{AttemptStatus, Gateway, OpenAttempt, OpenError, Report, Source, Subject};
use slippers_core::types::{Money, OrderId, SlipperId};

use super::{every, name, opening, proof};
use crate::given::{NOBODYS, NOW, Shop, all_orders, assert_is};

fn item(slipper: SlipperId, quantity: i64, notes: Option<&str>) -> WantedLine {
    WantedLine { slipper, quantity, notes: notes.map(str::to_owned) }
}

pub async fn an_attempt_is_kept_as_it_was_opened(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    assert!(opened.is_new);
    let attempt = opened.attempt;
    assert_eq!((attempt.order, attempt.amount), (opened.order.id, opened.order.total));
    assert_eq!((attempt.status, attempt.reference.as_str()), (AttemptStatus::Created, "ours-1"));
    assert_eq!(attempt.expires_at, Some(NOW.plus_seconds(900)));
    for subject in [Subject::Reference(name("ours-1")), Subject::Number(attempt.id)] {
        let found = shop.payments().find_attempt(Gateway::Octo, subject.clone()).await.expect("an answer");
        assert_eq!(found.as_ref(), Some(&attempt));
        let elsewhere = shop.payments().find_attempt(Gateway::Click, subject).await.expect("an answer");
        assert_eq!(elsewhere, None);
    }
    assert_eq!(shop.payments().list_payments(every()).await.expect("an answer"), [attempt]);
}

pub async fn all_that_a_gateway_tells_of_an_attempt_is_kept(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let link = Some("https://pay.example/1".to_owned());
    let mut event = proof(&opened.attempt, Report::Waiting { link: link.clone() });
    event.their_id = Some(name("theirs-1"));
    let applied = shop.payments().apply_event(event, NOW).await.expect("an answer");
    let attempt = applied.attempt.expect("the attempt");
    assert_eq!((&attempt.link, attempt.status), (&link, AttemptStatus::Pending));
    let found = shop.payments().find_attempt(Gateway::Octo, Subject::TheirId(name("theirs-1"))).await;
    assert_eq!(found.expect("an answer"), Some(attempt));
}

pub async fn an_open_attempt_is_answered_again(shop: &Shop) {
    let first = shop.opened("ours-1").await;
    let again = shop.open(&first.order, "ours-2").await;
    assert!(!again.is_new);
    assert_eq!((again.attempt, again.order), (first.attempt.clone(), first.order.clone()));
    let later = opening(first.order.user, Source::Order(first.order.id), "ours-3");
    let late = shop.payments().open_attempt(later, NOW.plus_seconds(900)).await.expect("it is opened");
    assert!(late.is_new, "its time was over");
}

pub async fn of_twenty_who_open_at_once_one_opens(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(mu, 1)]).await;
    let opened = shop
        .at_once(20, |shop, number| {
            let order = order.clone();
            async move { shop.open(&order, &format!("ours-{number}")).await }
        })
        .await;
    assert_eq!(opened.iter().filter(|one| one.is_new).count(), 1);
    assert!(opened.iter().all(|one| one.attempt == opened[0].attempt));
}

pub async fn a_cart_is_ordered_once_and_keeps_its_lines(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let buyer = shop.buyer_of(&[(mu, 2)]).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let open = opening(buyer, Source::Cart, &format!("ours-{number}"));
        ids.push(shop.payments().open_attempt(open, NOW).await.expect("it is opened").attempt.id);
    }
    assert_eq!((ids[0], ids[0]), (ids[1], ids[2]));
    assert_eq!((shop.stock(mu).await, shop.cart(buyer).await.lines.len()), (7, 1));
    assert_eq!(shop.orders(all_orders()).await.total, 1);
}

pub async fn the_same_items_are_the_same_order_while_it_is_pending(shop: &Shop) {
    let (mu, nu) = (shop.product("Mu", 9).await, shop.product("Nu", 9).await);
    let buyer = shop.buyer().await;
    let open = |lines: Vec<WantedLine>, reference: &'static str| async move {
        let open = opening(buyer, Source::Items(lines), reference);
        shop.payments().open_attempt(open, NOW).await.expect("it is opened")
    };
    let first = open(vec![item(mu, 1, None), item(nu, 2, Some("red"))], "a").await;
    assert_eq!(first.order.total, Money::from_minor(30_000));
    let turned = open(vec![item(nu, 2, Some("red")), item(mu, 1, None)], "b").await;
    assert_eq!((turned.order.id, turned.attempt.id), (first.order.id, first.attempt.id));
    for (other, reference) in [
        (vec![item(mu, 2, None), item(nu, 2, Some("red"))], "c"),
        (vec![item(mu, 1, None), item(nu, 2, None)], "d"),
    ] {
        assert_ne!(open(other, reference).await.order.id, first.order.id);
    }
    shop.told(&first.attempt, Report::Succeeded).await;
    let again = open(vec![item(mu, 1, None), item(nu, 2, Some("red"))], "e").await;
    assert_ne!(again.order.id, first.order.id, "the first is paid: they buy it once more");
}

pub async fn of_ten_who_buy_the_same_items_at_once_one_orders(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let buyer = shop.buyer().await;
    let opened = shop
        .at_once(10, |shop, number| async move {
            let open = opening(buyer, Source::Items(vec![item(mu, 2, None)]), &format!("ours-{number}"));
            shop.payments().open_attempt(open, NOW).await.expect("it is opened")
        })
        .await;
    assert_eq!(opened.iter().filter(|one| one.is_new).count(), 1);
    assert!(opened.iter().all(|one| one.attempt == opened[0].attempt && one.order == opened[0].order));
    assert_eq!((shop.stock(mu).await, shop.orders(all_orders()).await.total), (7, 1));
}

pub async fn a_refused_attempt_leaves_nothing(shop: &Shop) {
    let mu = shop.product("Mu", 2).await;
    let buyer = shop.buyer().await;
    let before = shop.everything(&[buyer]).await;
    let wrong = OpenAttempt {
        claimed: Some(Money::from_minor(100)),
        ..opening(buyer, Source::Items(vec![item(mu, 1, None)]), "ours-1")
    };
    let refused = shop.payments().open_attempt(wrong, NOW).await;
    assert_is!(refused, Err(OpenError::Refused(OpenRefusal::AmountDisagrees)));
    let many = opening(buyer, Source::Items(vec![item(mu, 3, None)]), "ours-2");
    assert_is!(shop.payments().open_attempt(many, NOW).await, Err(OpenError::Place(PlaceError::Plan(_))));
    let none = opening(buyer, Source::Cart, "ours-3");
    assert_is!(shop.payments().open_attempt(none, NOW).await, Err(OpenError::Place(PlaceError::CartEmpty)));
    let nothing = opening(buyer, Source::Items(Vec::new()), "ours-4");
    assert_is!(
        shop.payments().open_attempt(nothing, NOW).await,
        Err(OpenError::Place(PlaceError::CartEmpty))
    );
    assert_eq!(shop.everything(&[buyer]).await, before);
    assert_eq!(shop.payments().list_payments(every()).await.expect("an answer"), []);
}

pub async fn nobody_pays_what_is_not_theirs_or_not_there(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let stranger = shop.buyer().await;
    let foreign = opening(stranger, Source::Order(opened.order.id), "ours-2");
    let refused = shop.payments().open_attempt(foreign, NOW).await;
    assert_is!(refused, Err(OpenError::Refused(OpenRefusal::NotYours)));
    for id in NOBODYS {
        let open = opening(stranger, Source::Order(OrderId::new(id)), "ours-3");
        assert_is!(shop.payments().open_attempt(open, NOW).await, Err(OpenError::OrderNotFound));
        assert_eq!(shop.payments().find_order_facts(OrderId::new(id)).await.expect("an answer"), None);
    }
}

pub async fn a_user_has_at_most_so_many_pending_orders(shop: &Shop) {
    let mu = shop.product("Mu", 9).await;
    let buyer = shop.buyer().await;
    let open = |quantity, reference| OpenAttempt {
        max_open: 1,
        ..opening(buyer, Source::Items(vec![item(mu, quantity, None)]), reference)
    };
    shop.payments().open_attempt(open(1, "ours-1"), NOW).await.expect("it is opened");
    let refused = shop.payments().open_attempt(open(2, "ours-2"), NOW).await;
    assert_is!(refused, Err(OpenError::Place(PlaceError::TooManyOpen { limit: 1 })));
    assert!(!shop.payments().open_attempt(open(1, "ours-3"), NOW).await.expect("again").is_new);
}

pub async fn an_order_that_a_gateway_may_hold_stays_until_that_is_decided(shop: &Shop) {
    let opened = shop.opened("ours-1").await;
    let order = opened.order.id;
    let keeper = shop.keeper().await;
    assert!(shop.move_order(order, OrderStatus::Cancelled).await.is_err());
    assert!(shop.move_order(order, OrderStatus::Paid).await.is_err());
    assert!(shop.delete_order(order, keeper, NOW).await.is_err());
    let later = NOW.plus_seconds(7200);
    assert_eq!(shop.expire_orders(later, 10, later).await.expect("an answer"), []);
    assert_eq!(shop.order(order).await, opened.order);
    shop.told(&opened.attempt, Report::Cancelled).await;
    assert_eq!(shop.expire_orders(later, 10, later).await.expect("an answer"), [order]);
    shop.delete_order(order, keeper, NOW).await.expect("it is free");
    assert_eq!(shop.payments().list_payments(every()).await.expect("an answer"), []);
}
