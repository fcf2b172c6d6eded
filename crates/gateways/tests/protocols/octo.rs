use serde_json::{Value, json};
use slippers_core::orders::OrderStatus;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Applied, Attempt, Currency, Evidence, Gateway, Name, Refund, RefundStatus, Report, Subject,
};
use slippers_core::types::{Money, RefundId};
use slippers_gateways::octo::{Octo, OctoSettings};
use slippers_gateways::{
    Call, CallError, Context, Outcome, Protocol as _, Request, Response, Secret, Start, Webhook,
};

use crate::shop::{NOW, Shop, json as body_of};

const UUID: &str = "4556a13e-f763-4b91-9387-92395fd51ccf";

fn settings() -> OctoSettings {
    OctoSettings {
        base: "https://secure.octo.uz".to_owned(),
        shop_id: "27".to_owned(),
        secret: Secret::new("secret-for-tests"),
        unique_key: Some(Secret::new("unique-key-for-tests")),
        notify_url: "https://shop.example/payments/octo/notify".to_owned(),
        return_url: "https://shop.example/".to_owned(),
        language: "ru".to_owned(),
        currency: Currency::Uzs,
        auto_capture: true,
        is_test: false,
        usd_rate: Some(Money::from_minor(1_250_000)),
        extra: serde_json::Map::new(),
    }
}

fn octo() -> Octo {
    Octo::new(settings())
}

fn read_with(octo: &Octo, body: &str) -> Call {
    let webhook = Webhook { method: "POST", content_type: None, authorization: None, body: body.as_bytes() };
    octo.read(webhook, NOW).expect("never refused").call
}

fn callback(status: &str, signature: &str) -> String {
    json!({
        "shop_transaction_id": "ours-1", "octo_payment_UUID": UUID, "status": status, "signature": signature,
        "hash_key": "e27d3f79-3189-44e9-8a66-566a141025df", "total_sum": 720_000, "transfer_sum": 0.97,
        "maskedPan": "427831** **** 3011", "payed_time": "2026-11-23 15:25:14",
    })
    .to_string()
}

fn attempt() -> Attempt {
    Shop::new().open(Gateway::Octo)
}

fn fields(request: &Request) -> Value {
    serde_json::from_str(request.body.as_deref().expect("a body")).expect("JSON")
}

fn answer(body: &str) -> Response {
    Response { status: 200, body: body.as_bytes().to_vec() }
}

const SUCCEEDED: &str = "1BC08E87A0B11C1602EDDD03A1D5F65620BCF124";
const CANCELED: &str = "C1132EC38E980738A56CF55EAE6BFA4E1E797EA3";

#[test]
fn the_vectors_of_signatures_match_in_any_case() {
    for (status, signature, report) in
        [("succeeded", SUCCEEDED, Report::Succeeded), ("canceled", CANCELED, Report::Cancelled)]
    {
        for signature in [signature.to_owned(), signature.to_lowercase()] {
            let Call::Event(event) = read_with(&octo(), &callback(status, &signature)) else {
                panic!("no event")
            };
            assert_eq!(event.report, report);
            assert_eq!(event.evidence, Evidence::Claim, "no amount is covered, so it is asked about");
            assert_eq!(event.subject, Subject::Reference(Name::parse("ours-1").expect("a name")));
            assert_eq!(event.their_id, Name::parse(UUID).ok());
            assert!(!event.note.contains("427831"), "no card in a note");
        }
    }
}

#[test]
fn a_wrong_signature_is_nobodys_word() {
    for (status, signature) in [("canceled", SUCCEEDED), ("succeeded", ""), ("succeeded", &SUCCEEDED[1..])] {
        let call = read_with(&octo(), &callback(status, signature));
        assert_eq!(call, Call::Nothing("its signature is wrong"), "{status} {signature}");
    }
    let unsigned = callback("succeeded", SUCCEEDED).replace("signature", "x");
    assert_eq!(read_with(&octo(), &unsigned), Call::Nothing("its signature is wrong"));
    let without_key = Octo::new(OctoSettings { unique_key: None, ..settings() });
    let Call::Event(event) = read_with(&without_key, &unsigned) else { panic!("no event") };
    assert_eq!(event.evidence, Evidence::Claim);
}

