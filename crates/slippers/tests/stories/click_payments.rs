//! Paying at Click, which calls the shop: the cases of its official tests, and what its documents don't tell.

use serde_json::{Value, json};

use crate::shop::{Caller, eventually};
use crate::till::{At, PRICE, STOCK, Till};

impl Till {
    fn click_at_once(&self, fields: &Value, copies: u64) -> Vec<Value> {
        let body = json!({"fields": fields, "copies": copies});
        self.sim(At::Click, "call", &body)["answers"].as_array().expect("answers").clone()
    }

    fn click(&self, fields: &Value) -> Value {
        self.click_at_once(fields, 1).remove(0)
    }

    #[track_caller]
    fn click_says(&self, fields: &Value, code: i64) -> Value {
        let answer = self.click(fields);
        assert_eq!(answer["error"], code, "{fields}: {answer}");
        assert!(answer["error_note"].is_string(), "{answer}");
        answer
    }

    /// Pays an order on Click's page; answers what the page says.
    fn pay_at_click(&self, buyer: &Caller, order: i64) -> String {
        self.post(&format!("{}&do=pay", self.link_at(At::Click, buyer, order)), "").text()
    }
}

/// Fields of a Prepare; with the number of one, of its Complete.
fn form(id: u64, order: i64, prepared: Option<&Value>) -> Value {
    let mut fields = json!({"click_trans_id": id, "click_paydoc_id": id + 1, "merchant_trans_id": order,
        "amount": PRICE.to_string()});
    if let Some(number) = prepared {
        (fields["action"], fields["merchant_prepare_id"]) = (json!(1), number.clone());
    }
    fields
}

fn with(mut fields: Value, name: &str, value: Value) -> Value {
    fields[name] = value;
    fields
}

#[test]
fn the_fifteen_official_cases_are_answered_as_they_must_be() {
    let till = Till::open();
    let [(_, one), (_, two), (_, three)] = ["One", "Two", "Three"].map(|name| till.order(name, 1));
    till.click_says(&with(form(1, one, None), "sign_string", json!("x")), -1);
    till.click_says(&form(1, 999_999, None), -5);
    let prepared = till.click_says(&form(1, one, None), 0)["merchant_prepare_id"].clone();
    let complete = form(1, one, Some(&prepared));
    till.click_says(&with(complete.clone(), "sign_string", json!("x")), -1);
    till.click_says(&with(complete.clone(), "amount", json!("300")), -2);
    let done = till.click_says(&complete, 0);
    assert_eq!(done["merchant_confirm_id"], prepared);
    assert_eq!(till.status(one), "PAID");
    till.click_says(&complete, -4);
    till.click_says(&with(complete, "error", json!(-5017)), -9);
    assert_eq!(till.status(one), "PAID");
    let prepared = till.click_says(&form(3, two, None), 0)["merchant_prepare_id"].clone();
    till.click_says(&form(3, two, Some(&json!(999_999_999))), -6);
    till.click_says(&form(3, two, Some(&prepared)), 0);
    let prepared = till.click_says(&form(5, three, None), 0)["merchant_prepare_id"].clone();
    let complete = form(5, three, Some(&prepared));
    till.click_says(&with(complete.clone(), "error", json!(-5017)), -9);
    till.click_says(&with(complete.clone(), "error", json!(-5017)), -9);
    till.click_says(&complete, -9);
    assert_eq!((till.status(two).as_str(), till.status(three).as_str()), ("PAID", "PENDING"));
    till.assert_sound();
}

