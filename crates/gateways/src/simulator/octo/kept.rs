//! What OCTO remembers over a restart: all but its callbacks.

use serde_json::{Value, json};
use slippers_core::types::{Money, Timestamp};

use super::{Payment, Refund, Rows};
use crate::simulator::memory::Kept;

/// Words of the simulator for where payments and refunds stand.
const WORDS: [&str; 7] =
    ["created", "wait_user_action", "waiting_for_capture", "succeeded", "canceled", "pending", "failed"];

fn word(kept: &Value) -> Option<&'static str> {
    let text = kept.as_str()?;
    WORDS.into_iter().find(|word| *word == text)
}

fn text(kept: &Value) -> Option<String> {
    kept.as_str().map(str::to_owned)
}

fn money(kept: &Value) -> Option<Money> {
    kept.as_i64().map(Money::from_minor)
}

impl Kept for Rows {
    fn kept(&self) -> Value {
        let refund = |(name, refund): (&String, &Refund)| json!({"name": name, "id": refund.id, "amount": refund.amount.minor(), "status": refund.status});
        let payment = |p: &Payment| {
            json!({
                "uuid": p.uuid, "reference": p.reference, "status": p.status, "total": p.total.minor(),
                "currency": p.currency, "title": p.title, "auto_capture": p.auto_capture,
                "notify_url": p.notify_url, "return_url": p.return_url, "ends_at": p.ends_at.micros(),
                "paid_at": p.paid_at.map(Timestamp::micros),
                "refunds": p.refunds.iter().map(refund).collect::<Vec<_>>(),
            })
        };
        self.payments.iter().map(payment).collect()
    }

    fn recall(&mut self, kept: &Value) {
        self.payments = kept.as_array().into_iter().flatten().filter_map(read_payment).collect();
    }
}

fn read_payment(kept: &Value) -> Option<Payment> {
    let refunds = kept["refunds"].as_array()?.iter().filter_map(read_refund);
    Some(Payment {
        uuid: text(&kept["uuid"])?,
        reference: text(&kept["reference"])?,
        status: word(&kept["status"])?,
        total: money(&kept["total"])?,
        currency: text(&kept["currency"])?,
        title: text(&kept["title"])?,
        auto_capture: kept["auto_capture"].as_bool()?,
        notify_url: text(&kept["notify_url"])?,
        return_url: text(&kept["return_url"])?,
        ends_at: Timestamp::from_micros(kept["ends_at"].as_i64()?),
        paid_at: kept["paid_at"].as_i64().map(Timestamp::from_micros),
        refunds: refunds.collect(),
    })
}

fn read_refund(kept: &Value) -> Option<(String, Refund)> {
    let (id, amount) = (text(&kept["id"])?, money(&kept["amount"])?);
    Some((text(&kept["name"])?, Refund { id, amount, status: word(&kept["status"])? }))
}
