use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::{AttemptStatus, Gateway, Name, Report};
use slippers_core::types::{Money, OrderId, Timestamp};
use slippers_gateways::click::{Click, ClickSettings};
use slippers_gateways::{Call, CallError, Protocol as _, Response, Secret, Webhook};

use crate::shop::{NOW, Shop, json as body_of};

const SECRET: &str = "AB12cd34";
const FORM: &str = "application/x-www-form-urlencoded";

fn click() -> Click {
    Click::new(ClickSettings {
        service_id: "31".to_owned(),
        merchant_id: "7".to_owned(),
        merchant_user_id: "123".to_owned(),
        secret: Secret::new(SECRET),
        pay: "https://my.click.uz/services/pay".to_owned(),
        api: "https://api.click.uz/v2/merchant".to_owned(),
        return_url: "https://shop.example/back?a=1".to_owned(),
    })
}

/// A call's fields, which a test may spoil before it is signed.
#[derive(Clone)]
struct Sent {
    id: String,
    service: String,
    order: String,
    prepare: Option<String>,
    amount: String,
    error: i64,
    action: String,
    sign: Option<String>,
    time: String,
}

fn prepare(id: &str) -> Sent {
    Sent {
        id: id.to_owned(),
        service: "31".to_owned(),
        order: "1".to_owned(),
        prepare: None,
        amount: "720000.00".to_owned(),
        error: 0,
        action: "0".to_owned(),
        sign: None,
        time: "2026-11-23 12:17:00".to_owned(),
    }
}

fn complete(id: &str, prepare_id: i64) -> Sent {
    Sent { prepare: Some(prepare_id.to_string()), action: "1".to_owned(), ..prepare(id) }
}

impl Sent {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let mut hash = Md5::new();
        for part in
            [&self.id, &self.service, SECRET, &self.order, self.prepare.as_deref().unwrap_or_default()]
        {
            hash.update(part);
        }
        for part in [&self.amount, &self.action, &self.time] {
            hash.update(part);
        }
        let signed: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut fields = vec![
            ("click_trans_id", self.id.clone()),
            ("service_id", self.service.clone()),
            ("click_paydoc_id", format!("9{}", self.id)),
            ("merchant_trans_id", self.order.clone()),
            ("amount", self.amount.clone()),
            ("action", self.action.clone()),
            ("error", self.error.to_string()),
            ("error_note", String::new()),
            ("sign_time", self.time.clone()),
            ("sign_string", self.sign.clone().unwrap_or(signed)),
        ];
        if let Some(prepare) = &self.prepare {
            fields.push(("merchant_prepare_id", prepare.clone()));
        }
        fields
    }

    fn to(&self, shop: &mut Shop) -> Value {
        send(shop, "POST", FORM, &self.fields())
    }

    fn code(&self, shop: &mut Shop) -> i64 {
        self.to(shop)["error"].as_i64().expect("a code")
    }
}

fn send(shop: &mut Shop, method: &str, kind: &str, fields: &[(&str, String)]) -> Value {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let webhook = Webhook { method, content_type: Some(kind), authorization: None, body: body.as_bytes() };
    body_of(&shop.hear(&click(), webhook))
}

/// Hears one call without a store: the code of a refusal, or `None` when the store is to be asked.
fn refusal(sent: &Sent, except: &str) -> Option<i64> {
    let fields = sent.fields().into_iter().filter(|(name, _)| *name != except);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let webhook = Webhook { method: "POST", content_type: None, authorization: None, body: body.as_bytes() };
    let reply = click().read(webhook, NOW).err()?;
    Some(body_of(&reply)["error"].as_i64().expect("a code"))
}

#[test]
fn the_vectors_of_signatures_match() {
    let order = "197".to_owned();
    let good = |sign: &str| Some(sign.to_owned());
    let first =
        Sent { order: order.clone(), sign: good("891b7cef1eacce818f146af27ff42c9d"), ..prepare("13848374") };
    let time = "2026-11-23 12:17:09".to_owned();
    let sign = good("296e83207117ddc387ac57e4a15e2055");
    let second = Sent { order, time, sign, ..complete("13848374", 5123) };
    for sent in [first, second] {
        assert_eq!(refusal(&sent, ""), None);
        let upper = sent.sign.as_ref().map(|sign| sign.to_uppercase());
        assert_eq!(refusal(&Sent { sign: upper, ..sent.clone() }, ""), None);
        let formatted = Sent { amount: "720000".to_owned(), ..sent.clone() };
        assert_eq!(refusal(&formatted, ""), Some(-1), "the text is signed, not the number");
        assert_eq!(refusal(&Sent { error: 0, order: "198".to_owned(), ..sent }, ""), Some(-1));
    }
}