#[test]
fn what_the_cases_leave_out_is_answered_too() {
    let till = Till::open();
    let (_, order) = till.order("Dilnoza", 1);
    // Missing fields, another action, another service, more than one may take.
    till.click_says(&with(form(1, order, None), "sign_time", Value::Null), -8);
    till.click_says(&with(form(1, order, None), "action", json!(7)), -3);
    till.click_says(&with(form(1, order, None), "service_id", json!(32)), -1);
    till.click_says(&with(form(1, order, None), "amount", json!("24999.99")), -2);
    till.click_says(&form(1, order, Some(&json!(1))), -6);
    // Amounts in every spelling, numbers beyond 2^53, and the same one again.
    let big = 9_007_199_254_740_993_u64;
    let first = till.click_says(&with(form(big, order, None), "amount", json!("25000.00")), 0);
    assert_eq!(first["click_trans_id"].to_string(), big.to_string());
    let again = till.click_says(&with(form(big, order, None), "amount", json!("25000.0")), 0);
    assert_eq!(first, again);
    // Another try of the buyer's is another transaction; whichever is completed first pays.
    let second = till.click_says(&form(77, order, None), 0);
    assert_ne!(first["merchant_prepare_id"], second["merchant_prepare_id"]);
    let answers = till.click_at_once(&form(77, order, Some(&second["merchant_prepare_id"])), 10);
    let mut codes: Vec<_> = answers.iter().map(|answer| answer["error"].as_i64()).collect();
    codes.sort_unstable();
    assert_eq!((codes[9], &codes[..9]), (Some(0), &[Some(-4); 9][..]), "{answers:?}");
    till.click_says(&form(big, order, Some(&first["merchant_prepare_id"])), -4);
    let json_type = [("content-type", "application/json")];
    let answer = till.shop.send("POST", "/payments/click/prepare/", &json_type, Some(b"{}")).expect(200);
    assert_eq!(answer.json()["error"], -8);
    assert_eq!(till.status(order), "PAID");
    till.assert_sound();
}

#[test]
fn a_buyer_pays_at_click_whatever_is_lost_on_the_way() {
    let till = Till::open();
    for (name, at, what) in [
        ("Plain", "", ""),
        ("Prepare lost", "prepare", "lost"),
        ("Complete lost", "complete", "lost"),
        ("Complete twice", "complete", "duplicate"),
    ] {
        if !at.is_empty() {
            till.fault(At::Click, at, what, 1);
        }
        let (buyer, order) = till.order(name, 1);
        let says = till.pay_at_click(&buyer, order);
        assert!(says.contains("Paid"), "{name}: {says}");
        till.await_status(order, "PAID");
        assert_eq!(till.payments(order).len(), 1, "{name}");
    }
    for fault in ["wrong_signature", "tampered"] {
        till.fault(At::Click, "prepare", fault, 1);
        let (buyer, order) = till.order(fault, 1);
        assert!(till.pay_at_click(&buyer, order).contains("Not paid"), "{fault}");
        assert_eq!(till.status(order), "PENDING");
    }
    till.assert_sound();
}

#[test]
fn a_complete_that_never_comes_is_found_by_asking_click() {
    let till = Till::open();
    till.fault(At::Click, "complete", "drop", 1);
    let (buyer, order) = till.order("Dropped", 1);
    assert!(till.pay_at_click(&buyer, order).contains("Paid"));
    till.await_status(order, "PAID");
    till.fault(At::Click, "call", "declined", 1);
    till.fault(At::Click, "complete", "drop", 1);
    let (buyer, order) = till.order("Declined", 1);
    till.pay_at_click(&buyer, order);
    till.await_payment(order, "FAILED");
    assert_eq!((till.status(order).as_str(), till.shop.stock(till.slipper)), ("PENDING", STOCK - 2));
    till.assert_sound();
}

#[test]
fn a_payment_that_is_reversed_in_clicks_cabinet_is_brought_before_a_person() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    till.pay_at_click(&buyer, order);
    till.await_status(order, "PAID");
    let compare_now =
        || till.shop.rows().run("UPDATE payments SET compare_at = 0 WHERE compare_at IS NOT NULL");
    let payment = till.payments(order).remove(0);
    till.sim(At::Click, "reverse", &json!({"click_trans_id": payment["gateway_id"]}));
    compare_now();
    eventually("it waits", || (till.payments(order)[0]["review"] == "contradiction").then_some(()));
    // Click names no word for a reversal, so nothing is guessed.
    assert_eq!(till.status(order), "PAID");
    till.assert_sound();
}
