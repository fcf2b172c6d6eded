//! What the shop's real front-ends do around a payment, and what must come of it: one order, one payment, at most one refund.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::till::{At, CARD, CLICK_KEY, OCTO_SECRET, PAYME_KEY, PRICE, STARTS_OF_CARDS, Till, UNIQUE_KEY};

#[test]
fn a_return_page_that_loops_does_no_harm() {
    let till = Till::open();
    let (buyer, order) = till.paid("Dilnoza", 2);
    let (_, others) = till.order("Somebody else", 1);
    let claim = json!({"status": "PAID", "notes": "Payment completed via OCTO. Payment ID: undefined"});
    // One visit, as it was measured: 241 times the cart, 69 times the order.
    let answers = at_once(10, |worker| {
        let of_worker = (0..31).map(|number| {
            if (worker * 31 + number) % 9 < 7 {
                let cleared =
                    till.shop.call(&buyer, "DELETE", "/cart/clear", &Value::Null).expect(200).json();
                assert_eq!(cleared["items"], json!([]));
                200
            } else {
                till.shop.call(&buyer, "PUT", &format!("/orders//{order}"), &claim).status
            }
        });
        of_worker.collect::<Vec<_>>()
    });
    assert!(answers.iter().flatten().all(|status| [200, 404].contains(status)), "{answers:?}");
    // Whoever says so, and however it is written: nobody but a gateway or an admin makes an order paid.
    for path in [format!("/orders//{others}"), format!("/orders/{others}"), format!("/orders/{others}/")] {
        let status = till.shop.call(&buyer, "PUT", &path, &claim).status;
        assert!([403, 404].contains(&status), "{path}: {status}");
    }
    assert_eq!((till.status(order).as_str(), till.status(others).as_str()), ("PAID", "PENDING"));
    assert_eq!(till.shop.rows().number("SELECT count(*) FROM payments"), 1);
    till.assert_sound();
}

#[test]
fn a_whole_purchase_with_every_call_sent_again_is_one_of_each() {
    let till = Till::open();
    let buyer = till.shop.customer("Impatient");
    till.shop.put_in_cart(&buyer, till.slipper, 60);
    // Four times each, as a browser that gave up does; then the amount that the front-end worked out.
    let placed =
        at_once(4, |_| till.shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).text());
    assert!(placed.iter().all(|answer| *answer == placed[0]));
    let order: Value = serde_json::from_str(&placed[0]).expect("JSON");
    let order: i64 = order["order_id"].as_str().expect("a number").parse().expect("a number");
    let body = json!({"amount": 60 * PRICE, "description": format!("Order #{order}"), "order_id": order});
    let made = at_once(6, |_| till.create(&buyer, &body).expect(200).json());
    assert!(made.iter().all(|answer| *answer == made[0]), "{made:?}");
    let link = made[0]["redirect_url"].as_str().expect("a link");
    at_once(3, |_| till.press(link, "pay"));
    till.await_status(order, "PAID");
    // Back on the payment page, once more.
    assert_eq!(till.create(&buyer, &body).status, 409);
    assert_eq!(till.create(&buyer, &json!({})).expect(400).detail(), "Cart is empty");
    let statuses = at_once(4, |_| till.refund(order).status);
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    till.await_status(order, "REFUNDED");
    let known = till.known(At::Octo)["payments"].clone();
    assert_eq!(
        (known.as_array().map(Vec::len), known[0]["refunds"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    for (table, count) in [("orders", 1), ("payments", 1), ("refunds", 1)] {
        assert_eq!(till.shop.rows().number(&format!("SELECT count(*) FROM {table}")), count, "{table}");
    }
    till.assert_sound();
}

#[test]
fn no_key_and_no_card_shows_in_the_log_however_much_is_logged() {
    let mut till = Till::open_with(&[("SLIPPERS_LOG", "debug"), ("SLOW_REQUEST_MS", "0")]);
    let (buyer, order) = till.order("Dilnoza", 1);
    till.fault(At::Octo, "prepare_payment", "html", 1);
    till.fault(At::Octo, "callback", "wrong_signature", 1);
    let _ = till.create(&buyer, &json!({"order_id": order}));
    till.press(&till.link(&buyer, order), "pay");
    till.await_status(order, "PAID");
    till.fault(At::Octo, "refund", "declined", 1);
    till.refund(order).expect(400);
    till.refund(order).expect(200);
    // Cards where none belong.
    let told = json!({"shop_transaction_id": CARD, "octo_payment_UUID": "x", "status": CARD, "pan": CARD});
    till.shop.post("/payments/octo/notify", &told).expect(200);
    till.shop.post("/payments/click/prepare", &told).expect(200);
    till.shop.post("/payments/payme", &told).expect(200);
    let (buyer, order) = till.order("Farhod", 1);
    till.pay_at_payme(&buyer, order);
    let (buyer, order) = till.order("Guli", 1);
    till.fault(At::Click, "complete", "drop", 1);
    till.post(&format!("{}&do=pay", till.link_at(At::Click, &buyer, order)), "");
    till.await_status(order, "PAID");
    let (_, config, _) = till.shop.run(&["config", "check"], "");
    for name in ["OCTO_SECRET", "OCTO_UNIQUE_KEY", "PAYME_KEY", "CLICK_SECRET_KEY"] {
        let line = config.lines().find(|line| line.starts_with(name)).expect("it is shown");
        assert!(line.contains("[redacted]"), "{line}");
    }
    assert_eq!(till.shop.terminate(), Some(0));
    let log = till.shop.said();
    assert!(log.contains("payment 1 of order") && log.contains("is PAID"), "{log}");
    let basic = STANDARD.encode(format!("Paycom:{PAYME_KEY}"));
    let secrets = [OCTO_SECRET, UNIQUE_KEY, PAYME_KEY, CLICK_KEY, &basic];
    for secret in secrets.into_iter().chain(STARTS_OF_CARDS) {
        assert!(!log.contains(secret) && !config.contains(secret), "{secret} stands in:\n{log}\n{config}");
    }
}
