use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::AttemptStatus;

use crate::front::Street;

async fn pay(street: &Street) -> slippers_gateways::simulator::Answer {
    let link = street.shop.create().await.expect("created").link.expect("a link");
    street.browse("POST", &format!("{link}&do=pay")).await
}

async fn call(street: &Street, fields: Value) -> Value {
    street.sim("call", json!({"fields": fields})).await["answers"][0].clone()
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_comes_back() {
    let street = Street::with_click().await;
    let link = street.shop.create().await.expect("created").link.expect("a link");
    let page = street.browse("GET", &link).await;
    assert!(page.body.contains("Order #1") && page.body.contains("720000.00 soum"), "{}", page.body);
    let back = street.browse("POST", &format!("{link}&do=pay")).await;
    assert_eq!((back.status, back.location.as_deref()), (303, Some("http://shop.example/")));
    assert_eq!(street.order(), OrderStatus::Paid);
    assert_eq!(street.state().await["payments"][0]["payment_status"], 2);
    assert_eq!(street.shop.shop().book.attempts.len(), 1, "it is the attempt that was opened");
    let refused = street.browse("POST", &format!("{link}&do=refuse")).await;
    assert!(refused.body.contains("Refused"));
    street.check_books();
}

#[tokio::test]
async fn lost_answers_and_copies_change_nothing() {
    for (fault, at) in [("lost", "prepare"), ("lost", "complete"), ("duplicate", "call")] {
        let street = Street::with_click().await;
        street.sim("faults", json!([{"at": at, "what": fault, "times": 2, "value": 5}])).await;
        assert_eq!(pay(&street).await.status, 303, "{fault}");
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        assert_eq!(street.shop.shop().book.postings.len(), 1, "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn forged_tampered_and_declined_payments_take_no_money() {
    for fault in ["wrong_signature", "tampered", "declined"] {
        let street = Street::with_click().await;
        street.fault("call", fault).await;
        assert!(pay(&street).await.body.contains("no money was taken"), "{fault}");
        assert_eq!(street.order(), OrderStatus::Pending, "{fault}");
        assert_eq!(pay(&street).await.status, 303, "{fault}: the buyer tries again");
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn of_twenty_completes_at_once_one_pays() {
    let street = Street::with_click().await;
    let amount = "720000.00";
    let id = "9007199254740993";
    let prepared = call(&street, json!({"click_trans_id": id, "amount": amount})).await;
    assert_eq!(prepared["click_trans_id"].to_string(), id);
    let fields = json!({
        "click_trans_id": id, "amount": amount, "action": "1", "merchant_prepare_id": prepared["merchant_prepare_id"],
    });
    let answers = street.sim("call", json!({"fields": fields, "copies": 20})).await;
    let codes: Vec<i64> =
        answers["answers"].as_array().expect("answers").iter().filter_map(|a| a["error"].as_i64()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1);
    assert_eq!(codes.iter().filter(|code| **code == -4).count(), 19);
    street.check_books();
}

#[tokio::test]
async fn raw_calls_are_signed_as_they_are() {
    let street = Street::with_click().await;
    assert_eq!(call(&street, json!({"amount": "720000.0"})).await["error"], 0);
    assert_eq!(call(&street, json!({"amount": null})).await["error"], -8);
    assert_eq!(call(&street, json!({"sign_string": "0"})).await["error"], -1);
    assert_eq!(call(&street, json!({"action": "7"})).await["error"], -3);
}

#[tokio::test]
async fn the_status_tells_what_became_of_a_payment_whose_complete_never_came() {
    let street = Street::with_click().await;
    street.fault("complete", "drop").await;
    pay(&street).await;
    assert_eq!(street.state().await["payments"][0]["payment_status"], 2);
    assert_eq!(street.order(), OrderStatus::Pending);
    street.fault("status", "lost").await;
    street.shop.reconcile().await;
    assert_eq!(street.order(), OrderStatus::Pending, "no answer is no word");
    street.shop.reconcile().await;
    assert_eq!(street.order(), OrderStatus::Paid);
    street.check_books();
}

#[tokio::test]
async fn an_attempt_that_click_holds_is_asked_about() {
    let street = Street::with_click().await;
    let prepared = call(&street, json!({"amount": "720000.00", "click_paydoc_id": "77"})).await;
    assert_eq!(prepared["error"], 0);
    assert_eq!(street.attempt().their_number.map(|number| number.to_string()).as_deref(), Some("77"));
    street.fault("status", "html").await;
    street.shop.reconcile().await;
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Pending, "not found is no word of a failure");
}
