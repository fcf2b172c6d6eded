//! A gateway that behaves like Payme: it shows a checkout page and calls the shop.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slippers_core::types::{Money, Timestamp};

use super::client::{Answer, send};
use super::memory::{Kept, Memory};
use super::page::PayPage;
use super::server::{
    Clock, Running, Shared, Shown, Sim, bad_request, json_answer, page, read_json, redirect, run,
};
use crate::secret::Secret;

/// How often a call is made again whose answer was lost.
const TRIES: usize = 3;

/// What the simulator must be told.
#[derive(Clone, Debug)]
pub struct PaymeSimulatorSettings {
    /// The user of its calls.
    pub login: String,
    /// The cash desk's key.
    pub key: Secret,
    /// Where the shop listens to it, `http://127.0.0.1:8000/payments/payme`.
    pub endpoint: String,
    /// Where randomness comes from.
    pub seed: u64,
    /// The port on loopback; 0 = any.
    pub port: u16,
}

/// A gateway that behaves like Payme. Its root takes checkout links (`/<base64>`).
///
/// Besides what every simulator understands: `POST /_sim/call {"method", "params", "key", "copies"}` calls the shop, all copies
/// at once, and answers `{"answers": [...]}`; `POST /_sim/cancel {"id", "reason"}` returns a payment's money as from the
/// cabinet; `POST /_sim/statement` asks for the whole statement and answers `{"differences": [...]}` to its own rows.
#[derive(Debug)]
pub struct PaymeSimulator;

#[derive(Clone, Debug)]
struct Transaction {
    id: String,
    order: String,
    amount: i64,
    time: i64,
    state: i64,
}

pub(super) struct Rows {
    settings: PaymeSimulatorSettings,
    transactions: Vec<Transaction>,
    calls: u64,
}

impl Rows {
    fn set_state(&mut self, id: &str, state: i64) {
        if let Some(found) = self.transactions.iter_mut().find(|transaction| transaction.id == id) {
            found.state = state;
        }
    }
}

impl Shown for Rows {
    fn shown(&self) -> Value {
        let one = |t: &Transaction| json!({"id": t.id, "order_id": t.order, "amount": t.amount, "time": t.time, "state": t.state});
        json!({"transactions": self.transactions.iter().map(one).collect::<Vec<_>>(), "calls": self.calls})
    }
}

impl Kept for Rows {
    fn kept(&self) -> Value {
        self.shown()["transactions"].clone()
    }

    fn recall(&mut self, kept: &Value) {
        let read = |kept: &Value| {
            Some(Transaction {
                id: kept["id"].as_str()?.to_owned(),
                order: kept["order_id"].as_str()?.to_owned(),
                amount: kept["amount"].as_i64()?,
                time: kept["time"].as_i64()?,
                state: kept["state"].as_i64()?,
            })
        };
        self.transactions = kept.as_array().into_iter().flatten().filter_map(read).collect();
    }
}

/// A checkout link's parameters.
#[derive(Clone, Debug, Default)]
struct Checkout {
    order: String,
    amount: i64,
    back: String,
}

fn decode(encoded: &str) -> Option<Checkout> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let mut checkout = Checkout::default();
    for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
        match name {
            "ac.order_id" => value.clone_into(&mut checkout.order),
            "a" => checkout.amount = value.parse().ok()?,
            "c" => value.clone_into(&mut checkout.back),
            _ => {}
        }
    }
    Some(checkout)
}

type Rpc = Shared<Rows>;

async fn post_once(sim: &Rpc, key: Option<&str>, method: &str, params: &Value) -> io::Result<Answer> {
    let (endpoint, header, id) = sim.with(|world, _| {
        world.rows.calls += 1;
        let settings = &world.rows.settings;
        let key = key.unwrap_or(settings.key.expose());
        let header = format!("Basic {}", STANDARD.encode(format!("{}:{key}", settings.login)));
        (settings.endpoint.clone(), header, world.rows.calls)
    });
    let headers = [("content-type", "text/json; charset=UTF-8"), ("authorization", header.as_str())];
    let body = json!({"method": method, "params": params, "id": id}).to_string();
    send("POST", &endpoint, &headers, &body).await
}

/// Calls the shop until an answer comes, with the faults that wait for calls. `None` = no answer came.
async fn call(sim: &Rpc, method: &str, params: &Value) -> Option<Value> {
    let mut params = params.clone();
    let (is_forged, copies, is_dropped) = sim.with(|world, _| {
        let mut take = |what: &str| world.faults.take_at_call(method, what);
        if params.get("amount").is_some() && take("tampered").is_some() {
            params["amount"] = 100.into();
        }
        (take("wrong_signature").is_some(), take("duplicate").unwrap_or(0), take("drop").is_some())
    });
    if is_dropped {
        return None;
    }
    let key = is_forged.then_some("another-key");
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..copies {
        // The same words once more; what is answered to them nobody hears.
        let (sim, method, params) = (sim.clone(), method.to_owned(), params.clone());
        sending.spawn(async move { post_once(&sim, None, &method, &params).await });
    }
    let mut heard = None;
    for _ in 0..TRIES {
        let answer = post_once(sim, key, method, &params).await;
        let is_lost = sim.with(|world, _| world.faults.take_at_call(method, "lost").is_some());
        if let Ok(answer) = answer
            && answer.status == 200
            && !is_lost
        {
            heard = serde_json::from_str(&answer.body).ok();
            break;
        }
    }
    sending.join_all().await;
    heard
}

