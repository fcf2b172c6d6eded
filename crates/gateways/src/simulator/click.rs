//! A gateway that behaves like Click: it shows a pay page, calls the shop, and answers its Merchant API's status call.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha1::Sha1;

use super::client::{Answer, send};
use super::memory::{Kept, Memory};
use super::page::PayPage;
use super::server::{Clock, Running, Shared, Shown, Sim, World, json_answer, page, read_json, redirect, run};
use crate::secret::{Secret, hex};

/// How often a call is made again whose answer was lost.
const TRIES: usize = 3;

/// What the simulator must be told.
#[derive(Clone, Debug)]
pub struct ClickSimulatorSettings {
    /// The service's number.
    pub service_id: String,
    /// The user of the Merchant API.
    pub merchant_user_id: String,
    /// The key of signatures.
    pub secret: Secret,
    /// Where the shop listens to Prepare, `http://127.0.0.1:8000/payments/click/prepare`.
    pub prepare_url: String,
    /// Where the shop listens to Complete.
    pub complete_url: String,
    /// Where randomness comes from.
    pub seed: u64,
    /// The port on loopback; 0 = any.
    pub port: u16,
}

/// A gateway that behaves like Click: `/services/pay` takes links, `/payment/status/{service}/{payment}` tells.
///
/// Besides what every simulator understands: `POST /_sim/call {"fields": {...}, "copies"}` sends a Prepare or (`action` 1) a
/// Complete with these fields in place of the usual ones (`null` leaves one out), signed as they are, all copies at once,
/// and answers `{"answers": [...]}`.
#[derive(Debug)]
pub struct ClickSimulator;

/// Where a payment stands in the words of the Merchant API.
const CREATED: i64 = 0;
const PROCESSING: i64 = 1;
const TAKEN: i64 = 2;
const FAILED: i64 = -1;

#[derive(Clone, Debug)]
struct Payment {
    trans_id: String,
    paydoc_id: String,
    order: String,
    amount: String,
    status: i64,
}

pub(super) struct Rows {
    settings: ClickSimulatorSettings,
    payments: Vec<Payment>,
}

impl Shown for Rows {
    fn shown(&self) -> Value {
        let one = |p: &Payment| {
            json!({
                "click_trans_id": p.trans_id, "click_paydoc_id": p.paydoc_id, "merchant_trans_id": p.order,
                "amount": p.amount, "payment_status": p.status,
            })
        };
        json!({"payments": self.payments.iter().map(one).collect::<Vec<_>>()})
    }
}

impl Kept for Rows {
    fn kept(&self) -> Value {
        self.shown()["payments"].clone()
    }

    fn recall(&mut self, kept: &Value) {
        let text = |kept: &Value| kept.as_str().map(str::to_owned);
        let read = |kept: &Value| {
            Some(Payment {
                trans_id: text(&kept["click_trans_id"])?,
                paydoc_id: text(&kept["click_paydoc_id"])?,
                order: text(&kept["merchant_trans_id"])?,
                amount: text(&kept["amount"])?,
                status: kept["payment_status"].as_i64()?,
            })
        };
        self.payments = kept.as_array().into_iter().flatten().filter_map(read).collect();
    }
}

type Fields = Vec<(String, String)>;

fn value<'f>(fields: &'f Fields, name: &str) -> &'f str {
    fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

/// Signs fields that are not signed yet, as they are.
fn sign(settings: &ClickSimulatorSettings, fields: &mut Fields, key: Option<&str>) {
    if fields.iter().any(|(name, _)| name == "sign_string") {
        return;
    }
    let mut hash = Md5::new();
    for name in ["click_trans_id", "service_id"] {
        hash.update(value(fields, name));
    }
    hash.update(key.unwrap_or(settings.secret.expose()));
    hash.update(value(fields, "merchant_trans_id"));
    if value(fields, "action") == "1" {
        hash.update(value(fields, "merchant_prepare_id"));
    }
    for name in ["amount", "action", "sign_time"] {
        hash.update(value(fields, name));
    }
    fields.push(("sign_string".to_owned(), hex(&hash.finalize())));
}

async fn post_form(sim: &Shared<Rows>, mut fields: Fields, is_forged: bool) -> io::Result<Answer> {
    let url = sim.with(|world, _| {
        let settings = &world.rows.settings;
        sign(settings, &mut fields, is_forged.then_some("another-key"));
        let is_complete = value(&fields, "action") == "1";
        if is_complete { settings.complete_url.clone() } else { settings.prepare_url.clone() }
    });
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    send("POST", &url, &[("content-type", "application/x-www-form-urlencoded")], &body).await
}

