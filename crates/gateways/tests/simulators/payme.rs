use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::AttemptStatus;

use crate::front::{OPENED, Street};

async fn pay(street: &Street) -> slippers_gateways::simulator::Answer {
    let link = street.shop.create().await.expect("created").link.expect("a link");
    street.browse("POST", &format!("{link}?pay")).await
}

async fn call(street: &Street, method: &str, params: Value) -> Value {
    street.sim("call", json!({"method": method, "params": params})).await["answers"][0].clone()
}

fn creation(id: &str, amount: i64) -> Value {
    json!({"id": id, "time": OPENED.millis(), "amount": amount, "account": {"order_id": "1"}})
}

#[tokio::test]
async fn a_buyer_pays_on_the_page_and_comes_back() {
    let street = Street::with_payme().await;
    let link = street.shop.create().await.expect("created").link.expect("a link");
    let page = street.browse("GET", &link).await;
    assert!(page.body.contains("Order #1") && page.body.contains("720000.0 soum"), "{}", page.body);
    assert!(!page.body.contains("<script"));
    let back = street.browse("POST", &format!("{link}?pay")).await;
    assert_eq!((back.status, back.location.as_deref()), (303, Some("http://shop.example/")));
    assert_eq!(street.order(), OrderStatus::Paid);
    assert_eq!(street.shop.shop().book.attempts.len(), 1, "it is the attempt that was opened");
    assert_eq!(street.browse("POST", &format!("{link}?pay")).await.location, None, "it is paid once");
    let statement = street.sim("statement", json!({})).await;
    assert_eq!(statement, json!({"listed": 1, "differences": []}));
    street.check_books();
}

#[tokio::test]
async fn lost_answers_and_copies_change_nothing() {
    let names = ["CheckPerformTransaction", "CreateTransaction", "PerformTransaction"];
    for (fault, at) in names.map(|name| ("lost", name)).into_iter().chain([("duplicate", "call")]) {
        let street = Street::with_payme().await;
        street.sim("faults", json!([{"at": at, "what": fault, "times": 2, "value": 5}])).await;
        assert_eq!(pay(&street).await.status, 303, "{fault}");
        assert_eq!(street.order(), OrderStatus::Paid, "{fault}");
        assert_eq!(street.shop.shop().book.attempts.len(), 1, "{fault}");
        assert_eq!(street.sim("statement", json!({})).await["differences"], json!([]), "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn a_perform_whose_answer_nobody_hears_is_taken_back() {
    for (fault, times, order) in [("lost", 3, OrderStatus::Refunded), ("drop", 1, OrderStatus::Pending)] {
        let street = Street::with_payme().await;
        street.sim("faults", json!([{"at": "PerformTransaction", "what": fault, "times": times}])).await;
        assert!(pay(&street).await.body.contains("no money was taken"), "{fault}");
        assert_eq!(street.order(), order, "{fault}");
        assert_eq!(street.sim("statement", json!({})).await["differences"], json!([]), "{fault}");
        street.check_books();
    }
}

#[tokio::test]
async fn forged_and_tampered_calls_take_no_money() {
    for fault in ["wrong_signature", "tampered"] {
        let street = Street::with_payme().await;
        street.fault("call", fault).await;
        let page = pay(&street).await;
        assert!(page.body.contains("does not take this payment"), "{fault}: {}", page.body);
        assert_eq!(street.order(), OrderStatus::Pending, "{fault}");
        assert_eq!(street.attempt().status, AttemptStatus::Created, "{fault}");
    }
    let street = Street::with_payme().await;
    let answer = street
        .sim("call", json!({"method": "CheckTransaction", "params": {"id": "t"}, "key": "another"}))
        .await;
    assert_eq!(answer["answers"][0]["error"]["code"], -32504);
}

#[tokio::test]
async fn a_bank_that_refuses_frees_the_order() {
    let street = Street::with_payme().await;
    street.fault("call", "declined").await;
    assert!(pay(&street).await.body.contains("no money was taken"));
    assert_eq!(street.attempt().status, AttemptStatus::Cancelled);
    assert_eq!(pay(&street).await.status, 303, "the buyer tries again");
    assert_eq!(street.order(), OrderStatus::Paid);
    assert_eq!(street.sim("statement", json!({})).await, json!({"listed": 2, "differences": []}));
    street.check_books();
}

#[tokio::test]
async fn twenty_performs_at_once_pay_once() {
    let street = Street::with_payme().await;
    assert_eq!(call(&street, "CreateTransaction", creation("t1", 72_000_000)).await["result"]["state"], 1);
    let perform = json!({"method": "PerformTransaction", "params": {"id": "t1"}, "copies": 20});
    let answers = street.sim("call", perform).await["answers"].as_array().cloned().expect("answers");
    assert_eq!(answers.len(), 20);
    for answer in &answers {
        assert_eq!(answer["result"], answers[0]["result"], "each hears the same");
    }
    assert_eq!(answers[0]["result"]["state"], 2);
    assert_eq!(street.shop.shop().book.postings.len(), 1);
    street.check_books();
}

#[tokio::test]
async fn of_twenty_transactions_on_an_order_one_holds_it() {
    let street = Street::with_payme().await;
    let mut held = 0;
    for at in 0..20 {
        let answer = call(&street, "CreateTransaction", creation(&format!("t{at}"), 72_000_000)).await;
        held += i32::from(answer["result"]["state"] == 1);
        assert!(answer["result"]["state"] == 1 || answer["error"]["code"] == -31052, "{answer}");
    }
    assert_eq!(held, 1);
}

#[tokio::test]
async fn time_ends_what_was_not_performed() {
    let street = Street::with_payme().await;
    call(&street, "CreateTransaction", creation("t1", 72_000_000)).await;
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Pending);
    street.wait(12 * 3600);
    street.shop.reconcile().await;
    assert_eq!(street.attempt().status, AttemptStatus::Expired);
    let answer = call(&street, "PerformTransaction", json!({"id": "t1"})).await;
    assert_eq!(answer["error"]["code"], -31008);
}

#[tokio::test]
async fn money_returned_in_the_cabinet_refunds_the_order() {
    let street = Street::with_payme().await;
    pay(&street).await;
    let id = street.attempt().their_id.expect("known").to_string();
    let answer = street.sim("cancel", json!({"id": id, "reason": 5})).await;
    assert_eq!(answer["result"]["state"], -2);
    assert_eq!(street.order(), OrderStatus::Refunded);
    assert_eq!(street.sim("statement", json!({})).await["differences"], json!([]));
    street.check_books();
}
