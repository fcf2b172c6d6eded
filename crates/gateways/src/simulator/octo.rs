//! A gateway that behaves like OCTO.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use slippers_core::types::{Money, Timestamp};

use super::memory::Memory;
use super::page::PayPage;
use super::server::{Clock, Running, Shared, Shown, Sim, World, page, read_json, redirect, run};
use crate::secret::Secret;

mod cabinet;
mod callbacks;
mod kept;

/// Minutes for which a link is good when the shop says nothing.
const DEFAULT_TTL_MINUTES: i64 = 30;
const MOST_REFUND: Money = Money::from_minor(10_000_000 * 100);

/// What the simulator must be told.
#[derive(Clone, Debug)]
pub struct OctoSimulatorSettings {
    /// The shop's number.
    pub shop_id: String,
    /// The password of the shop's calls.
    pub secret: Secret,
    /// The key of callbacks' signatures.
    pub unique_key: Secret,
    /// The least that a refund returns.
    pub least_refund: Money,
    /// Where randomness comes from.
    pub seed: u64,
    /// The port on loopback; 0 = any.
    pub port: u16,
}

/// A gateway that behaves like OCTO: `/prepare_payment`, `/set_accept`, `/refund`, pay pages under `/pay/`, and callbacks.
///
/// Besides what every simulator understands: `POST /_sim/flush` sends callbacks that were held, the last first;
/// `POST /_sim/replay` sends all that were ever sent once more; `POST /_sim/settle` lets pending refunds succeed, or fail
/// with `{"status": "failed"}`; `POST /_sim/cabinet_refund {"uuid", "amount"}` returns money behind the shop's back.
#[derive(Debug)]
pub struct OctoSimulator;

#[derive(Clone, Debug)]
struct Refund {
    id: String,
    amount: Money,
    status: &'static str,
}

#[derive(Clone, Debug)]
struct Payment {
    uuid: String,
    reference: String,
    status: &'static str,
    total: Money,
    currency: String,
    title: String,
    auto_capture: bool,
    notify_url: String,
    return_url: String,
    ends_at: Timestamp,
    paid_at: Option<Timestamp>,
    refunds: BTreeMap<String, Refund>,
}

impl Payment {
    fn refunded(&self) -> Money {
        let done = self.refunds.values().filter(|refund| refund.status == "succeeded");
        Money::from_minor(done.map(|refund| refund.amount.minor()).sum())
    }

    fn sent_back(&self) -> i64 {
        self.refunds
            .values()
            .filter(|refund| refund.status != "failed")
            .map(|refund| refund.amount.minor())
            .sum()
    }

    /// A link that nobody used in time is no good any more.
    fn tick(&mut self, now: Timestamp) {
        if matches!(self.status, "created" | "wait_user_action") && now >= self.ends_at {
            self.status = "canceled";
        }
    }
}

pub(super) struct Rows {
    settings: OctoSimulatorSettings,
    url: String,
    payments: Vec<Payment>,
    sent: Vec<callbacks::Callback>,
    held: Vec<callbacks::Callback>,
}

impl Rows {
    fn find(&mut self, uuid: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.uuid == uuid)
    }
}

fn number(amount: Money) -> Value {
    amount.to_string().parse().map_or(Value::Null, Value::Number)
}

impl Shown for Rows {
    fn shown(&self) -> Value {
        let payments = self.payments.iter().map(|p| {
            let refunds = p.refunds.iter().map(|(name, refund)| {
                json!({"shop_refund_id": name, "amount": number(refund.amount), "status": refund.status})
            });
            json!({
                "octo_payment_UUID": p.uuid, "shop_transaction_id": p.reference, "status": p.status,
                "total_sum": number(p.total), "refunded_sum": number(p.refunded()),
                "refunds": refunds.collect::<Vec<_>>(),
            })
        });
        json!({
            "payments": payments.collect::<Vec<_>>(), "held": self.held.len(),
            "callbacks": self.sent.iter().map(callbacks::Callback::status).collect::<Vec<_>>(),
        })
    }
}

fn failure(code: i64, text: &str) -> Value {
    json!({"error": code, "errMessage": text, "data": null, "errorMessage": text, "apiMessageForDevelopers": text})
}

