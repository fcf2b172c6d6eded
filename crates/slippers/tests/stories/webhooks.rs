//! Events of a running shop, as a receiver of webhooks hears them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::gateways::{self, Gateway, Heard};
use crate::shop::{Caller, PHONES, Shop, eventually, within};
use crate::till::Till;

const NEW_SECRET: &str = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldw==";
const OLD_SECRET: &str = "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0LW9sZA==";
const SECRETS: &str =
    "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldw==, whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0LW9sZA==";
const LOOPBACK: (&str, &str) = ("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8, ::1");
/// Longer than a claim lasts, should the shop die in the middle of a delivery.
const LONG: Duration = Duration::from_secs(120);

fn shop(urls: &str, more: &[(&str, &str)]) -> Shop {
    let settings = [("WEBHOOK_URLS", urls), ("WEBHOOK_SECRETS", SECRETS), ("ORDER_MAX_OPEN", "0")];
    Shop::open_with(&[&settings[..], more].concat())
}

fn url(receiver: &Gateway<Heard>) -> String {
    format!("http://{}/hooks/slippers?key=open-sesame", receiver.address)
}

fn header<'h>(heard: &'h Heard, name: &str) -> &'h str {
    let found = heard.headers.iter().find(|(other, _)| other == name);
    &found.unwrap_or_else(|| panic!("no {name}: {heard:?}")).1
}

/// Checks a signature as any receiver does: by its own secret, over the bytes as they came.
fn is_signed_by(heard: &Heard, secret: &str) -> bool {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    let signed =
        format!("{}.{}.{}", header(heard, "webhook-id"), header(heard, "webhook-timestamp"), heard.body);
    mac.update(signed.as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    header(heard, "webhook-signature").split(' ').any(|signature| signature == expected)
}

fn body(heard: &Heard) -> Value {
    serde_json::from_str(&heard.body).expect("JSON")
}

/// An order of a pair at 25 soum.
fn order(shop: &Shop, buyer: &Caller, slipper: i64) -> String {
    shop.put_in_cart(buyer, slipper, 1);
    let placed = shop.call(buyer, "POST", "/orders/from-cart?clear_cart=true", &Value::Null).expect(200);
    placed.json()["order_id"].as_str().expect("a number").to_owned()
}

fn set(shop: &Shop, admin: &Caller, order: &str, status: &str) {
    shop.call(admin, "PUT", &format!("/orders/{order}"), &json!({"status": status})).expect(200);
}

#[test]
fn receivers_are_told_what_happens_and_can_check_who_says_so() {
    let (first, second) = (gateways::sms(&[]), gateways::sms(&[]));
    let shop = shop(&format!("{},{}", url(&first), url(&second)), &[LOOPBACK]);
    let (admin, buyer) = (shop.admin(), shop.customer("Dilnoza"));
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let (paid, cancelled) = (order(&shop, &buyer, slipper), order(&shop, &buyer, slipper));
    set(&shop, &admin, &paid, "PAID");
    set(&shop, &admin, &paid, "REFUNDED");
    set(&shop, &admin, &cancelled, "CANCELLED");
    for receiver in [&first, &second] {
        receiver.wait_for(5);
        let mut told: Vec<(String, String)> = Vec::new();
        for heard in receiver.all() {
            assert_eq!(heard.line, "POST /hooks/slippers?key=open-sesame HTTP/1.1");
            assert_eq!(header(&heard, "content-type"), "application/json");
            assert!(header(&heard, "traceparent").starts_with("00-"), "{heard:?}");
            assert!(is_signed_by(&heard, NEW_SECRET) && is_signed_by(&heard, OLD_SECRET), "{heard:?}");
            let event = body(&heard);
            assert_eq!((&event["data"]["amount"], &event["data"]["currency"]), (&json!(25.0), &json!("UZS")));
            assert!(
                !["Dilnoza"].into_iter().chain(PHONES).any(|secret| heard.body.contains(secret)),
                "{heard:?}"
            );
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            told.push((text(&event["type"]), text(&event["data"]["order_id"])));
        }
        told.sort();
        let expected = [
            ("order.cancelled", &cancelled),
            ("order.placed", &paid),
            ("order.placed", &cancelled),
            ("payment.paid", &paid),
            ("payment.refunded", &paid),
        ];
        let mut expected = expected.map(|(kind, order)| (kind.to_owned(), order.clone()));
        expected.sort();
        assert_eq!(told, expected);
    }
    let numbers = |receiver: &Gateway<Heard>| {
        let mut all: Vec<String> =
            receiver.all().iter().map(|heard| header(heard, "webhook-id").to_owned()).collect();
        all.sort();
        all.dedup();
        all
    };
    assert_eq!(numbers(&first).len(), 5);
    assert_eq!(numbers(&first), numbers(&second), "an event has one number for all");
}

#[test]
fn a_receiver_in_a_private_network_is_not_called() {
    let receiver = gateways::sms(&[]);
    // A name tells nothing until it is resolved; the port is the receiver's.
    let url = format!("http://localhost:{}/", receiver.address.port());
    let shop = shop(&url, &[]);
    let (admin, buyer) = (shop.admin(), shop.customer("Dilnoza"));
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    order(&shop, &buyer, slipper);
    eventually("it is refused", || shop.said().contains("its address is not public").then_some(()));
    assert_eq!(receiver.all().len(), 0);
}

#[test]
fn a_crash_between_order_and_delivery_loses_no_event() {
    let receiver = gateways::sms(&[500, 500]);
    let mut shop = shop(&url(&receiver), &[LOOPBACK]);
    let admin = shop.admin();
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 100);
    let mut orders = Vec::new();
    for round in 0..4 {
        let buyer = shop.customer(&format!("Buyer {round}"));
        orders.push(order(&shop, &buyer, slipper));
        shop.signal("KILL");
        assert_eq!(shop.wait(), None, "it was killed");
        shop.rows().wait_for_the_dead();
        shop.restart();
    }
    let is_told =
        |order: &String| receiver.all().iter().any(|heard| body(heard)["data"]["order_id"] == order.as_str());
    within(LONG, "all are told", || orders.iter().all(is_told).then_some(()));
    for heard in receiver.all() {
        assert!(is_signed_by(&heard, NEW_SECRET));
        let order = body(&heard)["data"]["order_id"].clone();
        let others = receiver.all();
        let same = others.iter().filter(|other| body(other)["data"]["order_id"] == order);
        let number = header(&heard, "webhook-id");
        assert!(same.map(|other| header(other, "webhook-id")).all(|other| other == number), "{order}");
    }
}

