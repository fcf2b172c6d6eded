//! What can go wrong between the shop and OCTO, played by a simulator: whatever it is, the invariants hold, and the shop
//! by itself finds the true end of every payment.

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::metrics::{metrics_of, scrape};
use crate::shop::eventually;
use crate::till::{At, PRICE, Till};

#[test]
fn callbacks_that_are_repeated_reordered_or_late_end_in_the_same_place() {
    let till = Till::open();
    // Each is told of three times more at once.
    till.sim(At::Octo, "faults", &json!([{"at": "callback", "what": "duplicate", "value": 3}]));
    let (_, twice) = till.paid("Duplicates", 1);
    // Kept until others came, then sent the last first.
    till.fault(At::Octo, "callback", "hold", 2);
    let (buyer, late) = till.order("Late", 1);
    let link = till.link(&buyer, late);
    till.press(&link, "leave");
    till.press(&link, "pay");
    assert_eq!(till.status(late), "PENDING");
    till.sim(At::Octo, "flush", &json!({}));
    till.await_status(late, "PAID");
    // Its answer was lost, so that it comes again.
    till.fault(At::Octo, "callback", "lost", 1);
    let (_, lost) = till.paid("Lost", 1);
    // Everything that was ever said comes once more, also after the money went back.
    till.refund(lost).expect(200);
    till.sim(At::Octo, "replay", &json!({}));
    for (order, status) in [(twice, "PAID"), (late, "PAID"), (lost, "REFUNDED")] {
        assert_eq!(till.status(order), status);
        assert_eq!(till.payments(order).len(), 1);
    }
    till.assert_sound();
}

#[test]
fn callbacks_in_any_dress_are_understood_and_forged_ones_move_nothing() {
    let till = Till::open();
    for dress in ["lower_case", "form"] {
        till.fault(At::Octo, "callback", dress, 1);
        till.paid(dress, 1);
    }
    // An amount or a status that OCTO itself does not confirm counts for nothing; its confirmation does.
    for fault in ["tampered", "unknown_status"] {
        till.fault(At::Octo, "callback", fault, 1);
        let (_, order) = till.paid(fault, 1);
        assert_eq!(till.payments(order)[0]["received"].as_f64(), Some(PRICE as f64), "{fault}");
    }
    // What is signed with another key is not even asked about; the shop asks by itself.
    till.fault(At::Octo, "callback", "wrong_signature", 1);
    let (_, order) = till.paid("Forged", 1);
    let path = format!("/payments/{}/events", till.payments(order)[0]["id"]);
    let events = till.shop.call(&till.admin, "GET", &path, &Value::Null).expect(200).text();
    assert!(!events.contains(r#""claim""#), "{events}");
    till.assert_sound();
}

#[test]
fn a_callback_that_never_comes_is_not_needed() {
    let till = Till::open();
    till.fault(At::Octo, "callback", "drop", 3);
    let ends = [("pay", "PAID", "PAID"), ("cancel", "CANCELLED", "PENDING")];
    let orders: Vec<_> = ends
        .iter()
        .map(|(button, ..)| {
            let (buyer, order) = till.order(button, 1);
            till.press(&till.link(&buyer, order), button);
            order
        })
        .collect();
    for (order, (_, payment, status)) in orders.into_iter().zip(ends) {
        till.await_payment(order, payment);
        assert_eq!(till.status(order), status);
    }
    till.assert_sound();
}

#[test]
fn who_refused_can_pay_after_all_and_gets_a_new_link() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    let first = till.link(&buyer, order);
    till.press(&first, "cancel");
    till.await_payment(order, "CANCELLED");
    assert_eq!(till.status(order), "PENDING");
    let second = till.link(&buyer, order);
    assert_ne!(first, second);
    till.press(&second, "pay");
    till.await_status(order, "PAID");
    assert_eq!(till.payments(order).iter().filter(|payment| payment["settles"] == true).count(), 1);
    till.assert_sound();
}

#[test]
fn octo_that_answers_in_no_way_that_anybody_expects_is_asked_again_under_the_same_name() {
    let till = Till::open();
    for what in ["http_500", "html", "reset", "too_often", "old_form", "lost"] {
        till.fault(At::Octo, "prepare_payment", what, 1);
        let (buyer, order) = till.order(what, 1);
        let link = eventually("the link", || {
            let answer = till.create(&buyer, &json!({"order_id": order}));
            assert!([200, 503].contains(&answer.status), "{what}: {}", answer.text());
            (answer.status == 200).then(|| answer.json()["redirect_url"].as_str().expect("a link").to_owned())
        });
        till.press(&link, "pay");
        till.await_status(order, "PAID");
        assert_eq!(till.payments(order).len(), 1, "{what}");
    }
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(6));
    till.assert_sound();
}

