//! What time does to orders and to keys.

use serde_json::{Value, json};

use crate::house::{DAY, HOUR, House, MINUTE, eventually};

/// An order's status as an admin sees it.
fn status(house: &House, order: &str) -> String {
    let shown = house.get(&house.admin(), &format!("/orders/{order}"));
    shown["status"].as_str().expect("a status").to_owned()
}

fn set(house: &House, order: &str, status: &str) {
    house.call(&house.admin(), "PUT", &format!("/orders/{order}"), &json!({"status": status}));
}

#[test]
fn an_unpaid_order_expires_on_the_minute_and_gives_its_stock_back_once() {
    let house = House::open(|_| ());
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    let order = house.order(&buyer, slipper, 4);
    house.pass(HOUR - 1);
    house.work();
    assert_eq!((status(&house, &order).as_str(), house.stock(slipper)), ("PENDING", 6));
    house.pass(1);
    house.work();
    assert_eq!((status(&house, &order).as_str(), house.stock(slipper)), ("CANCELLED", 10));
    for _ in 0..3 {
        house.pass(HOUR);
        house.work();
    }
    assert_eq!(house.stock(slipper), 10);
    let shown = house.get(&house.admin(), &format!("/orders/{order}"));
    assert_ne!(shown["updated_at"], shown["created_at"]);
    assert_eq!(shown["items"][0]["quantity"], 4, "its lines stay");
}

#[test]
fn only_pending_orders_expire_and_each_at_its_own_time() {
    let house = House::open(|_| ());
    let slipper = house.product("Cozy Home", 100);
    let (buyer, _) = house.customer("Dilnoza");
    let [paid, refunded, cancelled, pending] = [1, 2, 3, 4].map(|pairs| house.order(&buyer, slipper, pairs));
    for (order, steps) in
        [(&paid, &["PAID"][..]), (&refunded, &["PAID", "REFUNDED"]), (&cancelled, &["CANCELLED"])]
    {
        steps.iter().for_each(|step| set(&house, order, step));
    }
    house.pass(10 * MINUTE);
    let later = house.order(&buyer, slipper, 5);
    assert_eq!(house.stock(slipper), 100 - 1 - 4 - 5);
    house.pass(50 * MINUTE);
    house.work();
    let all = [&paid, &refunded, &cancelled, &pending, &later].map(|order| status(&house, order));
    assert_eq!(all, ["PAID", "REFUNDED", "CANCELLED", "CANCELLED", "PENDING"]);
    assert_eq!(house.stock(slipper), 100 - 1 - 5);
    house.pass(10 * MINUTE);
    house.work();
    assert_eq!((status(&house, &later).as_str(), house.stock(slipper)), ("CANCELLED", 99));
    // What has expired can't be paid any more: its pairs may be sold.
    let paying = house.send(&house.admin(), "PUT", &format!("/orders/{pending}"), &json!({"status": "PAID"}));
    assert_eq!(paying.status, 409);
}

#[test]
fn orders_never_expire_when_told_so() {
    let house = House::open(|settings| settings.orders.pending_ttl_minutes = 0);
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    let order = house.order(&buyer, slipper, 4);
    house.pass(1000 * DAY);
    house.work();
    assert_eq!((status(&house, &order).as_str(), house.stock(slipper)), ("PENDING", 6));
}

#[test]
fn however_many_expire_at_once_all_of_their_stock_comes_back() {
    let house = House::open(|_| ());
    let slippers = ["Red", "Green", "Blue"].map(|name| house.product(name, 1000));
    let (buyer, _) = house.customer("Dilnoza");
    for number in 0..250 {
        house.order(&buyer, slippers[number % 3], 2);
    }
    assert_eq!(slippers.map(|slipper| house.stock(slipper)).iter().sum::<i64>(), 2500);
    house.pass(HOUR);
    house.work();
    assert_eq!(slippers.map(|slipper| house.stock(slipper)), [1000; 3]);
    let orders = house.get(&house.admin(), "/orders/");
    let orders = orders.as_array().expect("a list");
    assert!(orders.len() == 250 && orders.iter().all(|order| order["status"] == "CANCELLED"));
}

#[test]
fn a_running_shop_looks_at_the_clock_by_itself() {
    let house = House::open(|_| ());
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    house.order(&buyer, slipper, 4);
    house.pass(HOUR);
    eventually("the stock comes back", || (house.stock(slipper) == 10).then_some(()));
}

#[test]
fn the_same_cart_makes_another_order_once_the_first_has_expired() {
    let house = House::open(|_| ());
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    house.put_in_cart(&buyer, slipper, 4);
    let place =
        |token: &str| house.call(token, "POST", "/orders/from-cart", &Value::Null)["order_id"].clone();
    let first = place(&buyer);
    assert_eq!(place(&buyer), first);
    house.pass(HOUR);
    house.work();
    let again = place(&house.login("Dilnoza"));
    assert_ne!(again, first);
    assert_eq!(house.stock(slipper), 6);
}

#[test]
fn expired_orders_make_room_for_new_ones() {
    let house = House::open(|settings| settings.orders.max_open = 2);
    let slipper = house.product("Cozy Home", 10);
    let (buyer, _) = house.customer("Dilnoza");
    house.order(&buyer, slipper, 1);
    house.order(&buyer, slipper, 1);
    house.put_in_cart(&buyer, slipper, 1);
    let place = |token: &str| house.send(token, "POST", "/orders/from-cart", &Value::Null).status;
    assert_eq!(place(&buyer), 409);
    house.pass(HOUR);
    house.work();
    assert_eq!(place(&house.login("Dilnoza")), 200);
}

#[test]
fn a_key_is_honoured_for_a_day_and_then_forgotten() {
    let house = House::open(|settings| settings.orders.pending_ttl_minutes = 0);
    let slipper = house.product("Cozy Home", 100);
    house.customer("Dilnoza");
    let place = || {
        let token = house.login("Dilnoza");
        house.put_in_cart(&token, slipper, 1);
        let answer = house.send_with(
            &token,
            "POST",
            "/orders/from-cart",
            &Value::Null,
            &[("idempotency-key", "once")],
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["order_id"].clone()
    };
    let first = place();
    house.pass(DAY);
    house.work();
    assert_eq!(place(), first, "the cart is another, the key is the same");
    assert_eq!(house.rows("idempotency_keys"), 1);
    house.pass(1);
    house.work();
    assert_eq!(house.rows("idempotency_keys"), 0);
    assert_ne!(place(), first);
    assert_eq!(house.rows("orders"), 2, "the orders themselves are kept");
}