#[test]
fn whatever_is_sent_is_answered_with_200() {
    let mut shop = Shop::new();
    let without_key = Octo::new(OctoSettings { unique_key: None, ..settings() });
    for body in
        ["", "[]", "null", "{", "status=succeeded", r#"{"status":5,"shop_transaction_id":7}"#, "\u{0}\u{ff}"]
    {
        let webhook =
            Webhook { method: "POST", content_type: None, authorization: None, body: body.as_bytes() };
        assert_eq!(body_of(&shop.hear(&without_key, webhook)), json!({"ok": true}), "{body:?}");
    }
    let form = "shop_transaction_id=ours-1&status=succeeded";
    let Call::Event(event) = read_with(&without_key, form) else { panic!("no event") };
    assert_eq!(event.report, Report::Succeeded);
    let by_uuid = format!(r#"{{"payment_uuid":"{UUID}","status":"canceled"}}"#);
    let Call::Event(event) = read_with(&without_key, &by_uuid) else { panic!("no event") };
    assert_eq!(event.subject, Subject::TheirId(Name::parse(UUID).expect("a name")));
}

#[test]
fn a_callback_alone_pays_nothing() {
    let mut shop = Shop::new();
    shop.open(Gateway::Octo);
    let Call::Event(event) = read_with(&octo(), &callback("succeeded", SUCCEEDED)) else {
        panic!("no event")
    };
    let Outcome::Applied(applied) = shop.ask(&Call::Event(event)) else { panic!("not applied") };
    assert_eq!(applied.answer, Answer::Ask);
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Pending);
    let status = format!(
        r#"{{"error":0,"data":{{"octo_payment_UUID":"{UUID}","status":"succeeded","total_sum":720000.0}}}}"#
    );
    let event = octo().read_status(shop.attempt(), &answer(&status)).expect("an answer");
    shop.ask(&Call::Event(Box::new(event)));
    assert_eq!(shop.book.orders[0].facts.status, OrderStatus::Paid);
}

#[test]
fn a_hold_is_answered_with_what_to_do() {
    for (told, status) in [(Answer::Capture, "capture"), (Answer::Release, "cancel")] {
        let applied = Applied { answer: told, attempt: None, is_changed: false };
        let reply = octo().reply(&Context::default(), &Outcome::Applied(Box::new(applied)));
        assert_eq!(body_of(&reply), json!({"accept_status": status}));
    }
    let failed = slippers_core::StoreError::Unavailable("busy".to_owned());
    assert_eq!(octo().reply(&Context::default(), &Outcome::Failed(failed)).status, 503, "it comes again");
}

#[test]
fn a_payment_is_made_as_the_legacy_made_it() {
    let Start::Call(request) = octo().start(&attempt(), NOW) else { panic!("a link") };
    assert_eq!(request.url, "https://secure.octo.uz/prepare_payment");
    let expected = json!({
        "octo_shop_id": 27, "octo_secret": "secret-for-tests", "auto_capture": true, "init_time": "2026-11-23 12:17:00",
        "test": false, "currency": "UZS", "description": "Order #1", "return_url": "https://shop.example/",
        "notify_url": "https://shop.example/payments/octo/notify", "language": "ru", "ttl": 30,
        "shop_transaction_id": "ours-1", "total_sum": 720_000.0,
    });
    assert_eq!(octo().link_seconds(), 30 * 60);
    assert_eq!(fields(&request), expected);
    assert!(request.body.as_deref().is_some_and(|body| body.contains(r#""total_sum":720000.0"#)));
    assert!(!format!("{request:?} {:?}", octo()).contains("for-tests"), "no secret shows");
    let extra =
        json!({"ttl": 15, "total_sum": 1, "octo_secret": "x", "shop_transaction_id": "x", "language": "uz"});
    let Value::Object(extra) = extra else { panic!("no object") };
    let octo = Octo::new(OctoSettings { extra, ..settings() });
    assert_eq!(octo.link_seconds(), 15 * 60);
    let Start::Call(request) = octo.start(&attempt(), NOW) else { panic!("a link") };
    let mut expected = expected;
    expected["ttl"] = json!(15);
    expected["language"] = json!("uz");
    assert_eq!(fields(&request), expected, "settings change neither the amount nor who we are");
}

#[test]
fn the_status_is_asked_for_by_our_name_alone() {
    let request = octo().status(&attempt(), NOW).expect("a question");
    assert_eq!(request.url, "https://secure.octo.uz/prepare_payment");
    let expected =
        json!({"octo_shop_id": 27, "octo_secret": "secret-for-tests", "shop_transaction_id": "ours-1"});
    assert_eq!(fields(&request), expected);
}

#[test]
fn both_forms_of_an_answer_are_read() {
    let link = "https://pay2.octo.uz/pay/e3f4";
    let new = format!(
        r#"{{"error":0,"errMessage":null,"data":{{"shop_transaction_id":"ours-1","octo_payment_UUID":"{UUID}","status":"created","octo_pay_url":"{link}","refunded_sum":0,"total_sum":720000.00}}}}"#
    );
    let old = format!(
        r#"{{"error":0,"status":"created","shop_transaction_id":"ours-1","octo_payment_UUID":"{UUID}","octo_pay_url":"{link}"}}"#
    );
    let oldest = format!(r#"{{"error":0,"octo_payment_UUID":"{UUID}","octo_pay_url":"{link}","data":null}}"#);
    for body in [new, old, oldest] {
        let event = octo().read_started(&attempt(), &answer(&body)).expect("an answer");
        assert_eq!(event.report, Report::Waiting { link: Some(link.to_owned()) });
        assert_eq!(event.their_id, Name::parse(UUID).ok());
        assert_eq!(event.evidence, Evidence::Proof);
    }
}

#[test]
fn statuses_mean_what_is_documented_and_nothing_else() {
    let read = |status: &str, refunded: &str| {
        let body = format!(
            r#"{{"error":0,"data":{{"status":"{status}","total_sum":720000.0,"refunded_sum":{refunded}}}}}"#
        );
        octo().read_status(&attempt(), &answer(&body)).expect("an answer").report
    };
    assert_eq!(read("succeeded", "0"), Report::Succeeded);
    assert_eq!(read("succeeded", "100.50"), Report::Refunded { total: Money::from_minor(10_050) });
    assert_eq!(read("canceled", "0"), Report::Cancelled);
    assert_eq!(read("waiting_for_capture", "0"), Report::Held);
    assert_eq!(read("wait_user_action", "0"), Report::Waiting { link: None });
    for word in ["paid", "success", "failed", "refunded", "capture", "x", ""] {
        assert_eq!(read(word, "0"), Report::Unclear, "{word}");
    }
}

#[test]
fn what_is_no_answer_is_unknown_and_what_is_a_refusal_says_why() {
    let read = |body: &str| octo().read_started(&attempt(), &answer(body)).map(|event| event.report);
    for body in [
        "",
        "<html>oops</html>",
        "[]",
        "{}",
        r#"{"error":"0"}"#,
        r#"{"error":0,"data":{"shop_transaction_id":"x","status":"succeeded"}}"#,
    ] {
        assert!(matches!(read(body), Err(CallError::Unknown(_))), "{body}");
    }
    let wrong = r#"{"error":2,"errMessage":"Wrong secret","data":null,"errorMessage":"Wrong secret"}"#;
    assert_eq!(read(wrong), Err(CallError::Refused { code: 2, text: "Wrong secret".to_owned() }));
    let old = r#"{"error":7,"errorMessage":"Merchant is blocked"}"#;
    assert_eq!(read(old), Err(CallError::Refused { code: 7, text: "Merchant is blocked".to_owned() }));
    let mute = CallError::Refused { code: 7, text: "Unknown OCTO error".to_owned() };
    assert_eq!(read(r#"{"error":7}"#), Err(mute));
    assert_eq!(read(r#"{"error":11,"errMessage":"Requests too often"}"#), Err(CallError::TooOften));
    let gone = octo().read_status(&attempt(), &answer(r#"{"error":1,"errMessage":"no such payment"}"#));
    assert_eq!(gone.map(|event| event.report), Ok(Report::NotThere));
}

#[test]
fn a_refund_keeps_its_name_and_is_done_only_when_octo_says_so() {
    let paid = Attempt { their_id: Name::parse(UUID).ok(), ..attempt() };
    let refund = Refund {
        id: RefundId::new(1),
        payment: paid.id,
        reference: Name::parse("ours-1-r1").expect("a name"),
        their_id: None,
        amount: Money::from_minor(9825),
        status: RefundStatus::Pending,
        restock: true,
        begun_by: None,
        created_at: NOW,
        ended_at: None,
    };
    let request = octo().refund(&paid, &refund, NOW).expect("a call");
    assert_eq!(request.url, "https://secure.octo.uz/refund");
    let expected = json!({
        "octo_shop_id": 27, "octo_secret": "secret-for-tests", "shop_refund_id": "ours-1-r1", "octo_payment_UUID": UUID,
        "amount": 98.25,
    });
    assert_eq!(fields(&request), expected);
    let read = |status: &str| {
        let body = format!(r#"{{"error":0,"data":{{"refund_id":"r-1","status":"{status}"}}}}"#);
        octo().read_refund(&answer(&body)).expect("an answer")
    };
    assert_eq!(read("succeeded").status, RefundStatus::Succeeded);
    assert_eq!(read("succeeded").their_id, Name::parse("r-1").ok());
    for status in ["new", "pending", "unknown", "hm"] {
        assert_eq!(read(status).status, RefundStatus::Pending, "{status}");
    }
    for status in ["canceled", "error", "failed"] {
        assert_eq!(read(status).status, RefundStatus::Failed, "{status}");
    }
    let refused = octo().read_refund(&answer(r#"{"error":22,"errMessage":"Wrong amount to refund"}"#));
    assert!(matches!(refused, Err(CallError::Refused { code: 22, .. })));
    let bounds = octo().refund_bounds();
    assert_eq!(
        (bounds.least.to_string(), bounds.most.map(|most| most.to_string())),
        ("12500.0".to_owned(), Some("10000000.0".to_owned()))
    );
}

#[test]
fn a_hold_is_decided_by_a_call_too() {
    let held = Attempt { their_id: Name::parse(UUID).ok(), ..attempt() };
    let request = octo().decide_hold(&held, false).expect("a call");
    assert_eq!(request.url, "https://secure.octo.uz/set_accept");
    assert_eq!(fields(&request)["accept_status"], "cancel");
    assert_eq!(fields(&octo().decide_hold(&held, true).expect("a call"))["accept_status"], "capture");
}