#[test]
fn a_buyer_who_gave_up_gets_the_same_link_when_octo_was_slow() {
    let till = Till::open();
    let (buyer, order) = till.order("Impatient", 1);
    // Longer than any client waits, and than one try of the shop does; then three quick ones.
    till.sim(At::Octo, "faults", &json!([{"at": "prepare_payment", "what": "hang", "value": 60_000}]));
    let answer = till.create(&buyer, &json!({"order_id": order})).expect(503);
    assert_eq!(
        (answer.json()["code"].as_str(), answer.header("retry-after")),
        (Some("payment_not_ready"), Some("1"))
    );
    let links = at_once(3, |_| {
        eventually("the link", || {
            let answer = till.create(&buyer, &json!({"order_id": order}));
            (answer.status == 200).then(|| answer.json()["redirect_url"].clone())
        })
    });
    assert!(links.iter().all(|link| *link == links[0]), "{links:?}");
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(1));
    assert_eq!(till.payments(order).len(), 1);
    till.assert_sound();
}

#[test]
fn a_payment_that_octo_holds_is_taken_for_an_order_that_it_can_pay_and_let_go_for_others() {
    let till = Till::open_with(&[("OCTO_AUTO_CAPTURE", "false")]);
    let (buyer, order) = till.order("Dilnoza", 1);
    let link = till.link(&buyer, order);
    till.press(&link, "pay");
    till.await_status(order, "PAID");
    // A second one of an order that was paid at Payme meanwhile.
    let (buyer, order) = till.order("Twice", 1);
    let link = till.link(&buyer, order);
    till.pay_at_payme(&buyer, order);
    till.await_status(order, "PAID");
    till.press(&link, "pay");
    till.await_payment(order, "CANCELLED");
    let held = till.known(At::Octo)["payments"].as_array().expect("payments").clone();
    let ends: Vec<_> = held.iter().map(|payment| payment["status"].as_str()).collect();
    assert_eq!(ends, [Some("succeeded"), Some("canceled")]);
    till.assert_sound();
}

#[test]
fn a_second_payment_is_kept_apart_and_waits_for_a_person() {
    let till = Till::open_with(&[("METRICS_LISTEN", "127.0.0.1:0")]);
    let metrics = metrics_of(&till.shop);
    let await_metric = |line: &str| {
        eventually(line, || scrape(metrics).lines().any(|told| told == line).then_some(()));
    };
    let (buyer, order) = till.order("Twice", 1);
    let link = till.link(&buyer, order);
    till.pay_at_payme(&buyer, order);
    till.await_status(order, "PAID");
    till.press(&link, "pay");
    let second = till.await_payment(order, "PAID");
    let path = "/payments/?in_review=true";
    let waiting = eventually("it waits", || {
        let waiting = till.shop.call(&till.admin, "GET", path, &Value::Null).expect(200).json();
        waiting.get(0).cloned()
    });
    assert_eq!((&waiting["review"], &waiting["settles"]), (&json!("second_payment"), &json!(false)));
    assert_eq!(waiting["gateway"], "octo", "{second}");
    await_metric("slippers_payments_in_review 1");
    let close = format!("/payments/{}/close-review", waiting["id"]);
    let note = json!({"note": "returned to the buyer in cash"});
    till.shop.call(&till.admin, "POST", &close, &json!({"note": ""})).expect(422);
    till.shop.call(&till.admin, "POST", &close, &note).expect(200);
    till.shop.call(&till.admin, "POST", &close, &note).expect(409);
    till.shop.call(&till.admin, "POST", "/payments/999/close-review", &note).expect(404);
    let waiting = till.shop.call(&till.admin, "GET", path, &Value::Null).expect(200).json();
    assert_eq!(waiting, json!([]));
    await_metric("slippers_payments_in_review 0");
    assert_eq!(till.payments(order).iter().filter(|payment| payment["settles"] == true).count(), 1);
    till.assert_sound();
}

#[test]
fn c41_payments_that_hang_at_octo_hold_no_connection_to_the_database() {
    let till = Till::open();
    // More than a shop on a server has connections.
    let buyers = at_once(12, |number| till.order(&format!("Buyer {number}"), 1));
    till.sim(
        At::Octo,
        "faults",
        &json!([{"at": "prepare_payment", "what": "hang", "value": 60_000, "times": 1000}]),
    );
    let answers = at_once(13, |number| match buyers.get(number) {
        Some((buyer, order)) => till.create(buyer, &json!({"order_id": order})).status,
        None => {
            let hangs = || till.known(At::Octo)["payments"].as_array().map(Vec::len) == Some(12);
            eventually("all of them hang", || hangs().then_some(()));
            // Somebody else finds the shop as ever, and can order.
            for _ in 0..10 {
                till.shop.get("/health").expect(200);
                till.shop.get("/slippers/").expect(200);
            }
            till.order("Somebody else", 1);
            200
        }
    });
    assert_eq!((&answers[..12], answers[12]), (&[503; 12][..], 200));
    till.assert_sound();
}