#[test]
fn a_refused_event_waits_for_an_admin_who_sends_it_again() {
    let receiver = gateways::sms(&[410]);
    let shop = shop(&url(&receiver), &[LOOPBACK]);
    let (admin, buyer) = (shop.admin(), shop.customer("Dilnoza"));
    let slipper = shop.product(&admin, "Cozy Home", &json!(25.5), 10);
    let order = order(&shop, &buyer, slipper);
    let list = || shop.call(&admin, "GET", "/admin/dead-letters/", &Value::Null).expect(200).json();
    let letter = eventually("a dead letter", || list().get(0).cloned());
    assert_eq!(letter["type"], "order.placed");
    assert_eq!((&letter["order_id"], &letter["amount"]), (&json!(order), &json!(25.5)));
    assert_eq!((&letter["attempts"], &letter["error"]), (&json!(1), &json!("it answered 410")));
    let target = letter["target"].as_str().expect("a text");
    assert!(target.starts_with("webhook:127.0.0.1#") && !target.contains("sesame"), "{target}");
    let replay = format!("/admin/dead-letters/{}/replay", letter["id"]);
    shop.call(&admin, "POST", &replay, &Value::Null).expect(200);
    let again = receiver.wait_for(2);
    assert_eq!(letter["event_id"], header(&again, "webhook-id"));
    assert_eq!(receiver.wait_for(1).body, again.body, "the same, to the letter");
    shop.call(&admin, "POST", &replay, &Value::Null).expect_error(404, "Dead letter not found");
    assert_eq!(list(), json!([]));
    let audit = shop.call(&admin, "GET", "/admin/audit/?max=1", &Value::Null).expect(200).json();
    assert_eq!((&audit[0]["action"], &audit[0]["subject"]), (&json!("replay"), &json!("delivery")));
}

