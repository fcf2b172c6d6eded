//! Money that goes back at OCTO.

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::till::{At, PRICE, STOCK, Till, signature};

/// What OCTO has returned of its only payment, and in how many refunds.
fn returned(till: &Till) -> (f64, usize) {
    let payment = &till.known(At::Octo)["payments"][0];
    (payment["refunded_sum"].as_f64().expect("a sum"), payment["refunds"].as_array().expect("refunds").len())
}

#[test]
fn a_refund_returns_all_and_puts_the_pairs_back() {
    let till = Till::open();
    let (_, order) = till.paid("Dilnoza", 4);
    let answer = till.refund(order).expect(200);
    assert_eq!(answer.json(), json!({"order_id": order, "status": "REFUNDED", "refund_status": "SUCCEEDED"}));
    assert_eq!((till.status(order).as_str(), till.shop.stock(till.slipper)), ("REFUNDED", STOCK));
    assert_eq!(returned(&till), ((4 * PRICE) as f64, 1));
    till.refund(order).expect_error(400, "Order already refunded");
    till.refund(9999).expect_error(404, "Order not found");
    // Pairs that are worn stay away.
    let (_, worn) = till.paid("Farhod", 1);
    let body = json!({"order_id": worn, "restock": false});
    till.shop.call(&till.admin, "POST", "/payments/octo/refund/", &body).expect(200);
    assert_eq!(till.shop.stock(till.slipper), STOCK - 1);
}

#[test]
fn parallel_refunds_and_retries_return_the_money_once() {
    let till = Till::open();
    let (_, order) = till.paid("Dilnoza", 1);
    till.fault(At::Octo, "refund", "lost", 1);
    let answers = at_once(6, |_| till.refund(order).status);
    assert!(answers.iter().all(|status| [200, 400].contains(status)), "{answers:?}");
    till.await_status(order, "REFUNDED");
    assert_eq!(returned(&till), (PRICE as f64, 1));
    till.assert_sound();
}

#[test]
fn a_refund_whose_answer_is_lost_or_that_octo_has_not_decided_is_asked_for_until_it_is() {
    let till = Till::open();
    let (_, order) = till.paid("Dilnoza", 1);
    till.fault(At::Octo, "refund", "pending", 1);
    let answer = till.refund(order).expect(200).json();
    assert_eq!(answer, json!({"order_id": order, "status": "PAID", "refund_status": "PENDING"}));
    till.sim(At::Octo, "settle", &json!({}));
    till.await_status(order, "REFUNDED");
    assert_eq!(returned(&till), (PRICE as f64, 1));
    till.assert_sound();
}

#[test]
fn a_refund_that_octo_refuses_leaves_the_order_paid_and_can_be_tried_again() {
    let till = Till::open();
    let (_, order) = till.paid("Dilnoza", 1);
    till.fault(At::Octo, "refund", "declined", 1);
    till.refund(order).expect_error(400, "The payment gateway refused the refund");
    assert_eq!(till.status(order), "PAID");
    till.refund(order).expect(200);
    till.await_status(order, "REFUNDED");
    assert_eq!(returned(&till), (PRICE as f64, 2), "the refused one, and another");
    till.assert_sound();
}

#[test]
fn less_than_a_dollar_is_told_before_octo_is_asked() {
    let till = Till::open_with(&[("OCTO_USD_UZS_RATE", "26000")]);
    let (_, order) = till.paid("Dilnoza", 1);
    till.refund(order).expect_error(400, "Minimum refund is >= 26000 UZS (1 USD)");
    assert_eq!((returned(&till).1, till.status(order).as_str()), (0, "PAID"));
}

#[test]
fn more_than_ten_million_goes_back_in_parts() {
    let till = Till::open();
    let (_, order) = till.paid("Wholesale", 500);
    let total = 500 * PRICE;
    till.refund(order).expect(200);
    till.await_status(order, "REFUNDED");
    assert_eq!(returned(&till), (total as f64, 2));
    assert_eq!(till.shop.stock(till.slipper), STOCK);
    till.assert_sound();
}

#[test]
fn money_that_was_returned_in_the_cabinet_is_seen() {
    let till = Till::open();
    let (_, order) = till.paid("Dilnoza", 1);
    let payment = till.payments(order).remove(0);
    let body = json!({"uuid": payment["gateway_id"], "amount": PRICE});
    till.sim(At::Octo, "cabinet_refund", &body);
    // Whether OCTO tells of it is not known; if it does, the shop asks.
    let uuid = payment["gateway_id"].as_str().expect("a uuid");
    let told = json!({"octo_payment_UUID": uuid, "status": "succeeded", "refunded_sum": PRICE,
        "signature": signature(uuid, "succeeded")});
    till.shop.post("/payments/octo/notify", &told).expect(200);
    till.await_status(order, "REFUNDED");
    // If it does not, the shop asks all the same; it is time for that some minutes later.
    let (_, order) = till.paid("Farhod", 1);
    let uuid = till.payments(order)[0]["gateway_id"].clone();
    till.sim(At::Octo, "cabinet_refund", &json!({"uuid": uuid, "amount": PRICE}));
    till.shop.rows().run("UPDATE payments SET compare_at = paid_at WHERE compare_at IS NOT NULL");
    till.await_status(order, "REFUNDED");
    assert_eq!(till.payments(order)[0]["review"], Value::Null);
    till.assert_sound();
}
