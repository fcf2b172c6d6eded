//! Power cuts among payments: whenever the shop is killed, each payment comes to its true end by itself afterwards.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::shop::{Caller, eventually};
use crate::till::{At, PRICE, Till};

const BUYERS: usize = 3;
const ROUNDS: u64 = 5;

/// Orders, pays, and sends the money of every third order back, until the shop is gone.
fn trade(till: &Till, buyer: &Caller, done: &AtomicU64, gone: &AtomicBool) {
    let bearer = format!("Bearer {}", buyer.access);
    let boss = format!("Bearer {}", till.admin.access);
    let send = |bearer: &str, path: &str, body: &Value| {
        let headers = [("authorization", bearer), ("content-type", "application/json")];
        let answer = till.shop.try_send("POST", path, &headers, Some(body.to_string().as_bytes())).ok()?;
        (answer.status == 200).then(|| answer.json())
    };
    while !gone.load(Ordering::SeqCst) {
        let number = done.fetch_add(1, Ordering::SeqCst);
        // Different notes: a new order each time.
        let item = json!({"slipper_id": till.slipper, "quantity": 1, "notes": format!("{number}")});
        let Some(made) = send(&bearer, "/payments/octo/create", &json!({"items": [item]})) else { continue };
        let link = made["redirect_url"].as_str().expect("a link");
        till.press(link, if (number + 1).is_multiple_of(4) { "cancel" } else { "pay" });
        if number.is_multiple_of(3) {
            let _ = send(&boss, "/payments/octo/refund", &json!({"order_id": made["order_id"]}));
        }
    }
}

#[test]
fn killed_at_any_moment_the_shop_finds_the_true_end_of_every_payment() {
    let mut till = Till::open_with(&[("ORDER_MAX_OPEN", "0"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "600")]);
    let buyers: Vec<_> = (0..BUYERS).map(|number| till.shop.customer(&format!("Buyer {number}"))).collect();
    let done = AtomicU64::new(0);
    for round in 0..ROUNDS {
        // Some callbacks never come, some answers are lost.
        till.fault(At::Octo, "callback", "drop", 2);
        till.fault(At::Octo, "callback", "lost", 1);
        till.fault(At::Octo, "prepare_payment", "lost", 1);
        till.fault(At::Octo, "refund", "lost", 1);
        let gone = AtomicBool::new(false);
        let enough = done.load(Ordering::SeqCst) + 6 + round;
        std::thread::scope(|scope| {
            for buyer in &buyers {
                scope.spawn(|| trade(&till, buyer, &done, &gone));
            }
            eventually("buyers pay", || (done.load(Ordering::SeqCst) >= enough).then_some(()));
            till.shop.signal("KILL");
            gone.store(true, Ordering::SeqCst);
        });
        assert_eq!(till.shop.wait(), None, "it was killed");
        till.restart();
    }
    // Links that nobody was told of are used by nobody; a buyer who comes back uses them.
    for payment in till.known(At::Octo)["payments"].as_array().expect("payments") {
        if payment["status"] == "created" {
            let uuid = payment["octo_payment_UUID"].as_str().expect("a uuid");
            till.press(&till.page(uuid), "pay");
        }
    }
    eventually("every payment is what OCTO says", || {
        let known = till.known(At::Octo);
        let all = known["payments"].as_array().expect("payments");
        all.iter().all(|theirs| has_its_end(&till, theirs)).then_some(())
    });
    till.assert_sound();
    // What is still open never reached OCTO: it waits for its time, and its order with it.
    let open = till.shop.rows().ask("SELECT reference FROM payments WHERE status IN ('CREATED', 'PENDING')");
    let known = till.known(At::Octo).to_string();
    assert!(open.iter().all(|row| !known.contains(&row[0])), "{open:?}");
}

