use base64::Engine as _;
use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::Gateway;
use slippers_core::types::{Money, OrderId};
use slippers_gateways::payme::{Payme, PaymeSettings};
use slippers_gateways::{Protocol as _, Secret, Start, Webhook};

use crate::shop::{NOW, Shop, json as body_of};

const KEY: &str = "key-of-thirty-six-characters-0123456";
const HALF_A_DAY: i64 = 12 * 3600;

fn payme() -> Payme {
    Payme::new(PaymeSettings {
        merchant_id: "587f72c72cac0d162c722ae2".to_owned(),
        login: "Paycom".to_owned(),
        key: Secret::new(KEY),
        checkout: "https://checkout.paycom.uz".to_owned(),
        return_url: String::new(),
        language: String::new(),
    })
}

fn basic(text: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

fn send(shop: &mut Shop, method: &str, authorization: Option<&str>, body: &str) -> Value {
    let webhook = Webhook {
        method,
        content_type: Some("text/json; charset=UTF-8"),
        authorization,
        body: body.as_bytes(),
    };
    body_of(&shop.hear(&payme(), webhook))
}

/// A good call.
fn call(shop: &mut Shop, method: &str, params: Value) -> Value {
    let body = json!({"method": method, "params": params, "id": 2032}).to_string();
    let answer = send(shop, "POST", Some(&basic(&format!("Paycom:{KEY}"))), &body);
    assert_eq!(answer["id"], 2032);
    answer
}

fn check(shop: &mut Shop, amount: Value, order: Value) -> Value {
    call(shop, "CheckPerformTransaction", json!({"amount": amount, "account": {"order_id": order}}))
}

fn create(shop: &mut Shop, id: &str) -> Value {
    let time = NOW.millis();
    create_at(shop, id, time)
}

fn create_at(shop: &mut Shop, id: &str, time: i64) -> Value {
    let account = json!({"order_id": "1"});
    call(shop, "CreateTransaction", json!({"id": id, "time": time, "amount": 72_000_000, "account": account}))
}

fn perform(shop: &mut Shop, id: &str) -> Value {
    call(shop, "PerformTransaction", json!({"id": id}))
}

fn cancel(shop: &mut Shop, id: &str, reason: i64) -> Value {
    call(shop, "CancelTransaction", json!({"id": id, "reason": reason}))
}

fn code(answer: &Value) -> i64 {
    let message = &answer["error"]["message"];
    assert!(["ru", "uz", "en"].iter().all(|one| message[one].is_string()), "{answer}");
    answer["error"]["code"].as_i64().expect("a code")
}

#[test]
fn the_official_link_is_made() {
    let link = payme().checkout_link(OrderId::new(197), Money::from_minor(500));
    assert_eq!(
        link,
        "https://checkout.paycom.uz/bT01ODdmNzJjNzJjYWMwZDE2MmM3MjJhZTI7YWMub3JkZXJfaWQ9MTk3O2E9NTAw"
    );
    let mut shop = Shop::new();
    let attempt = shop.open(Gateway::Payme);
    let order = payme().checkout_link(OrderId::new(1), Money::from_minor(72_000_000));
    assert_eq!(payme().start(&attempt, NOW), Start::Link(order));
}

#[test]
fn what_is_no_call_is_told_so_in_the_order_of_the_template() {
    let mut shop = Shop::new();
    let good = basic(&format!("Paycom:{KEY}"));
    let body = r#"{"method":"CheckTransaction","params":{"id":"t"},"id":1}"#;
    assert_eq!(code(&send(&mut shop, "GET", Some(&good), body)), -32300);
    assert_eq!(code(&send(&mut shop, "POST", Some(&good), "{")), -32700);
    assert_eq!(code(&send(&mut shop, "POST", Some(&good), "[]")), -32600);
    for wrong in [None, Some("Basic TG9naW46UGFzcw=="), Some("Basic %"), Some("Bearer x"), Some("")] {
        let answer = send(&mut shop, "POST", wrong, body);
        assert_eq!((code(&answer), &answer["id"]), (-32504, &json!(1)), "{wrong:?}");
    }
    assert_eq!(code(&send(&mut shop, "POST", Some(&basic(&format!("Paycom:{KEY}x"))), body)), -32504);
    assert_eq!(code(&send(&mut shop, "POST", Some(&basic(&format!("paycom:{KEY}"))), body)), -32504);
    assert_eq!(code(&send(&mut shop, "POST", Some(&good), r#"{"id":1}"#)), -32600);
    let unknown = call(&mut shop, "Dance", json!({}));
    assert_eq!((code(&unknown), &unknown["error"]["data"]), (-32601, &json!("Dance")));
    assert_eq!(code(&send(&mut shop, "POST", Some(&good), body)), -31003, "and a good one gets through");
}

#[test]
fn the_sandbox_orders_its_first_tests_so() {
    let mut shop = Shop::new();
    assert_eq!(code(&check(&mut shop, json!(1), json!("1"))), -31001);
    assert_eq!(code(&check(&mut shop, json!(72_000_000.5), json!("1"))), -31001);
    for order in [json!("999"), json!("abc"), json!(""), json!(null), json!("-1")] {
        let answer = check(&mut shop, json!(72_000_000), order);
        assert_eq!((code(&answer), &answer["error"]["data"]), (-31050, &json!("order_id")));
    }
    assert_eq!(check(&mut shop, json!(72_000_000), json!("1"))["result"], json!({"allow": true}));
    assert_eq!(check(&mut shop, json!(72_000_000), json!(1))["result"], json!({"allow": true}));
    // create -> create again -> cancel
    let created = create(&mut shop, "t1");
    let expected = json!({"create_time": NOW.millis(), "transaction": "1", "state": 1});
    assert_eq!(created["result"], expected);
    shop.now = NOW.plus_seconds(5);
    assert_eq!(create(&mut shop, "t1"), created);
    let busy = create(&mut shop, "t2");
    assert_eq!((code(&busy), &busy["error"]["data"]), (-31052, &json!("order_id")));
    let cancelled = cancel(&mut shop, "t1", 3);
    let at = NOW.plus_seconds(5).millis();
    assert_eq!(cancelled["result"], json!({"transaction": "1", "cancel_time": at, "state": -1}));
    shop.now = NOW.plus_seconds(9);
    assert_eq!(cancel(&mut shop, "t1", 4), cancelled);
    assert_eq!(code(&create(&mut shop, "t1")), -31008);
    assert_eq!(code(&perform(&mut shop, "t1")), -31008);
    assert_eq!(create(&mut shop, "t2")["result"]["state"], 1, "the order is free again");
}

#[test]
fn a_payment_is_performed_once_and_taken_back_once() {
    let mut shop = Shop::new();
    create(&mut shop, "t1");
    shop.now = NOW.plus_seconds(60);
    let performed = perform(&mut shop, "t1");
    let at = NOW.plus_seconds(60).millis();
    assert_eq!(performed["result"], json!({"transaction": "1", "perform_time": at, "state": 2}));
    shop.now = NOW.plus_seconds(61);
    assert_eq!(perform(&mut shop, "t1"), performed);
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Paid);
    let paid = check(&mut shop, json!(72_000_000), json!("1"));
    assert_eq!(code(&paid), -31051);
    assert_eq!(code(&create(&mut shop, "t2")), -31051);
    let returned = cancel(&mut shop, "t1", 5);
    let at = NOW.plus_seconds(61).millis();
    assert_eq!(returned["result"], json!({"transaction": "1", "cancel_time": at, "state": -2}));
    assert_eq!(cancel(&mut shop, "t1", 5), returned);
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Refunded);
    assert_eq!(code(&perform(&mut shop, "t1")), -31008);
    let told = call(&mut shop, "CheckTransaction", json!({"id": "t1"}));
    let expected = json!({
        "create_time": NOW.millis(), "perform_time": NOW.plus_seconds(60).millis(), "cancel_time": at,
        "transaction": "1", "state": -2, "reason": 5,
    });
    assert_eq!(told["result"], expected);
}

#[test]
fn money_on_its_way_back_is_not_taken_back_too() {
    let mut shop = Shop::new();
    create(&mut shop, "t1");
    perform(&mut shop, "t1");
    shop.book.begin_refund(0, Some(100), true, NOW);
    assert_eq!(code(&cancel(&mut shop, "t1", 5)), -31007);
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Paid);
}

#[test]
fn twelve_hours_end_a_transaction() {
    let mut shop = Shop::new();
    let old = NOW.plus_seconds(-HALF_A_DAY).millis();
    assert_eq!(code(&create_at(&mut shop, "t0", old)), -31008);
    assert_eq!(create_at(&mut shop, "t1", old + 1)["result"]["state"], 1);
    shop.now = NOW.plus_seconds(1);
    assert_eq!(code(&perform(&mut shop, "t1")), -31008);
    let told = call(&mut shop, "CheckTransaction", json!({"id": "t1"}));
    assert_eq!((&told["result"]["state"], &told["result"]["reason"]), (&json!(-1), &json!(4)));
    assert_eq!(told["result"]["cancel_time"], NOW.plus_seconds(1).millis());
    assert_eq!(create(&mut shop, "t2")["result"]["state"], 1);
    shop.now = NOW.plus_seconds(HALF_A_DAY);
    assert_eq!(code(&create(&mut shop, "t2")), -31008, "a repeated Create finds out too");
    let told = call(&mut shop, "CheckTransaction", json!({"id": "t2"}));
    assert_eq!((&told["result"]["state"], &told["result"]["reason"]), (&json!(-1), &json!(4)));
}

#[test]
fn unknown_transactions_and_missing_fields_are_told() {
    let mut shop = Shop::new();
    for method in ["PerformTransaction", "CheckTransaction"] {
        assert_eq!(code(&call(&mut shop, method, json!({"id": "nobody's"}))), -31003);
        assert_eq!(code(&call(&mut shop, method, json!({}))), -32600);
    }
    assert_eq!(code(&cancel(&mut shop, "nobody's", 3)), -31003);
    assert_eq!(code(&call(&mut shop, "CancelTransaction", json!({"id": "t"}))), -32600);
    assert_eq!(code(&call(&mut shop, "CreateTransaction", json!({"id": "t", "amount": 1}))), -32600);
    assert_eq!(code(&call(&mut shop, "GetStatement", json!({"from": 1}))), -32600);
}

#[test]
fn a_statement_lists_what_began_in_its_time() {
    let mut shop = Shop::new();
    create(&mut shop, "t1");
    cancel(&mut shop, "t1", 3);
    let ask = |shop: &mut Shop, from: i64, to: i64| {
        call(shop, "GetStatement", json!({"from": from, "to": to}))["result"]["transactions"].clone()
    };
    let at = NOW.millis();
    let listed = json!([{
        "id": "t1", "time": at, "amount": 72_000_000, "account": {"order_id": "1"}, "create_time": at,
        "perform_time": 0, "cancel_time": at, "transaction": "1", "state": -1, "reason": 3, "receivers": null,
    }]);
    assert_eq!(ask(&mut shop, at, at), listed, "both ends are in it");
    assert_eq!(ask(&mut shop, at + 1, at + 9), json!([]));
    assert_eq!(ask(&mut shop, 1, at - 1), json!([]));
}

#[test]
fn receipts_are_kept_for_payments_that_we_have() {
    let mut shop = Shop::new();
    create(&mut shop, "t1");
    let data = json!({"receipt_id": 42, "status_code": 0, "fiscal_sign": "800031554082"});
    let params = |id: &str| json!({"id": id, "type": "PERFORM", "fiscal_data": data.clone()});
    let before = shop.attempt().clone();
    assert_eq!(call(&mut shop, "SetFiscalData", params("t1"))["result"], json!({"success": true}));
    assert_eq!(shop.attempt(), &before);
    assert_eq!(code(&call(&mut shop, "SetFiscalData", params("t9"))), -32001);
    assert_eq!(code(&call(&mut shop, "SetFiscalData", json!({"id": "t1", "type": "X"}))), -32602);
}

#[test]
fn its_key_shows_nowhere() {
    assert!(!format!("{:?}", payme()).contains(KEY));
}
