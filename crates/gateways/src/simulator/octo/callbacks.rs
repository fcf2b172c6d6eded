//! What OCTO tells the shop by itself.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use slippers_core::types::{Money, Timestamp};

use super::super::client::send;
use super::super::server::{Shared, World, json_answer};
use super::{Payment, Rows, number};
use crate::secret::hex;

/// How often a callback is sent that is not answered with 200.
const TRIES: usize = 3;

/// A callback, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Callback {
    uuid: String,
    status: &'static str,
    url: String,
    kind: &'static str,
    body: String,
}

impl Callback {
    /// The payment's status when it was made.
    pub(super) const fn status(&self) -> &'static str {
        self.status
    }
}

fn signature(key: &str, uuid: &str, status: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(uuid).chain_update(status).finalize();
    hex(&digest).to_uppercase()
}

fn make(world: &mut World<Rows>, payment: &Payment, now: Timestamp) -> Callback {
    let mut has = |what: &str| world.faults.take("callback", what).is_some();
    let (is_forged, is_lower, is_form) = (has("wrong_signature"), has("lower_case"), has("form"));
    let total = if has("tampered") { Money::from_minor(100) } else { payment.total };
    let status = if has("unknown_status") { "paid_somehow" } else { payment.status };
    let key = if is_forged { "another-key" } else { world.rows.settings.unique_key.expose() };
    let signed = signature(key, &payment.uuid, status);
    // After a commission of 3 %.
    let transfer = Money::from_minor(total.minor() * 97 / 100);
    let fields = json!({
        "shop_transaction_id": payment.reference, "octo_payment_UUID": payment.uuid, "status": status,
        "signature": if is_lower { signed.to_lowercase() } else { signed }, "hash_key": world.draw_uuid(),
        "total_sum": number(total), "transfer_sum": number(transfer), "refunded_sum": number(payment.refunded()),
        "currency": payment.currency, "card_country": "UZ", "maskedPan": "860049** **** 6478", "rrn": "436456776123",
        "riskLevel": 0, "payed_time": payment.paid_at.unwrap_or(now).tashkent_second(), "card_type": "uzcard",
    });
    let (uuid, url, status) = (payment.uuid.clone(), payment.notify_url.clone(), payment.status);
    if is_form {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs =
            fields.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), plain(value)));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        return Callback { uuid, status, url, kind: "application/x-www-form-urlencoded", body };
    }
    Callback { uuid, status, url, kind: "application/json", body: fields.to_string() }
}

/// Tells the shop where a payment stands, with the faults that wait for callbacks.
pub(super) async fn tell(sim: &Shared<Rows>, payment: &Payment) {
    let (callback, copies) = sim.with(|world, now| {
        let callback = make(world, payment, now);
        if world.faults.take("callback", "drop").is_some() {
            return (callback, 0);
        }
        if world.faults.take("callback", "hold").is_some() {
            world.rows.held.push(callback.clone());
            return (callback, 0);
        }
        let more = world.faults.take("callback", "duplicate").unwrap_or(0);
        (callback, 1 + more)
    });
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..copies {
        sending.spawn(deliver(sim.clone(), callback.clone()));
    }
    sending.join_all().await;
}

/// Sends a callback until it is answered with 200, three times at most, and does what the answer to a hold says.
async fn deliver(sim: Shared<Rows>, callback: Callback) {
    for _ in 0..TRIES {
        sim.with(|world, _| world.rows.sent.push(callback.clone()));
        let sent = send("POST", &callback.url, &[("content-type", callback.kind)], &callback.body).await;
        let is_lost = sim.with(|world, _| world.faults.take("callback", "lost").is_some());
        let Some(answer) = sent.ok().filter(|answer| answer.status == 200 && !is_lost) else { continue };
        let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        sim.with(|world, now| {
            let Some(payment) = world.rows.find(&callback.uuid) else { return };
            match (payment.status, told["accept_status"].as_str()) {
                ("waiting_for_capture", Some("capture")) => {
                    (payment.status, payment.paid_at) = ("succeeded", Some(now));
                }
                ("waiting_for_capture", Some("cancel")) => payment.status = "canceled",
                _ => {}
            }
        });
        return;
    }
}

/// Sends held callbacks, the last first.
pub(super) async fn flush(State(sim): State<Shared<Rows>>) -> Response {
    let held = sim.with(|world, _| std::mem::take(&mut world.rows.held));
    again(sim, held).await
}

/// Sends everything once more, the last first.
pub(super) async fn replay(State(sim): State<Shared<Rows>>) -> Response {
    let sent = sim.with(|world, _| world.rows.sent.clone());
    again(sim, sent).await
}

async fn again(sim: Shared<Rows>, callbacks: Vec<Callback>) -> Response {
    let count = callbacks.len();
    for callback in callbacks.into_iter().rev() {
        deliver(sim.clone(), callback).await;
    }
    json_answer(&json!({"ok": true, "sent": count}))
}