/// What came of a payment, for its page.
async fn pay(sim: &Rpc, checkout: &Checkout) -> &'static str {
    let account = json!({"order_id": checkout.order});
    let check = json!({"amount": checkout.amount, "account": account});
    let allowed = call(sim, "CheckPerformTransaction", &check).await;
    if allowed.is_none_or(|answer| answer["result"]["allow"] != true) {
        return "The shop does not take this payment · Магазин не принимает платёж";
    }
    let (id, time) = sim.with(|world, now: Timestamp| {
        let (id, time) = (world.draw()[..24].to_owned(), now.millis());
        let (order, amount) = (checkout.order.clone(), checkout.amount);
        world.rows.transactions.push(Transaction { id: id.clone(), order, amount, time, state: 0 });
        (id, time)
    });
    let create = json!({"id": id, "time": time, "amount": checkout.amount, "account": account});
    let created = call(sim, "CreateTransaction", &create).await;
    if created.is_none_or(|answer| answer["result"]["state"] != 1) {
        return "The shop does not take this payment · Магазин не принимает платёж";
    }
    sim.with(|world, _| world.rows.set_state(&id, 1));
    // The bank refuses.
    if sim.with(|world, _| world.faults.take("call", "declined").is_some()) {
        return give_up(sim, &id, 2).await;
    }
    match call(sim, "PerformTransaction", &json!({"id": id})).await {
        Some(answer) if answer["result"]["state"] == 2 => {
            sim.with(|world, _| world.rows.set_state(&id, 2));
            "Paid · Оплачено"
        }
        _ => give_up(sim, &id, 3).await,
    }
}

async fn give_up(sim: &Rpc, id: &str, reason: i64) -> &'static str {
    cancel(sim, id, reason).await;
    "Not paid, no money was taken · Не оплачено, деньги не списаны"
}

async fn cancel(sim: &Rpc, id: &str, reason: i64) -> Option<Value> {
    let answer = call(sim, "CancelTransaction", &json!({"id": id, "reason": reason})).await;
    if let Some(state) = answer.as_ref().and_then(|answer| answer["result"]["state"].as_i64()) {
        sim.with(|world, _| world.rows.set_state(id, state));
    }
    answer
}

/// A link's page, and with POST what the buyer does on it.
async fn checkout(State(sim): State<Rpc>, method: Method, uri: Uri) -> Response {
    let encoded = uri.path().trim_start_matches('/');
    let Some(checkout) = decode(encoded) else {
        return (StatusCode::NOT_FOUND, "no such page").into_response();
    };
    let mut state = "";
    if method == Method::POST {
        state = if uri.query() == Some("pay") { pay(&sim, &checkout).await } else { "Refused · Отказ" };
        if state.starts_with("Paid") && checkout.back.starts_with("http") {
            return redirect(&checkout.back);
        }
    }
    let buttons = [
        (format!("/{encoded}?pay"), "Pay · Оплатить"),
        (format!("/{encoded}?refuse"), "Refuse · Отказаться"),
    ];
    let shown = PayPage {
        gateway: "Payme",
        title: &format!("Order #{}", checkout.order),
        amount: &Money::from_minor(checkout.amount).to_string(),
        state,
        buttons: if state.is_empty() { &buttons } else { &[] },
        back: &checkout.back,
    };
    page(shown.render())
}

async fn raw_call(State(sim): State<Rpc>, body: Bytes) -> Response {
    let asked = read_json(&body);
    let Some(method) = asked["method"].as_str() else { return bad_request("a method is wanted".to_owned()) };
    let copies = asked["copies"].as_u64().unwrap_or(1);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..copies {
        let (sim, method, params) = (sim.clone(), method.to_owned(), asked["params"].clone());
        let key = asked["key"].as_str().map(str::to_owned);
        calls.spawn(async move { post_once(&sim, key.as_deref(), &method, &params).await });
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

async fn cabinet_cancel(State(sim): State<Rpc>, body: Bytes) -> Response {
    let asked = read_json(&body);
    let (id, reason) = (asked["id"].as_str().unwrap_or_default(), asked["reason"].as_i64().unwrap_or(5));
    json_answer(&cancel(&sim, id, reason).await.unwrap_or_default())
}

/// What the shop says began, against what the gateway knows.
async fn compare_statement(State(sim): State<Rpc>) -> Response {
    let to = sim.with(|_, now| now.millis());
    let answer = call(&sim, "GetStatement", &json!({"from": 1, "to": to})).await.unwrap_or_default();
    let listed = answer["result"]["transactions"].as_array().cloned().unwrap_or_default();
    let differences: Vec<Value> = sim.with(|world, _| {
        let ours = world.rows.transactions.iter().filter(|transaction| transaction.state != 0);
        ours.filter_map(|t| {
            let theirs = listed.iter().find(|one| one["id"] == t.id.as_str());
            let is_same = theirs.is_some_and(|one| one["state"] == t.state && one["amount"] == t.amount);
            (!is_same).then(|| json!({"id": t.id, "state": t.state, "shop": theirs}))
        })
        .collect()
    });
    json_answer(&json!({"listed": listed.len(), "differences": differences}))
}

impl PaymeSimulator {
    /// Starts it.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start(settings: PaymeSimulatorSettings, clock: Clock) -> io::Result<Running> {
        Self::start_with(settings, clock, None).await
    }

    /// Starts it where it stood when this was kept.
    ///
    /// # Errors
    /// The port can't be had.
    pub async fn start_with(
        settings: PaymeSimulatorSettings,
        clock: Clock,
        memory: Option<Arc<dyn Memory>>,
    ) -> io::Result<Running> {
        let drawn_from = (settings.seed, settings.port);
        let sim = Sim::new(Rows { settings, transactions: Vec::new(), calls: 0 }, drawn_from, clock, memory);
        let own = Router::new()
            .route("/_sim/call", post(raw_call))
            .route("/_sim/cancel", post(cabinet_cancel))
            .route("/_sim/statement", post(compare_statement))
            .fallback(checkout);
        run(sim, own).await
    }
}
