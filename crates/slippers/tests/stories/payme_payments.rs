//! Paying at Payme, which calls the shop: its buyers' way, the order of its sandbox's tests, and what can go wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::shop::Answer;
use crate::till::{At, PAYME_KEY, PRICE, STOCK, Till};
use crate::tokens::now;

/// A transaction of Payme's, and what calls say of it.
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) time: i64,
    pub(crate) amount: i64,
    pub(crate) order: i64,
}

impl Transaction {
    pub(crate) fn new(number: u32, order: i64, pairs: i64) -> Self {
        Self { id: format!("{number:024}"), time: now() * 1000, amount: pairs * PRICE * 100, order }
    }

    pub(crate) fn create(&self) -> Value {
        let account = json!({"order_id": self.order.to_string()});
        json!({"id": self.id, "time": self.time, "amount": self.amount, "account": account})
    }

    pub(crate) fn id(&self) -> Value {
        json!({"id": self.id})
    }

    pub(crate) fn cancel(&self, reason: i64) -> Value {
        json!({"id": self.id, "reason": reason})
    }
}

impl Till {
    /// So many calls of Payme's at once; answers what the shop says to each.
    fn payme_at_once(&self, method: &str, params: &Value, copies: u64) -> Vec<Value> {
        let body = json!({"method": method, "params": params, "copies": copies});
        let answers = self.sim(At::Payme, "call", &body)["answers"].as_array().expect("answers").clone();
        // Each call has a number of its own, which goes back.
        answers
            .into_iter()
            .map(|mut answer| {
                assert!(answer["id"].is_i64(), "{answer}");
                answer.as_object_mut().expect("an object").remove("id");
                answer
            })
            .collect()
    }

    pub(crate) fn payme(&self, method: &str, params: &Value) -> Value {
        self.payme_at_once(method, params, 1).remove(0)
    }

    #[track_caller]
    pub(crate) fn payme_refuses(&self, method: &str, params: &Value, code: i64) {
        let answer = self.payme(method, params);
        assert_eq!(answer["error"]["code"], code, "{method}: {answer}");
        for language in ["ru", "uz", "en"] {
            assert!(answer["error"]["message"][language].is_string(), "{answer}");
        }
    }
}

#[test]
fn a_buyer_pays_at_payme_and_money_returned_there_is_seen_here() {
    let till = Till::open_with(&[("PAYME_RETURN_URL", "http://front.example/paid")]);
    let (buyer, order) = till.order("Dilnoza", 2);
    assert_eq!(till.pay_at_payme(&buyer, order), "http://front.example/paid");
    assert_eq!(till.status(order), "PAID");
    let payment = till.payments(order).remove(0);
    assert_eq!((&payment["gateway"], &payment["settles"]), (&json!("payme"), &json!(true)));
    assert_eq!(till.payments(order).len(), 1, "the attempt of the link is the transaction");
    // Refunds at Payme begin in its cabinet.
    till.refund(order).expect_error(400, "Order has no payment_uuid; cannot refund");
    till.sim(At::Payme, "cancel", &json!({"id": payment["gateway_id"], "reason": 5}));
    assert_eq!((till.status(order).as_str(), till.shop.stock(till.slipper)), ("REFUNDED", STOCK));
    till.assert_sound();
}

#[test]
fn a_call_that_comes_again_is_answered_as_the_first_time() {
    let till = Till::open();
    let (_, order) = till.order("Dilnoza", 1);
    let paid = Transaction::new(1, order, 1);
    let check = json!({"amount": paid.amount, "account": {"order_id": order}});
    assert_eq!(till.payme("CheckPerformTransaction", &check)["result"], json!({"allow": true}));
    let created = till.payme_at_once("CreateTransaction", &paid.create(), 20);
    assert!(
        created.iter().all(|answer| *answer == created[0] && answer["result"]["state"] == 1),
        "{created:?}"
    );
    let performed = till.payme_at_once("PerformTransaction", &paid.id(), 20);
    assert!(
        performed.iter().all(|answer| *answer == performed[0] && answer["result"]["state"] == 2),
        "{performed:?}"
    );
    assert_eq!(till.status(order), "PAID");
    assert_eq!(till.payments(order).len(), 1);
    till.payme_refuses("CreateTransaction", &paid.create(), -31008);
    let known = till.payme("CheckTransaction", &paid.id())["result"].clone();
    assert_eq!(
        (&known["state"], &known["reason"], &known["cancel_time"]),
        (&json!(2), &Value::Null, &json!(0))
    );
    let cancelled = till.payme_at_once("CancelTransaction", &paid.cancel(5), 20);
    assert!(
        cancelled.iter().all(|answer| *answer == cancelled[0] && answer["result"]["state"] == -2),
        "{cancelled:?}"
    );
    till.payme_refuses("PerformTransaction", &paid.id(), -31008);
    assert_eq!(till.status(order), "REFUNDED");
    // Given up before it was performed: the order can be paid by another transaction.
    let (_, order) = till.order("Farhod", 1);
    let (first, second) = (Transaction::new(2, order, 1), Transaction::new(3, order, 1));
    till.payme("CreateTransaction", &first.create());
    till.payme_refuses("CreateTransaction", &second.create(), -31052);
    let cancelled = till.payme("CancelTransaction", &first.cancel(3));
    assert_eq!(cancelled["result"]["state"], -1);
    assert_eq!(till.payme("CheckTransaction", &first.id())["result"]["reason"], 3);
    assert_eq!(till.payme("CreateTransaction", &second.create())["result"]["state"], 1);
    assert_eq!(till.payme("PerformTransaction", &second.id())["result"]["state"], 2);
    assert_eq!(till.status(order), "PAID");
    till.assert_sound();
}