#[test]
fn the_fifteen_official_cases() {
    let mut shop = Shop::new();
    let bad = |sent: Sent| Sent { sign: Some("0".repeat(32)), ..sent };
    let failed = |sent: Sent| Sent { error: -5017, ..sent };
    assert_eq!(bad(prepare("1")).code(&mut shop), -1, "1");
    assert_eq!(Sent { order: "999".to_owned(), ..prepare("1") }.code(&mut shop), -5, "2");
    let prepared = prepare("1").to(&mut shop);
    let expected = json!({
        "click_trans_id": 1, "merchant_trans_id": "1", "merchant_prepare_id": 1, "error": 0, "error_note": "Success",
    });
    assert_eq!(prepared, expected, "3");
    assert_eq!(bad(complete("1", 1)).code(&mut shop), -1, "4");
    assert_eq!(Sent { amount: "300".to_owned(), ..complete("1", 1) }.code(&mut shop), -2, "5");
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Pending);
    let completed = complete("1", 1).to(&mut shop);
    let expected = json!({
        "click_trans_id": 1, "merchant_trans_id": "1", "merchant_confirm_id": 1, "error": 0, "error_note": "Success",
    });
    assert_eq!(completed, expected, "6");
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Paid);
    assert_eq!(complete("1", 1).code(&mut shop), -4, "7");
    assert_eq!(failed(complete("1", 1)).code(&mut shop), -9, "8");
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Paid, "it stays paid");
    // The table goes on with another order.
    let second = |sent: Sent| Sent { order: "2".to_owned(), amount: "5000".to_owned(), ..sent };
    assert_eq!(second(prepare("2")).code(&mut shop), 0, "9");
    assert_eq!(second(complete("2", 999_999_999)).code(&mut shop), -6, "10");
    assert_eq!(second(complete("2", 2)).code(&mut shop), 0, "11");
    shop.book.place(1, 500_000);
    let third = |sent: Sent| Sent { order: "3".to_owned(), ..second(sent) };
    assert_eq!(third(prepare("3")).code(&mut shop), 0, "12");
    assert_eq!(third(failed(complete("3", 3))).code(&mut shop), -9, "13");
    assert_eq!(third(failed(complete("3", 3))).code(&mut shop), -9, "14");
    assert_eq!(third(complete("3", 3)).code(&mut shop), -9, "15");
    assert_eq!(shop.book.orders[2].facts.status, OrderStatus::Pending);
}

#[test]
fn a_prepare_comes_again_and_of_two_one_is_completed() {
    let mut shop = Shop::new();
    let first = prepare("1").to(&mut shop);
    assert_eq!(prepare("1").to(&mut shop), first, "a lost answer");
    assert_eq!(shop.book.attempts.len(), 1);
    assert_eq!(prepare("2").to(&mut shop)["merchant_prepare_id"], 2, "the buyer tries again");
    assert_eq!(complete("2", 2).code(&mut shop), 0);
    assert_eq!(complete("1", 1).code(&mut shop), -4, "and the first one's money is not taken");
    assert_eq!(prepare("3").code(&mut shop), -4);
    assert_eq!(shop.book.attempts[0].status, AttemptStatus::Pending);
}

#[test]
fn a_complete_belongs_to_its_prepare() {
    let mut shop = Shop::new();
    assert_eq!(complete("1", 1).code(&mut shop), -6, "a Complete before its Prepare");
    prepare("1").to(&mut shop);
    let other = Sent { order: "2".to_owned(), ..complete("1", 1) };
    assert_eq!(other.code(&mut shop), -6, "another order");
    assert_eq!(shop.attempt().review, None);
    assert_eq!(complete("7", 1).code(&mut shop), -6, "another transaction");
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Pending);
}

#[test]
fn amounts_mean_what_they_say_in_any_spelling_and_ids_have_64_bits() {
    for amount in ["720000", "720000.0", "720000.00"] {
        let mut shop = Shop::new();
        let id = "9007199254740993";
        let prepared = Sent { amount: amount.to_owned(), ..prepare(id) }.to(&mut shop);
        assert_eq!(prepared["error"], 0, "{amount}");
        assert_eq!(prepared["click_trans_id"].to_string(), id, "not a digit is lost");
        assert_eq!(Sent { amount: amount.to_owned(), ..complete(id, 1) }.code(&mut shop), 0);
    }
    let mut shop = Shop::new();
    for amount in ["720000.01", "719999.99", "720000.001", "x", "-720000", "0"] {
        let sent = Sent { amount: amount.to_owned(), ..prepare("1") };
        assert_eq!(sent.code(&mut shop), -2, "{amount}");
    }
}

