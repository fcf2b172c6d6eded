//! What the operations of payments cost.

use serde_json::{Value, json};

use super::{Asked, Body, Row, Scene, admin, anyone, buyer, post};
use crate::house::House;
use crate::paying;

/// As its sibling, with what the first and the last are about: an attempt is opened, and what gateways say is applied.
pub(super) const OPERATIONS: &[Row] = &[
    ("POST /payments/octo/create", 11, |s| buyer(s, "/payments/octo/create", json!({"order_id": s.order()}))),
    ("POST /payments/payme/create", 4, |s| {
        buyer(s, "/payments/payme/create", json!({"order_id": s.order()}))
    }),
    ("POST /payments/click/create", 4, |s| {
        buyer(s, "/payments/click/create", json!({"order_id": s.order()}))
    }),
    // The claim, and what OCTO says to it.
    ("POST /payments/octo/notify", 11, |s| {
        s.paying("octo");
        post(
            "/payments/octo/notify",
            json!({"shop_transaction_id": s.payment()["reference"], "status": "succeeded"}),
        )
    }),
    ("POST /payments/octo/refund", 24, |s| {
        let order = s.paying("octo");
        s.pay_at_octo(&s.payment());
        admin(s, "/payments/octo/refund", json!({"order_id": order}))
    }),
    ("GET /payments/payme", 0, |_| anyone("/payments/payme")),
    ("POST /payments/payme", 14, |s| {
        let id = s.begun_at_payme(&s.order());
        Asked(String::new(), "/payments/payme".into(), Body::Payme(paying::payme_perform(&id)))
    }),
    ("GET /api/rpc", 0, |_| anyone("/api/rpc")),
    ("POST /api/rpc", 6, |s| {
        let (id, order) = (format!("{:024}", s.number()), s.order());
        let body = paying::payme_create(&id, &order, 25, s.house.now());
        Asked(String::new(), "/api/rpc".into(), Body::Payme(body))
    }),
    ("POST /payments/click/prepare", 6, |s| {
        let form = paying::click_form(&s.number().to_string(), &s.order(), 25, None);
        Asked(String::new(), "/payments/click/prepare".into(), Body::Form(form))
    }),
    ("POST /payments/click/complete", 14, |s| {
        let (id, order) = (s.number().to_string(), s.order());
        let prepare = Body::Form(paying::click_form(&id, &order, 25, None));
        let prepared = ask(&s.house, "POST", "/payments/click/prepare", prepare);
        let number = prepared["merchant_prepare_id"].to_string();
        let form = paying::click_form(&id, &order, 25, Some(&number));
        Asked(String::new(), "/payments/click/complete".into(), Body::Form(form))
    }),
    ("GET /payments/", 1, |s| admin(s, "/payments/", Value::Null)),
    ("GET /payments/{payment_id}/events", 2, |s| {
        s.paying("octo");
        admin(s, format!("/payments/{}/events", s.payment()["id"]), Value::Null)
    }),
    ("POST /payments/{payment_id}/close-review", 5, |s| {
        let path = format!("/payments/{}/close-review", s.second_payment());
        admin(s, path, json!({"note": "returned in cash"}))
    }),
];

impl Scene {
    /// An order that is being paid at OCTO.
    fn paying(&self, gateway: &str) -> String {
        let order = self.order();
        let body = json!({"order_id": order});
        self.house.call(&self.buyer, "POST", &format!("/payments/{gateway}/create"), &body);
        order
    }

    /// The newest payment.
    fn payment(&self) -> Value {
        self.house.get(&self.admin, "/payments/?max=1")[0].clone()
    }

    /// Pays at OCTO, which tells so.
    fn pay_at_octo(&self, payment: &Value) {
        self.gateways.pay_at_octo(payment["gateway_id"].as_str().expect("a uuid"));
        let told = json!({"shop_transaction_id": payment["reference"], "status": "succeeded"});
        self.house.call("", "POST", "/payments/octo/notify", &told);
    }

    /// A transaction of Payme's for an order that has begun, by its name.
    fn begun_at_payme(&self, order: &str) -> String {
        let id = format!("{:024}", self.number());
        let body = paying::payme_create(&id, order, 25, self.house.now());
        ask(&self.house, "POST", "/payments/payme", Body::Payme(body));
        id
    }

    /// A payment at OCTO of an order that was paid at Payme meanwhile, by its number.
    fn second_payment(&self) -> String {
        let order = self.paying("octo");
        let payment = self.payment();
        let perform = paying::payme_perform(&self.begun_at_payme(&order));
        ask(&self.house, "POST", "/payments/payme", Body::Payme(perform));
        self.pay_at_octo(&payment);
        payment["id"].to_string()
    }
}

/// A call of a gateway's that must not be refused; answers what it is told.
pub(super) fn ask(house: &House, method: &str, path: &str, call: Body) -> Value {
    let answer = match call {
        Body::Payme(call) => house.send_with("", method, path, &call, &[("authorization", &paying::basic())]),
        Body::Form(form) => {
            house.send_bytes("", method, path, "application/x-www-form-urlencoded", form.into_bytes())
        }
        Body::Json(_) | Body::Picture => panic!("no gateway sends that"),
    };
    let is_fine = answer.body["error"].is_null() || answer.body["error"] == 0;
    assert!(answer.status == 200 && is_fine, "{method} {path}: {}", answer.body);
    answer.body
}