/// An answer of the shop, and how often it was asked until one was heard.
#[derive(Default)]
struct Heard {
    answer: Option<Value>,
    tries: usize,
}

impl Heard {
    fn code(&self) -> Option<i64> {
        self.answer.as_ref()?["error"].as_i64()
    }
}

/// Calls the shop until an answer is heard, with the faults that wait for calls of this name (`prepare`, `complete`).
async fn call(sim: &Shared<Rows>, name: &str, mut fields: Fields) -> Heard {
    let (is_forged, copies, is_dropped) = sim.with(|world, _| {
        let mut take = |what: &str| world.faults.take_at_call(name, what);
        if take("tampered").is_some() {
            fields
                .iter_mut()
                .filter(|(name, _)| name == "amount")
                .for_each(|(_, value)| "1".clone_into(value));
        }
        (take("wrong_signature").is_some(), take("duplicate").unwrap_or(0), take("drop").is_some())
    });
    if is_dropped {
        return Heard::default();
    }
    let mut heard = Heard::default();
    while heard.tries < TRIES && heard.answer.is_none() {
        heard.tries += 1;
        let answer = post_form(sim, fields.clone(), is_forged).await;
        let is_lost = sim.with(|world, _| world.faults.take_at_call(name, "lost").is_some());
        let answer = answer.ok().filter(|answer| answer.status == 200 && !is_lost);
        heard.answer = answer.and_then(|answer| serde_json::from_str(&answer.body).ok());
    }
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..copies {
        let (sim, fields) = (sim.clone(), fields.clone());
        sending.spawn(async move { post_form(&sim, fields, is_forged).await });
    }
    sending.join_all().await;
    heard
}

