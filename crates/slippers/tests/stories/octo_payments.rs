//! Paying at OCTO: the buyer's way, and whatever can happen to it.

use serde_json::{Value, json};

use crate::crowd::at_once;
use crate::shop::{Shop, eventually, keys};
use crate::till::{At, CARD, PRICE, STARTS_OF_CARDS, STOCK, Till, signature};

#[test]
fn a_buyer_pays_and_the_order_is_paid_once_octo_itself_says_so() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 3);
    let made = till.create(&buyer, &json!({"order_id": order})).expect(200).json();
    assert_eq!(keys(&made), ["order_id", "redirect_url", "payment_uuid"]);
    assert_eq!(made["order_id"], order);
    let link = made["redirect_url"].as_str().expect("a link");
    assert!(link.ends_with(made["payment_uuid"].as_str().expect("a uuid")), "{made}");
    let known = till.known(At::Octo);
    assert_eq!(known["payments"][0]["total_sum"].as_f64(), Some((3 * PRICE) as f64));
    assert_eq!(till.status(order), "PENDING");
    till.press(link, "pay");
    till.await_status(order, "PAID");
    let [payment] = &till.payments(order)[..] else { panic!("one payment") };
    assert_eq!(
        (&payment["status"], &payment["settles"], &payment["review"]),
        (&json!("PAID"), &json!(true), &Value::Null)
    );
    let path = format!("/payments/{}/events/", payment["id"]);
    let events = till.shop.call(&till.admin, "GET", &path, &Value::Null).expect(200).json();
    let told: Vec<_> = events
        .as_array()
        .expect("a log")
        .iter()
        .map(|e| (e["report"].as_str(), e["evidence"].as_str()))
        .collect();
    assert_eq!(
        told,
        [("waiting", "proof"), ("succeeded", "claim"), ("succeeded", "proof")]
            .map(|(a, b)| (Some(a), Some(b)))
    );
    // The cart that it was made from is empty, and the pairs are sold.
    let cart = till.shop.call(&buyer, "GET", "/cart", &Value::Null).expect(200).json();
    assert_eq!(cart["items"], json!([]));
    assert_eq!(till.shop.stock(till.slipper), STOCK - 3);
    till.assert_sound();
}

#[test]
fn c25_what_the_client_says_of_the_amount_is_never_charged() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 2);
    let total = 2 * PRICE;
    for (field, amount) in
        [("amount", json!(1)), ("total_sum", json!(total - 2)), ("amount", json!(format!("{}", total + 2)))]
    {
        let answer = till.create(&buyer, &json!({"order_id": order, field: amount}));
        answer.expect_error(400, "Amount does not match the order total");
    }
    assert_eq!(till.create(&buyer, &json!({"order_id": order, "amount": 0})).faults().len(), 1);
    assert_eq!(till.known(At::Octo)["payments"], json!([]), "nothing was begun");
    // As front-ends send it: whole soum, with a fraction, or rounded.
    for amount in [json!(total), json!(total + 1), serde_json::from_str("50000.0").expect("a number")] {
        till.create(&buyer, &json!({"order_id": order, "amount": amount})).expect(200);
    }
    let known = till.known(At::Octo);
    assert_eq!(known["payments"].as_array().map(Vec::len), Some(1));
    assert_eq!(known["payments"][0]["total_sum"].as_f64(), Some(total as f64));
}