#[test]
fn missing_fields_and_other_forms_are_told() {
    for name in [
        "click_trans_id",
        "service_id",
        "click_paydoc_id",
        "merchant_trans_id",
        "amount",
        "action",
        "error",
        "sign_time",
        "sign_string",
    ] {
        assert_eq!(refusal(&prepare("1"), name), Some(-8), "{name}");
    }
    assert_eq!(refusal(&complete("1", 1), "merchant_prepare_id"), Some(-8));
    assert_eq!(refusal(&Sent { action: "2".to_owned(), ..prepare("1") }, ""), Some(-3));
    let other_shop = Sent { service: "32".to_owned(), ..prepare("1") };
    assert_eq!(refusal(&other_shop, ""), Some(-1), "well signed, but for another service");
    let mut shop = Shop::new();
    let fields = prepare("1").fields();
    assert_eq!(send(&mut shop, "POST", "application/json", &fields)["error"], -8);
    assert_eq!(send(&mut shop, "GET", FORM, &fields)["error"], -8);
    assert!(shop.book.attempts.is_empty());
}

#[test]
fn a_prepared_payment_that_was_given_up_ends_after_an_hour() {
    let mut shop = Shop::new();
    prepare("1").to(&mut shop);
    shop.now = NOW.plus_seconds(3600);
    assert_eq!(complete("1", 1).code(&mut shop), -9);
    assert_eq!(shop.attempt().status, AttemptStatus::Expired);
}

#[test]
fn the_link_has_the_amount_and_the_order() {
    let link = click().pay_link(OrderId::new(12), Money::from_minor(72_000_005));
    assert_eq!(
        link,
        "https://my.click.uz/services/pay?service_id=31&merchant_id=7&amount=720000.05&transaction_param=12\
         &return_url=https%3A%2F%2Fshop.example%2Fback%3Fa%3D1"
    );
}

#[test]
fn the_merchant_api_is_asked_about_the_payment_and_its_answer_read() {
    let mut shop = Shop::new();
    prepare("1").to(&mut shop);
    let request = click().status(shop.attempt(), Timestamp::from_seconds(1_519_051_543)).expect("a question");
    assert_eq!(request.url, "https://api.click.uz/v2/merchant/payment/status/31/91");
    let auth = ("auth", "123:ea5998dae5e5080129766aeaf45bbf3c572af2b1:1519051543".to_owned());
    assert!(request.headers.contains(&auth));
    assert!(!format!("{request:?}").contains("ea5998"));
    let read = |body: &str| {
        let response = Response { status: 200, body: body.as_bytes().to_vec() };
        click().read_status(shop.attempt(), &response).map(|event| event.report)
    };
    for (status, report) in [
        (2, Report::Succeeded),
        (1, Report::Waiting { link: None }),
        (0, Report::Waiting { link: None }),
        (-1, Report::Failed),
        (7, Report::Unclear),
    ] {
        let body = format!(r#"{{"error_code":0,"error_note":"","payment_id":91,"payment_status":{status}}}"#);
        assert_eq!(read(&body), Ok(report), "{status}");
    }
    let refused = CallError::Refused { code: -500, text: "no such payment".to_owned() };
    assert_eq!(read(r#"{"error_code":-500,"error_note":"no such payment"}"#), Err(refused));
    for body in ["<html>", "[]", "{}"] {
        assert!(matches!(read(body), Err(CallError::Unknown(_))), "{body}");
    }
    let mut odd = shop.attempt().clone();
    odd.their_number = Name::parse("1/../2").ok();
    assert_eq!(click().status(&odd, NOW), None, "a path is built of digits alone");
}

#[test]
fn a_failed_complete_is_an_event_without_an_amount() {
    let sent = Sent { error: -1, ..complete("1", 5) };
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(sent.fields()).finish();
    let webhook = Webhook { method: "POST", content_type: None, authorization: None, body: body.as_bytes() };
    let received = click().read(webhook, NOW).expect("it is read");
    let Call::Event(event) = received.call else { panic!("no event") };
    assert_eq!((event.gateway, event.report, event.amount), (Gateway::Click, Report::Failed, None));
    assert!(!format!("{:?}", click()).contains(SECRET));
}