fn text(body: &Value, name: &str) -> Option<String> {
    match &body[name] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn money(body: &Value, name: &str) -> Option<Money> {
    Money::parse(&body[name].as_number()?.to_string()).ok()
}

/// The new form of answers, or the old one with everything at the top.
fn success(world: &mut World<Rows>, at: &str, data: Value) -> Value {
    if world.faults.take(at, "old_form").is_some() {
        let mut old = json!({"error": 0});
        if let (Value::Object(old), Value::Object(data)) = (&mut old, data) {
            old.extend(data);
        }
        return old;
    }
    json!({"error": 0, "errMessage": null, "data": data, "apiMessageForDevelopers": "ok"})
}

/// Why a call is refused before it is looked at.
fn refusal(world: &mut World<Rows>, at: &str, body: &Value) -> Option<Value> {
    let settings = &world.rows.settings;
    let is_known = text(body, "octo_shop_id").as_deref() == Some(settings.shop_id.as_str())
        && body["octo_secret"].as_str().is_some_and(|secret| settings.secret.is(secret));
    if !is_known {
        return Some(failure(2, "Wrong secret"));
    }
    world.faults.take(at, "too_often").map(|_| failure(11, "Requests too often"))
}

fn prepare(world: &mut World<Rows>, body: &Value, now: Timestamp) -> Value {
    const AT: &str = "prepare_payment";
    if let Some(refused) = refusal(world, AT, body) {
        return refused;
    }
    let Some(reference) = text(body, "shop_transaction_id") else {
        return failure(1, "Wrong params: [shopTransactionId] must not be null or blank");
    };
    if !world.rows.payments.iter().any(|payment| payment.reference == reference) {
        match new_payment(world, body, reference.clone(), now) {
            Ok(payment) => world.rows.payments.push(payment),
            Err(why) => return failure(1, why),
        }
    }
    let Some(at) = world.rows.payments.iter().position(|p| p.reference == reference) else {
        return failure(1, "no such payment");
    };
    world.rows.payments[at].tick(now);
    let payment = &world.rows.payments[at];
    let data = json!({
        "shop_transaction_id": payment.reference, "octo_payment_UUID": payment.uuid, "status": payment.status,
        "octo_pay_url": format!("{}/pay/{}", world.rows.url, payment.uuid),
        "refunded_sum": number(payment.refunded()), "total_sum": number(payment.total),
    });
    success(world, AT, data)
}

fn new_payment(
    world: &mut World<Rows>,
    body: &Value,
    reference: String,
    now: Timestamp,
) -> Result<Payment, &'static str> {
    let total = money(body, "total_sum").filter(|total| *total > Money::ZERO).ok_or("no such payment")?;
    let currency = text(body, "currency").filter(|c| ["UZS", "USD", "RUB"].contains(&c.as_str()));
    let minutes = body["ttl"].as_i64().filter(|minutes| *minutes > 0).unwrap_or(DEFAULT_TTL_MINUTES);
    Ok(Payment {
        uuid: world.draw_uuid(),
        reference,
        status: "created",
        total,
        currency: currency.ok_or("Wrong params: [currency] is unknown")?,
        title: text(body, "description").ok_or("Wrong params: [description] must not be null or blank")?,
        auto_capture: body["auto_capture"].as_bool().unwrap_or(true),
        notify_url: text(body, "notify_url")
            .ok_or("Wrong params: [bindNotifyUrl, notifyUrl] must not be null or blank")?,
        return_url: text(body, "return_url").unwrap_or_default(),
        ends_at: now.plus_seconds(minutes.saturating_mul(60)),
        paid_at: None,
        refunds: BTreeMap::new(),
    })
}

fn accept(world: &mut World<Rows>, body: &Value, now: Timestamp) -> Value {
    if let Some(refused) = refusal(world, "set_accept", body) {
        return refused;
    }
    let uuid = text(body, "octo_payment_UUID").unwrap_or_default();
    let Some(payment) = world.rows.find(&uuid) else { return failure(1, "no such payment") };
    if payment.status != "waiting_for_capture" {
        return failure(1, "the payment does not wait for capture");
    }
    match body["accept_status"].as_str() {
        Some("capture") => payment.status = "succeeded",
        Some("cancel") => payment.status = "canceled",
        _ => return failure(1, "Wrong params: [acceptStatus]"),
    }
    payment.paid_at = Some(now);
    let data = json!({
        "octo_payment_UUID": uuid, "status": payment.status, "transfer_sum": number(payment.total), "refunded_sum": 0,
        "payed_time": now.tashkent_second(),
    });
    success(world, "set_accept", data)
}

