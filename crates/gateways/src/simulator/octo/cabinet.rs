//! What people do in OCTO's cabinet, behind the shop's back.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Refund, Rows, money};
use crate::simulator::server::{Shared, json_answer, read_json};

pub(super) async fn settle(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    let status = if read_json(&body)["status"] == "failed" { "failed" } else { "succeeded" };
    sim.with(|world, _| {
        let refunds = world.rows.payments.iter_mut().flat_map(|payment| payment.refunds.values_mut());
        refunds.filter(|refund| refund.status == "pending").for_each(|refund| refund.status = status);
    });
    json_answer(&json!({"ok": true}))
}

pub(super) async fn refund(State(sim): State<Shared<Rows>>, body: Bytes) -> Response {
    let body = read_json(&body);
    let done = sim.with(|world, _| {
        let (id, amount) = (world.draw_uuid(), money(&body, "amount")?);
        let payment = world.rows.find(body["uuid"].as_str()?)?;
        payment.refunds.insert(id.clone(), Refund { id, amount, status: "succeeded" });
        Some(())
    });
    json_answer(&json!({"ok": done.is_some()}))
}