/// Whether the shop's row of a payment, and its order, say what OCTO knows.
fn has_its_end(till: &Till, theirs: &Value) -> bool {
    let reference = theirs["shop_transaction_id"].as_str().expect("a name");
    let rows = till.shop.rows().ask(&format!(
        "SELECT p.status, o.status FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.reference = '{reference}'"
    ));
    let [row] = &rows[..] else { panic!("OCTO knows {reference}, the shop does not") };
    let is_returned = theirs["refunded_sum"].as_f64() == Some(PRICE as f64);
    let expected = match theirs["status"].as_str() {
        Some("succeeded") if is_returned => ["REFUNDED", "REFUNDED"],
        Some("succeeded") => ["PAID", "PAID"],
        _ => ["CANCELLED", "PENDING"],
    };
    row == &expected
}

/// Pays at Payme and at Click by turns, until the shop is gone.
fn buy(till: &Till, buyer: &Caller, done: &AtomicU64, gone: &AtomicBool) {
    let bearer = format!("Bearer {}", buyer.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    while !gone.load(Ordering::SeqCst) {
        let number = done.fetch_add(1, Ordering::SeqCst);
        let item = json!({"slipper_id": till.slipper, "quantity": 1, "notes": format!("{number}")});
        let (gateway, button) =
            if number.is_multiple_of(2) { ("payme", "?pay") } else { ("click", "&do=pay") };
        let (path, body) = (format!("/payments/{gateway}/create"), json!({"items": [item]}).to_string());
        let answer = till.shop.try_send("POST", &path, &headers, Some(body.as_bytes()));
        let Some(made) = answer.ok().filter(|answer| answer.status == 200) else { continue };
        let link = made.json()["redirect_url"].as_str().expect("a link").to_owned();
        till.post(&format!("{link}{button}"), "");
    }
}

#[test]
fn payme_and_click_find_the_shop_again_and_both_sides_agree() {
    let mut till = Till::open_with(&[("ORDER_MAX_OPEN", "0"), ("ACCESS_TOKEN_EXPIRE_MINUTES", "600")]);
    let buyers: Vec<_> = (0..BUYERS).map(|number| till.shop.customer(&format!("Buyer {number}"))).collect();
    let done = AtomicU64::new(0);
    for round in 0..ROUNDS {
        for (at, call) in [(At::Payme, "PerformTransaction"), (At::Click, "complete")] {
            till.fault(at, call, "lost", 1);
        }
        let gone = AtomicBool::new(false);
        let enough = done.load(Ordering::SeqCst) + 8 + round;
        std::thread::scope(|scope| {
            for buyer in &buyers {
                scope.spawn(|| buy(&till, buyer, &done, &gone));
            }
            eventually("buyers pay", || (done.load(Ordering::SeqCst) >= enough).then_some(()));
            till.shop.signal("KILL");
            gone.store(true, Ordering::SeqCst);
        });
        assert_eq!(till.shop.wait(), None, "it was killed");
        till.restart();
    }
    // What Payme has not heard the end of it gives up, as it does in life.
    for transaction in till.known(At::Payme)["transactions"].as_array().expect("transactions") {
        if transaction["state"].as_i64().is_some_and(|state| (0..=1).contains(&state)) {
            till.sim(At::Payme, "cancel", &json!({"id": transaction["id"], "reason": 4}));
        }
    }
    assert_eq!(till.sim(At::Payme, "statement", &json!({}))["differences"], json!([]));
    // Click takes the money before it asks for the last word, so that the shop has to find out.
    eventually("every payment is what Click says", || {
        let known = till.known(At::Click);
        let all = known["payments"].as_array().expect("payments");
        all.iter().all(|theirs| is_as_click_says(&till, theirs)).then_some(())
    });
    till.assert_sound();
}

fn is_as_click_says(till: &Till, theirs: &Value) -> bool {
    let id = theirs["click_trans_id"].as_str().expect("a name");
    let rows = till.shop.rows().ask(&format!(
        "SELECT p.status, o.status FROM payments p JOIN orders o ON o.id = p.order_id
         WHERE p.gateway = 'click' AND p.their_id = '{id}'"
    ));
    match (&rows[..], theirs["payment_status"].as_i64()) {
        // It was never prepared.
        ([], Some(status)) => status < 0,
        ([row], Some(2)) => *row == ["PAID", "PAID"],
        ([row], Some(_)) => *row == ["FAILED", "PENDING"],
        _ => false,
    }
}
