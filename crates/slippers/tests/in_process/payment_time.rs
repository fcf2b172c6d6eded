//! What time does to payments: an order waits for what a gateway holds, and a gateway is asked before anything is given up.

use serde_json::{Value, json};

use crate::house::{Answer, DAY, HOUR, House, MINUTE, eventually};
use crate::paying::{Gateways, basic, payme_create, payme_perform};

const STOCK: i64 = 10;

/// A shop with gateways, a product and a buyer.
fn open(gateways: &Gateways) -> (House, i64, String) {
    let house = House::open(|settings| settings.payments = gateways.settings());
    let slipper = house.product("Cozy Home", STOCK);
    house.customer("Dilnoza");
    (house, slipper, "Dilnoza".to_owned())
}

impl House {
    /// Lets time pass, and both workers look at it.
    fn pass_and_work(&self, seconds: i64) {
        self.pass(seconds);
        self.work();
    }

    fn payment(&self) -> Value {
        self.get(&self.admin(), "/payments/")[0].clone()
    }

    fn status_of(&self, order: &str) -> String {
        let order = self.get(&self.admin(), &format!("/orders/{order}"));
        order["status"].as_str().expect("a status").to_owned()
    }

    fn payme(&self, call: &Value) -> Value {
        let answer = self.send_with("", "POST", "/payments/payme", call, &[("authorization", &basic())]);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

#[test]
fn an_order_that_octo_holds_open_expires_only_when_octo_has_given_it_up() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let order = house.order(&house.login(&name), slipper, 2);
    house.call(&house.login(&name), "POST", "/payments/octo/create", &json!({"order_id": order}));
    for _ in 0..3 {
        house.pass_and_work(HOUR);
        assert_eq!((house.status_of(&order), house.stock(slipper)), ("PENDING".to_owned(), STOCK - 2));
    }
    assert_eq!(house.payment()["status"], "PENDING");
    // Its link has run out over there by now.
    gateways.pass(HOUR);
    eventually("the order expires", || {
        house.pass_and_work(20 * MINUTE);
        (house.status_of(&order) == "CANCELLED").then_some(())
    });
    assert_eq!((house.payment()["status"].as_str(), house.stock(slipper)), (Some("CANCELLED"), STOCK));
}

#[test]
fn money_that_comes_after_the_order_was_given_up_is_kept_apart() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let order = house.order(&house.login(&name), slipper, 2);
    house.call(&house.login(&name), "POST", "/payments/octo/create", &json!({"order_id": order}));
    let payment = house.payment();
    // Paid at the last moment, and nobody was told.
    gateways.pay_at_octo(payment["gateway_id"].as_str().expect("a uuid"));
    house.pass(2 * HOUR);
    eventually("the shop asks before it gives the order up", || {
        house.pass_and_work(20 * MINUTE);
        (house.status_of(&order) == "PAID").then_some(())
    });
    assert_eq!(house.stock(slipper), STOCK - 2);
}

#[test]
fn a_transaction_of_paymes_is_over_after_twelve_hours() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let order = house.order(&house.login(&name), slipper, 1);
    let create = payme_create("000000000000000000000001", &order, 25, house.now());
    assert_eq!(house.payme(&create)["result"]["state"], 1);
    house.pass(12 * HOUR - 1);
    assert_eq!(house.payme(&create)["result"]["state"], 1);
    assert_eq!(house.status_of(&order), "PENDING", "it is held");
    house.pass(1);
    assert_eq!(house.payme(&payme_perform("000000000000000000000001"))["error"]["code"], -31008);
    assert_eq!(house.payme(&create)["error"]["code"], -31008);
    let check = json!({"method": "CheckTransaction", "params": {"id": "000000000000000000000001"}, "id": 3});
    let known = house.payme(&check)["result"].clone();
    assert_eq!((&known["state"], &known["reason"]), (&json!(-1), &json!(4)));
    // What began that long ago is not begun at all.
    let second = house.order(&house.login(&name), slipper, 1);
    let late = payme_create("000000000000000000000002", &second, 25, house.now().plus_seconds(-12 * HOUR));
    assert_eq!(house.payme(&late)["error"]["code"], -31008);
}

#[test]
fn a_link_that_nobody_used_holds_no_order_for_ever() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let order = house.order(&house.login(&name), slipper, 1);
    house.call(&house.login(&name), "POST", "/payments/payme/create", &json!({"order_id": order}));
    eventually("the order expires", || {
        house.pass_and_work(20 * MINUTE);
        (house.status_of(&order) == "CANCELLED").then_some(())
    });
    assert_eq!(house.stock(slipper), STOCK);
    eventually("its attempt too", || {
        house.pass_and_work(20 * MINUTE);
        (house.payment()["status"] == "EXPIRED").then_some(())
    });
}

#[test]
fn an_older_link_is_looked_at_before_it_is_given_again() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let buyer = house.login(&name);
    let order = house.order(&buyer, slipper, 1);
    let create = || house.send(&buyer, "POST", "/payments/octo/create", &json!({"order_id": order}));
    let link = |answer: &Answer| answer.body["redirect_url"].as_str().expect("a link").to_owned();
    let first = create();
    // Seconds later it is a retry, whatever happened over there.
    gateways.press(first.body["payment_uuid"].as_str().expect("a uuid"), "cancel");
    assert_eq!(link(&create()), link(&first));
    house.pass(11);
    let second = create();
    assert_ne!(link(&second), link(&first), "the first one leads nowhere by now");
    gateways.press(second.body["payment_uuid"].as_str().expect("a uuid"), "pay");
    house.pass(11);
    create().expect_error(409, "Order is already paid");
    assert_eq!(house.status_of(&order), "PAID");
}

#[test]
fn money_that_went_back_at_octo_is_seen_though_nobody_told_of_it() {
    let gateways = Gateways::open();
    let (house, slipper, name) = open(&gateways);
    let order = house.order(&house.login(&name), slipper, 2);
    house.call(&house.login(&name), "POST", "/payments/octo/create", &json!({"order_id": order}));
    let uuid = house.payment()["gateway_id"].as_str().expect("a uuid").to_owned();
    gateways.pay_at_octo(&uuid);
    eventually("it is paid", || {
        house.pass_and_work(MINUTE);
        (house.status_of(&order) == "PAID").then_some(())
    });
    // A part first, and the rest weeks later; the callbacks of both never come.
    gateways.return_at_octo(&uuid, 20);
    eventually("the part is seen", || {
        house.pass_and_work(HOUR);
        let events = house.get(&house.admin(), &format!("/payments/{}/events", house.payment()["id"]));
        events.to_string().contains("refunded_sum=20").then_some(())
    });
    assert_eq!((house.status_of(&order).as_str(), house.stock(slipper)), ("PAID", STOCK - 2));
    house.pass_and_work(30 * DAY);
    gateways.return_at_octo(&uuid, 30);
    eventually("the rest is seen", || {
        house.pass_and_work(HOUR);
        (house.status_of(&order) == "REFUNDED").then_some(())
    });
    assert_eq!((house.payment()["review"].clone(), house.stock(slipper)), (Value::Null, STOCK));
}