#[test]
fn buyers_get_a_confirmation_by_sms_in_the_shops_language() {
    let gateway = gateways::sms(&[503]);
    let sms = format!("http://{}/send?to={{digits}}&id={{id}}&text={{text}}", gateway.address);
    let shop = Shop::open_with(&[("SMS_URL", &sms), ("MESSAGE_LANGUAGE", "en")]);
    let (admin, buyer) = (shop.admin(), shop.customer("Dilnoza"));
    let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
    let order = order(&shop, &buyer, slipper);
    // Busy at first: it comes again, as the same message.
    let (first, second) = (gateway.wait_for(1), gateway.wait_for(2));
    assert_eq!(first.line, second.line);
    let text = format!("text=Slippers%3A%20we%20have%20your%20order%20{order}%2C%2025%20soum.");
    assert!(first.line.contains("to=99890") && first.line.contains(&text), "{}", first.line);
}

#[test]
fn the_staff_is_told_of_new_orders_by_mail_unless_they_want_not() {
    for (who, expected) in [("staff", true), ("none", false)] {
        let server = gateways::mail(gateways::Kind::Plain, None);
        let url = format!("smtp://{}?tls=none", server.address);
        let shop = Shop::open_with(&[
            ("SMTP_URL", &url),
            ("SMTP_FROM", "Slippers <shop@example.uz>"),
            ("SMTP_TO", "office@example.uz"),
            ("ORDER_MESSAGES", who),
            ("MESSAGE_LANGUAGE", "en"),
        ]);
        let (admin, buyer) = (shop.admin(), shop.customer("Dilnoza"));
        let slipper = shop.product(&admin, "Cozy Home", &json!(25), 10);
        let order = order(&shop, &buyer, slipper);
        if expected {
            let mail = server.wait_for(1);
            assert_eq!(mail.to, ["<office@example.uz>"]);
            assert!(mail.text.contains(&format!("a new order, {order}, of 25 UZS")), "{mail:?}");
        } else {
            let left = || shop.rows().number("SELECT count(*) FROM outbox") == 0;
            eventually("nobody wants to hear of it", || left().then_some(()));
            assert_eq!(server.all().len(), 0);
        }
    }
}

#[test]
fn a_payment_that_needs_a_person_is_told_to_the_staff_and_to_receivers() {
    let (receiver, office) = (gateways::sms(&[]), gateways::mail(gateways::Kind::Plain, None));
    let smtp = format!("smtp://{}?tls=none", office.address);
    let till = Till::open_with(&[
        ("WEBHOOK_URLS", &url(&receiver)),
        ("WEBHOOK_SECRETS", NEW_SECRET),
        LOOPBACK,
        ("SMTP_URL", &smtp),
        ("SMTP_FROM", "Slippers <shop@example.uz>"),
        ("SMTP_TO", "office@example.uz"),
        ("MESSAGE_LANGUAGE", "en"),
    ]);
    let (buyer, order) = till.order("Twice", 1);
    let link = till.link(&buyer, order);
    till.pay_at_payme(&buyer, order);
    till.await_status(order, "PAID");
    till.press(&link, "pay");
    let told = |kind: &str| receiver.all().iter().map(body).find(|event| event["type"] == kind);
    let review = eventually("receivers are told", || told("payment.needs_review"));
    assert_eq!(
        (&review["data"]["gateway"], &review["data"]["reason"]),
        (&json!("octo"), &json!("second_payment"))
    );
    assert_eq!(review["data"]["order_id"], json!(order.to_string()));
    let paid = eventually("the payment is told", || told("payment.paid"));
    assert_eq!((&paid["data"]["gateway"], &paid["data"]["amount"]), (&json!("payme"), &json!(25_000.0)));
    let mail = || office.all().into_iter().find(|mail| mail.text.contains("needs a person"));
    let mail = eventually("the staff is told", mail);
    let text = mail.text.replace("=\n", "").replace('\n', " ");
    assert!(text.contains("second_payment") && text.contains(&format!("order {order}")), "{text}");
    let secrets = [NEW_SECRET, OLD_SECRET, "open-sesame"];
    assert!(secrets.iter().all(|secret| !till.shop.said().contains(secret)), "{}", till.shop.said());
}