#[test]
fn c27_a_webhook_is_believed_only_when_octo_confirms_it() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    till.link(&buyer, order);
    let payment = till.payments(order).remove(0);
    let (reference, uuid) = (&payment["reference"], &payment["gateway_id"]);
    for body in [
        json!({"shop_transaction_id": reference, "status": "paid"}),
        json!({"shop_transaction_id": reference, "octo_payment_UUID": uuid, "status": "succeeded", "signature": "00"}),
        json!({"payment_uuid": uuid, "status": "succeeded"}),
        json!({"shop_transaction_id": reference, "octo_payment_UUID": uuid, "status": "succeeded",
            "signature": signature(uuid.as_str().expect("a uuid"), "succeeded")}),
    ] {
        let answer = till.shop.post("/payments/octo/notify", &body).expect(200);
        assert_eq!(answer.text(), r#"{"ok":true}"#);
        assert_eq!(till.status(order), "PENDING", "{body}");
    }
    let path = format!("/payments/{}/events", payment["id"]);
    let events = till.shop.call(&till.admin, "GET", &path, &Value::Null).expect(200).json();
    assert!(events.to_string().contains(r#""claim""#), "what was claimed is in the log: {events}");
    till.assert_sound();
}

#[test]
fn whatever_is_sent_to_the_webhook_is_answered_ok_and_changes_nothing() {
    let shop = Shop::open();
    let bodies: [(&str, &[u8]); 9] = [
        ("application/json", b""),
        ("application/json", b"[1]"),
        ("application/json", b"{"),
        ("application/json", b"null"),
        ("application/json", br#"{"status": 5, "shop_transaction_id": 7}"#),
        ("application/json", br#"{"status": null, "shop_transaction_id": null, "payment_uuid": {}}"#),
        ("application/x-www-form-urlencoded", b"status=paid&shop_transaction_id=x"),
        ("text/plain", b"\xff\xfe"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
    ];
    for path in ["/payments/octo/notify", "/payments/octo/notify/"] {
        for (kind, body) in bodies {
            let answer = shop.send("POST", path, &[("content-type", kind)], Some(body)).expect(200);
            assert_eq!(answer.text(), r#"{"ok":true}"#);
        }
    }
    assert_eq!(shop.rows().number("SELECT count(*) FROM payment_events"), 0);
}

#[test]
fn c30_what_is_paid_is_not_paid_again_and_an_open_payment_is_used_again() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    let link = till.link(&buyer, order);
    let links = at_once(6, |_| till.link(&buyer, order));
    assert!(links.iter().all(|again| *again == link), "{links:?}");
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(1));
    till.press(&link, "pay");
    till.await_status(order, "PAID");
    till.create(&buyer, &json!({"order_id": order})).expect_error(409, "Order is already paid");
    till.refund(order).expect(200);
    till.create(&buyer, &json!({"order_id": order}))
        .expect_error(400, "Cannot create payment for refunded order");
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(1));
    till.assert_sound();
}

#[test]
fn six_retries_of_a_cart_are_one_order_and_one_payment() {
    let till = Till::open();
    let buyer = till.shop.customer("Impatient");
    till.shop.put_in_cart(&buyer, till.slipper, 2);
    let from_cart = at_once(6, |_| till.create(&buyer, &json!({})).expect(200).text());
    assert!(from_cart.iter().all(|answer| *answer == from_cart[0]), "{from_cart:?}");
    let items =
        json!({"items": [{"slipper_id": till.slipper, "quantity": 5, "notes": "soft"}], "amount": 5 * PRICE});
    let of_items = at_once(6, |_| till.create(&buyer, &items).expect(200).text());
    assert!(of_items.iter().all(|answer| *answer == of_items[0]), "{of_items:?}");
    assert_ne!(from_cart[0], of_items[0]);
    assert_eq!(till.shop.rows().number("SELECT count(*) FROM orders"), 2);
    assert_eq!(till.known(At::Octo)["payments"].as_array().map(Vec::len), Some(2));
    till.assert_sound();
}

#[test]
fn whose_order_it_is_comes_before_what_the_shop_lacks() {
    let shop = Shop::open();
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(PRICE), 9);
    let (buyer, stranger) = (shop.customer("Dilnoza"), shop.customer("Stranger"));
    shop.put_in_cart(&buyer, slipper, 1);
    let placed = shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200).json();
    let order: i64 = placed["order_id"].as_str().expect("a number").parse().expect("a number");
    let pay = |caller: &_, body: Value| shop.call(caller, "POST", "/payments/octo/create/", &body);
    pay(&buyer, json!({"order_id": 999})).expect_error(404, "Order not found");
    pay(&stranger, json!({"order_id": order})).expect_error(403, "Order does not belong to current user");
    pay(&admin, json!({"orderId": order})).expect_error(403, "Order does not belong to current user");
    pay(&stranger, json!({})).expect_error(400, "Cart is empty");
    pay(&buyer, json!({"items": ["x"]})).expect_error(400, "Invalid items format");
    let missing = "Missing settings: OCTO_SHOP_ID, OCTO_SECRET, OCTO_NOTIFY_URL";
    for body in [json!({"order_id": order}), json!({}), json!({"items": [{"slipper_id": slipper}]})] {
        pay(&buyer, body).expect_error(400, missing);
    }
    let payme = shop.call(&buyer, "POST", "/payments/payme/create", &json!({"order_id": order}));
    payme.expect_error(400, "Missing settings: PAYME_MERCHANT_ID, PAYME_KEY");
    let refund = shop.call(&admin, "POST", "/payments/octo/refund", &json!({"order_id": order}));
    refund.expect_error(400, "Order has no payment_uuid; cannot refund");
    assert_eq!(shop.rows().number("SELECT count(*) FROM payments"), 0, "nothing was begun");
    assert_eq!(shop.rows().number("SELECT count(*) FROM orders"), 1, "nothing was ordered");
}

#[test]
fn c40_a_gateway_that_refuses_leaves_one_order_that_can_be_paid_later() {
    let till = Till::open_with(&[("OCTO_SECRET", "not-the-secret")]);
    let buyer = till.shop.customer("Dilnoza");
    till.shop.put_in_cart(&buyer, till.slipper, 1);
    for _ in 0..4 {
        till.create(&buyer, &json!({})).expect_error(400, "Wrong secret");
        let items = json!({"items": [{"slipper_id": till.slipper, "quantity": 2}]});
        till.create(&buyer, &items).expect_error(400, "Wrong secret");
    }
    assert_eq!(till.shop.rows().number("SELECT count(*) FROM orders"), 2, "one of each kind");
    assert_eq!(till.shop.rows().number("SELECT count(*) FROM payments WHERE status <> 'FAILED'"), 0);
    till.assert_sound();
}

#[test]
fn c41_a_payment_is_written_down_before_octo_hears_of_it_and_found_when_its_answer_was_lost() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    till.fault(At::Octo, "prepare_payment", "lost", 2);
    let link = eventually("a retry gets the link", || {
        let answer = till.create(&buyer, &json!({"order_id": order}));
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        (answer.status == 200).then(|| answer.json()["redirect_url"].as_str().expect("a link").to_owned())
    });
    let known = till.known(At::Octo);
    assert_eq!(known["payments"].as_array().map(Vec::len), Some(1), "the same name each time");
    assert_eq!(known["payments"][0]["shop_transaction_id"], till.payments(order)[0]["reference"]);
    till.press(&link, "pay");
    till.await_status(order, "PAID");
    till.assert_sound();
}