fn fields_of(world: &World<Rows>, payment: &Payment, action: &str, time: String) -> Fields {
    let pairs = [
        ("click_trans_id", payment.trans_id.as_str()),
        ("service_id", world.rows.settings.service_id.as_str()),
        ("click_paydoc_id", payment.paydoc_id.as_str()),
        ("merchant_trans_id", payment.order.as_str()),
        ("amount", payment.amount.as_str()),
        ("action", action),
        ("error", "0"),
        ("error_note", "Success"),
        ("sign_time", time.as_str()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn set_status(sim: &Shared<Rows>, trans_id: &str, status: i64) {
    sim.with(|world, _| {
        let found = world.rows.payments.iter_mut().find(|payment| payment.trans_id == trans_id);
        found.into_iter().for_each(|payment| payment.status = status);
    });
}

/// What came of a payment, for its page.
async fn pay(sim: &Shared<Rows>, order: &str, amount: &str) -> &'static str {
    const NOT_TAKEN: &str = "Not paid, no money was taken · Не оплачено, деньги не списаны";
    let (payment, fields) = sim.with(|world, now| {
        let payment = Payment {
            // More than 2^53: what reads it as a binary fraction gets another number.
            trans_id: world.draw_number(17),
            paydoc_id: world.draw_number(9),
            order: order.to_owned(),
            amount: amount.to_owned(),
            status: CREATED,
        };
        world.rows.payments.push(payment.clone());
        let fields = fields_of(world, &payment, "0", now.tashkent_second());
        (payment, fields)
    });
    let prepared = call(sim, "prepare", fields).await;
    let number = prepared.answer.as_ref().and_then(|answer| answer["merchant_prepare_id"].as_i64());
    let Some(number) = number.filter(|_| prepared.code() == Some(0)) else {
        set_status(sim, &payment.trans_id, FAILED);
        return NOT_TAKEN;
    };
    set_status(sim, &payment.trans_id, PROCESSING);
    let (is_declined, mut fields) = sim.with(|world, now| {
        let is_declined = world.faults.take("call", "declined").is_some();
        (is_declined, fields_of(world, &payment, "1", now.tashkent_second()))
    });
    fields.push(("merchant_prepare_id".to_owned(), number.to_string()));
    if is_declined {
        fields
            .iter_mut()
            .filter(|(name, _)| name == "error")
            .for_each(|(_, value)| "-5017".clone_into(value));
        call(sim, "complete", fields).await;
        set_status(sim, &payment.trans_id, FAILED);
        return NOT_TAKEN;
    }
    let completed = call(sim, "complete", fields).await;
    let is_taken = match completed.code() {
        Some(0) => true,
        // What a repeated Complete gets whose first answer was lost; at the first one it means another payment's.
        Some(-4) => completed.tries > 1,
        Some(_) => false,
        // The money was taken before Complete was sent; nobody said that it must go back.
        None => true,
    };
    set_status(sim, &payment.trans_id, if is_taken { TAKEN } else { FAILED });
    if is_taken { "Paid · Оплачено" } else { NOT_TAKEN }
}

async fn show_page(State(_): State<Shared<Rows>>, RawQuery(query): RawQuery) -> Response {
    render(&query.unwrap_or_default(), "")
}

async fn choose(State(sim): State<Shared<Rows>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let link: Fields = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_paid = value(&link, "do") == "pay";
    let state = if is_paid {
        pay(&sim, value(&link, "transaction_param"), value(&link, "amount")).await
    } else {
        "Refused · Отказ"
    };
    let back = value(&link, "return_url");
    if state.starts_with("Paid") && back.starts_with("http") { redirect(back) } else { render(&query, state) }
}

fn render(query: &str, state: &str) -> Response {
    let link: Fields = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let buttons = [
        (format!("/services/pay?{query}&do=pay"), "Pay · Оплатить"),
        (format!("/services/pay?{query}&do=refuse"), "Refuse · Отказаться"),
    ];
    let shown = PayPage {
        gateway: "Click",
        title: &format!("Order #{}", value(&link, "transaction_param")),
        amount: value(&link, "amount"),
        state,
        buttons: if state.is_empty() { &buttons } else { &[] },
        back: value(&link, "return_url"),
    };
    page(shown.render())
}

fn is_authorised(settings: &ClickSimulatorSettings, header: &str) -> bool {
    let Some((user, rest)) = header.split_once(':') else { return false };
    let Some((digest, seconds)) = rest.split_once(':') else { return false };
    let expected = Sha1::new().chain_update(seconds).chain_update(settings.secret.expose()).finalize();
    user == settings.merchant_user_id && digest == hex(&expected)
}

async fn status(
    State(sim): State<Shared<Rows>>,
    Path((service, payment)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let auth = headers.get("auth").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    sim.answer("status", |world, _| {
        let settings = &world.rows.settings;
        if !is_authorised(settings, &auth) || service != settings.service_id {
            return json!({"error_code": -401, "error_note": "Authentication failed"});
        }
        match world.rows.payments.iter().find(|one| one.paydoc_id == payment) {
            Some(found) => json!({
                "error_code": 0, "error_note": "Success", "payment_id": payment.parse::<i64>().unwrap_or(0),
                "payment_status": found.status, "merchant_trans_id": found.order,
            }),
            None => json!({"error_code": -500, "error_note": "Payment not found"}),
        }
    })
    .await
}

async fn raw_call(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    let asked = read_json(&body);
    let fields = sim.with(|world, now| {
        let (order, amount) = ("1".to_owned(), "1000".to_owned());
        let (trans_id, paydoc_id) = ("1".to_owned(), "1".to_owned());
        let usual = Payment { trans_id, paydoc_id, order, amount, status: CREATED };
        let mut fields = fields_of(world, &usual, "0", now.tashkent_second());
        for (name, value) in asked["fields"].as_object().into_iter().flatten() {
            fields.retain(|(known, _)| known != name);
            match value {
                Value::Null => {}
                Value::String(text) => fields.push((name.clone(), text.clone())),
                other => fields.push((name.clone(), other.to_string())),
            }
        }
        fields
    });
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..asked["copies"].as_u64().unwrap_or(1) {
        let (sim, fields) = (sim.clone(), fields.clone());
        calls.spawn(async move { post_form(&sim, fields, false).await });
    }
    let answers: Vec<Value> = calls
        .join_all()
        .await
        .into_iter()
        .map(|answer| match answer {
            Ok(answer) => serde_json::from_str(&answer.body).unwrap_or(Value::String(answer.body)),
            Err(error) => json!({"failed": error.to_string()}),
        })
        .collect();
    json_answer(&json!({"answers": answers}))
}

/// Takes a payment back in the cabinet, behind the shop's back.
async fn reverse(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    set_status(&sim, read_json(&body)["click_trans_id"].as_str().unwrap_or_default(), FAILED);
    json_answer(&json!({"ok": true}))
}

impl ClickSimulator {
    /// Starts it.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start(settings: ClickSimulatorSettings, clock: Clock) -> io::Result<Running> {
        Self::start_with(settings, clock, None).await
    }

    /// Starts it where it stood when this was kept.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start_with(
        settings: ClickSimulatorSettings,
        clock: Clock,
        memory: Option<Arc<dyn Memory>>,
    ) -> io::Result<Running> {
        let drawn_from = (settings.seed, settings.port);
        let sim = Sim::new(Rows { settings, payments: Vec::new() }, drawn_from, clock, memory);
        let own = Router::new()
            .route("/services/pay", get(show_page).post(choose))
            .route("/payment/status/{service}/{payment}", get(status))
            .route("/_sim/call", post(raw_call))
            .route("/_sim/reverse", post(reverse));
        run(sim, own).await
    }
}