fn refund(world: &mut World<Rows>, body: &Value, now: Timestamp) -> Value {
    if let Some(refused) = refusal(world, "refund", body) {
        return refused;
    }
    let is_pending = world.faults.take("refund", "pending").is_some();
    let is_declined = world.faults.take("refund", "declined").is_some();
    let (id, least) = (world.draw_uuid(), world.rows.settings.least_refund);
    let name = text(body, "shop_refund_id");
    let uuid = text(body, "octo_payment_UUID").unwrap_or_default();
    let (Some(payment), Some(name)) = (world.rows.find(&uuid), name) else {
        return failure(1, "no such payment, or no shop_refund_id");
    };
    if !payment.refunds.contains_key(&name) {
        let Some(amount) = money(body, "amount") else { return failure(1, "Wrong params: [amount]") };
        let left = payment.total.minor() - payment.sent_back();
        let is_possible = payment.status == "succeeded" && amount.minor() <= left;
        if !is_possible || amount < least || amount <= Money::ZERO || amount > MOST_REFUND {
            return failure(22, "Wrong amount to refund");
        }
        let status = match (is_pending, is_declined) {
            (true, _) => "pending",
            (_, true) => "failed",
            _ => "succeeded",
        };
        payment.refunds.insert(name.clone(), Refund { id, amount, status });
    }
    let Some(made) = payment.refunds.get(&name) else { return failure(1, "no such refund") };
    let data = json!({
        "octo_payment_UUID": uuid, "refund_id": made.id, "refund_time": now.tashkent_second(), "status": made.status,
    });
    success(world, "refund", data)
}

async fn post_prepare(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    sim.answer("prepare_payment", |world, now| prepare(world, &read_json(&body), now)).await
}

async fn post_accept(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    sim.answer("set_accept", |world, now| accept(world, &read_json(&body), now)).await
}

async fn post_refund(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    sim.answer("refund", |world, now| refund(world, &read_json(&body), now)).await
}

async fn pay_page(State(sim): State<Shared<Rows>>, Path(uuid): Path<String>) -> Response {
    let payment = sim.with(|world, now| {
        let payment = world.rows.find(&uuid)?;
        payment.tick(now);
        Some(payment.clone())
    });
    let Some(payment) = payment else {
        return (axum::http::StatusCode::NOT_FOUND, "no such payment").into_response();
    };
    let is_open = matches!(payment.status, "created" | "wait_user_action");
    let buttons = [
        (format!("/pay/{uuid}/pay"), "Pay · Оплатить"),
        (format!("/pay/{uuid}/cancel"), "Refuse · Отказаться"),
        (format!("/pay/{uuid}/leave"), "Leave without an answer · Уйти"),
    ];
    let shown = PayPage {
        gateway: "OCTO",
        title: &payment.title,
        amount: &payment.total.to_string(),
        state: if is_open { "" } else { payment.status },
        buttons: if is_open { &buttons } else { &[] },
        back: &payment.return_url,
    };
    page(shown.render())
}

/// What the buyer does; the callback is on its way before they are sent back.
async fn choose(State(sim): State<Shared<Rows>>, Path((uuid, choice)): Path<(String, String)>) -> Response {
    let payment = sim.with(|world, now| {
        let payment = world.rows.find(&uuid)?;
        payment.tick(now);
        if matches!(payment.status, "created" | "wait_user_action") {
            payment.status = match choice.as_str() {
                "pay" if payment.auto_capture => "succeeded",
                "pay" => "waiting_for_capture",
                "cancel" => "canceled",
                _ => "wait_user_action",
            };
            payment.paid_at = (payment.status == "succeeded").then_some(now);
        }
        Some(payment.clone())
    });
    let Some(payment) = payment else {
        return (axum::http::StatusCode::NOT_FOUND, "no such payment").into_response();
    };
    callbacks::tell(&sim, &payment).await;
    let status = sim.with(|world, _| world.rows.find(&uuid).map_or(payment.status, |payment| payment.status));
    if payment.return_url.is_empty() {
        return redirect(&format!("/pay/{uuid}"));
    }
    let joint = if payment.return_url.contains('?') { '&' } else { '?' };
    redirect(&format!("{}{joint}octo_payment_UUID={uuid}&octo-status={status}", payment.return_url))
}

impl OctoSimulator {
    /// Starts it.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start(settings: OctoSimulatorSettings, clock: Clock) -> io::Result<Running> {
        Self::start_with(settings, clock, None).await
    }

    /// Starts it where it stood when this was kept.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start_with(
        settings: OctoSimulatorSettings,
        clock: Clock,
        memory: Option<Arc<dyn Memory>>,
    ) -> io::Result<Running> {
        let drawn_from = (settings.seed, settings.port);
        let rows =
            Rows { settings, url: String::new(), payments: Vec::new(), sent: Vec::new(), held: Vec::new() };
        let sim = Sim::new(rows, drawn_from, clock, memory);
        let own = Router::new()
            .route("/prepare_payment", post(post_prepare))
            .route("/set_accept", post(post_accept))
            .route("/refund", post(post_refund))
            .route("/pay/{uuid}", get(pay_page))
            .route("/pay/{uuid}/{choice}", post(choose))
            .route("/_sim/flush", post(callbacks::flush))
            .route("/_sim/replay", post(callbacks::replay))
            .route("/_sim/settle", post(cabinet::settle))
            .route("/_sim/cabinet_refund", post(cabinet::refund));
        let running = run(sim.clone(), own).await?;
        sim.with(|world, _| world.rows.url = running.url());
        Ok(running)
    }
}