#[test]
fn c42_a_callback_finds_its_payment_by_either_name_and_is_logged_as_it_came() {
    let till = Till::open();
    let (buyer, order) = till.order("Dilnoza", 1);
    let link = till.link(&buyer, order);
    // The callback that OCTO would send never comes; one with only its own name of the payment does.
    till.fault(At::Octo, "callback", "drop", 1);
    till.press(&link, "pay");
    let payment = till.payments(order).remove(0);
    let uuid = payment["gateway_id"].as_str().expect("a uuid");
    let body = json!({"octo_payment_UUID": uuid, "status": "succeeded", "signature": signature(uuid, "succeeded"),
        "total_sum": 1, "maskedPan": "860049** **** 6478", "pan": CARD});
    till.shop.post("/payments/octo/notify", &body).expect(200);
    till.await_status(order, "PAID");
    let path = format!("/payments/{}/events", payment["id"]);
    let events = till.shop.call(&till.admin, "GET", &path, &Value::Null).expect(200).json();
    let claim = events.as_array().expect("a log").iter().find(|event| event["evidence"] == "claim");
    let note = claim.expect("the claim")["note"].as_str().expect("a note");
    assert!(note.contains(&format!("octo_payment_UUID={uuid}")) && note.contains("total_sum=1"), "{note}");
    assert!(!STARTS_OF_CARDS.iter().any(|card| events.to_string().contains(card)), "no card");
    till.assert_sound();
}
