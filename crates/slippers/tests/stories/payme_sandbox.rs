//! The tests of Payme's sandbox, in their order, and what twelve hours do to a transaction.

use serde_json::{Value, json};

use crate::payme_payments::Transaction;
use crate::till::{PRICE, STOCK, Till};
use crate::tokens::now;

#[test]
fn the_sandbox_finds_what_it_wants_in_its_order() {
    let till = Till::open();
    let (_, order) = till.order("Dilnoza", 1);
    let check = |amount: i64, order: &str| json!({"amount": amount, "account": {"order_id": order}});
    let (good, number) = (PRICE * 100, order.to_string());
    // Another key, another amount, another account.
    let asked =
        json!({"method": "CheckPerformTransaction", "params": check(good, &number), "id": 1}).to_string();
    let wrong = [("authorization", "Basic UGF5Y29tOndyb25n"), ("content-type", "text/json; charset=UTF-8")];
    let denied = till.shop.send("POST", "/payments/payme", &wrong, Some(asked.as_bytes())).expect(200).json();
    assert_eq!(denied["error"]["code"], -32504, "{denied}");
    till.payme_refuses("CheckPerformTransaction", &check(good + 1, &number), -31001);
    till.payme_refuses("CheckPerformTransaction", &check(good, "no-order"), -31050);
    assert_eq!(till.payme("CheckPerformTransaction", &check(good, &number))["result"]["allow"], true);
    // Create, create again, cancel, and cancel again.
    let first = Transaction::new(1, order, 1);
    let created = till.payme("CreateTransaction", &first.create());
    assert_eq!(created["result"]["state"], 1, "{created}");
    assert_eq!(till.payme("CreateTransaction", &first.create()), created);
    let cancelled = till.payme("CancelTransaction", &first.cancel(3));
    assert_eq!(cancelled["result"]["state"], -1, "{cancelled}");
    assert_eq!(till.payme("CancelTransaction", &first.cancel(3)), cancelled);
    assert_eq!(till.status(order), "PENDING");
    // Create, perform, perform again, cancel.
    let second = Transaction::new(2, order, 1);
    assert_eq!(till.payme("CreateTransaction", &second.create())["result"]["state"], 1);
    let performed = till.payme("PerformTransaction", &second.id());
    assert_eq!(performed["result"]["state"], 2, "{performed}");
    assert_eq!(till.payme("PerformTransaction", &second.id()), performed);
    assert_eq!(till.status(order), "PAID");
    assert_eq!(till.payme("CancelTransaction", &second.cancel(5))["result"]["state"], -2);
    assert_eq!((till.status(order).as_str(), till.shop.stock(till.slipper)), ("REFUNDED", STOCK));
    till.assert_sound();
}

#[test]
fn after_twelve_hours_a_transaction_is_neither_performed_nor_created() {
    let till = Till::open();
    let (_, order) = till.order("Dilnoza", 1);
    let held = Transaction::new(1, order, 1);
    till.payme("CreateTransaction", &held.create());
    // Nobody waits for twelve hours: its rows are made older.
    let old =
        "UPDATE payments SET expires_at = expires_at - 43200000000, reserved_at = reserved_at - 43200000000";
    till.shop.rows().run(old);
    till.payme_refuses("PerformTransaction", &held.id(), -31008);
    till.payme_refuses("CreateTransaction", &held.create(), -31008);
    let known = till.payme("CheckTransaction", &held.id())["result"].clone();
    assert_eq!((&known["state"], &known["reason"]), (&json!(-1), &json!(4)), "{known}");
    // What began that long ago is not begun at all.
    let late = Transaction { time: (now() - 43_200) * 1000, ..Transaction::new(2, order, 1) };
    till.payme_refuses("CreateTransaction", &late.create(), -31008);
    let fresh = Transaction::new(3, order, 1);
    assert_eq!(till.payme("CreateTransaction", &fresh.create())["result"]["state"], 1);
    assert_eq!(till.payme("PerformTransaction", &fresh.id())["result"]["state"], 2);
    assert_eq!(till.status(order), "PAID");
    let ended: Vec<_> = till.payments(order).iter().map(|payment| payment["status"].clone()).collect();
    assert_eq!(Value::from(ended), json!(["PAID", "EXPIRED"]));
    till.assert_sound();
}