#[test]
fn what_is_wrong_with_a_call_is_told_by_its_code() {
    let till = Till::open();
    let (_, order) = till.order("Dilnoza", 1);
    let good = Transaction::new(1, order, 1);
    let account = json!({"order_id": order.to_string()});
    till.payme_refuses("CheckPerformTransaction", &json!({"amount": 1, "account": account}), -31001);
    till.payme_refuses("CheckPerformTransaction", &json!({"amount": 1.5, "account": account}), -31001);
    let stranger = json!({"order_id": "99999"});
    till.payme_refuses("CheckPerformTransaction", &json!({"amount": 100, "account": stranger}), -31050);
    till.payme_refuses(
        "CreateTransaction",
        &json!({"id": good.id, "time": good.time, "amount": 1, "account": {}}),
        -31050,
    );
    till.payme_refuses("CreateTransaction", &json!({"id": good.id}), -32600);
    till.payme_refuses("PerformTransaction", &good.id(), -31003);
    till.payme_refuses("CancelTransaction", &good.cancel(5), -31003);
    till.payme_refuses("CheckTransaction", &good.id(), -31003);
    till.payme_refuses("PayLater", &json!({}), -32601);
    let basic = format!("Basic {}", STANDARD.encode(format!("Paycom:{PAYME_KEY}")));
    let call = |method: &str, path: &str, authorization: &str, body: &[u8]| -> Answer {
        let headers = [("authorization", authorization), ("content-type", "text/json; charset=UTF-8")];
        till.shop.send(method, path, &headers, Some(body)).expect(200)
    };
    let body = json!({"method": "CheckTransaction", "params": {"id": good.id}, "id": 5}).to_string();
    for path in ["/payments/payme", "/payments/payme/", "/api/rpc", "/api/rpc/"] {
        let wrong = format!("Basic {}", STANDARD.encode("Paycom:wrong"));
        for (method, authorization, body, code) in [
            ("POST", "", body.as_bytes(), -32504),
            ("POST", wrong.as_str(), body.as_bytes(), -32504),
            ("POST", "Bearer x", body.as_bytes(), -32504),
            ("POST", basic.as_str(), b"{", -32700),
            ("POST", basic.as_str(), b"[]", -32600),
            ("POST", basic.as_str(), br#"{"id":1}"#, -32600),
            ("POST", basic.as_str(), body.as_bytes(), -31003),
        ] {
            let answer = call(method, path, authorization, body).json();
            assert_eq!(answer["error"]["code"], code, "{path}: {answer}");
        }
        let answer = till.shop.send("GET", path, &[("authorization", &basic)], None).expect(200).json();
        assert_eq!(answer["error"]["code"], -32300, "{path}");
    }
    assert_eq!((till.status(order).as_str(), till.payments(order).len()), ("PENDING", 0));
}

#[test]
fn lost_answers_and_banks_that_refuse_leave_the_truth() {
    let till = Till::open();
    let (buyer, order) = till.order("Lost", 1);
    for method in ["CheckPerformTransaction", "CreateTransaction", "PerformTransaction"] {
        till.fault(At::Payme, method, "lost", 1);
    }
    assert!(till.pay_at_payme(&buyer, order).contains("Paid"));
    assert_eq!(till.status(order), "PAID");
    let (buyer, order) = till.order("Poor", 1);
    till.fault(At::Payme, "call", "declined", 1);
    till.fault(At::Payme, "CancelTransaction", "lost", 1);
    assert!(till.pay_at_payme(&buyer, order).contains("Not paid"));
    assert_eq!(
        (till.status(order), till.payments(order)[0]["status"].clone()),
        ("PENDING".into(), json!("CANCELLED"))
    );
    // Tampered with, and forged: nothing is taken.
    for fault in ["tampered", "wrong_signature"] {
        till.fault(At::Payme, "call", fault, 1);
        assert!(till.pay_at_payme(&buyer, order).contains("does not take"), "{fault}");
        assert_eq!(till.status(order), "PENDING");
    }
    assert!(till.pay_at_payme(&buyer, order).contains("Paid"));
    // Both books say the same.
    let compared = till.sim(At::Payme, "statement", &json!({}));
    assert_eq!((&compared["differences"], &compared["listed"]), (&json!([]), &json!(3)));
    till.assert_sound();
}

#[test]
fn an_order_that_payme_holds_is_neither_deleted_nor_cancelled() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    let held = Transaction::new(1, order, 1);
    till.payme("CreateTransaction", &held.create());
    let path = format!("/orders/{order}");
    till.shop.call(&buyer, "DELETE", &path, &Value::Null).expect(409);
    till.shop.call(&buyer, "PUT", &path, &json!({"status": "CANCELLED"})).expect(409);
    till.shop.call(&till.admin, "PUT", &path, &json!({"status": "PAID"})).expect(409);
    till.payme("CancelTransaction", &held.cancel(3));
    till.shop.call(&buyer, "PUT", &path, &json!({"status": "CANCELLED"})).expect(200);
    till.payme_refuses("CreateTransaction", &Transaction::new(2, order, 1).create(), -31051);
    till.assert_sound();
}
