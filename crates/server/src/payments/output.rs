//! What clients read of payments.

use serde::Serialize;
use slippers_core::payments::{Attempt, AttemptStatus, EventRecord, Gateway, ReviewReason};
use slippers_core::types::{Money, Timestamp};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::returns::Returned;
use super::start::Payable;
use crate::http::json::money;
use crate::ops::openapi::words::{order_status, soum};

/// Where to pay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PayLink)]
pub(super) struct PayLinkOut {
    order_id: i64,
    /// The gateway's page; send the buyer there.
    #[schema(example = "https://pay2.octo.uz/pay/e3f40dc3-2f4e-4f3c-a5a1-3c3f2a6f6d10")]
    redirect_url: String,
    /// The gateway's name for the payment; `null` where it gets one later.
    #[schema(required)]
    payment_uuid: Option<String>,
}

impl From<Payable> for PayLinkOut {
    fn from(payable: Payable) -> Self {
        let Payable { order, link, their_id } = payable;
        Self { order_id: order.get(), redirect_url: link, payment_uuid: their_id }
    }
}

/// What became of a refund.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refunded)]
pub(super) struct RefundedOut {
    order_id: i64,
    /// The order's: `REFUNDED` once all of the money went back.
    #[schema(schema_with = order_status)]
    status: &'static str,
    /// `PENDING` while the gateway has not said that the money went; it is asked until it does.
    #[schema(example = "SUCCEEDED")]
    refund_status: &'static str,
}

impl RefundedOut {
    pub(super) fn new(order: i64, returned: &Returned) -> Self {
        let refund_status = if returned.is_done { "SUCCEEDED" } else { "PENDING" };
        Self { order_id: order, status: returned.order.as_str(), refund_status }
    }
}

/// An attempt to pay an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentOut {
    id: i64,
    order_id: i64,
    #[schema(schema_with = gateway)]
    gateway: &'static str,
    #[schema(schema_with = status)]
    status: &'static str,
    /// What is asked for.
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    amount: Money,
    #[schema(example = "UZS")]
    currency: &'static str,
    /// What came, refunds not subtracted.
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    received: Money,
    /// Whether its money pays the order.
    settles: bool,
    /// Why a person has to look at it; `null` = nobody has to.
    #[schema(required, schema_with = review)]
    review: Option<&'static str>,
    /// Our name for it at the gateway.
    reference: String,
    /// The gateway's name for it.
    #[schema(required)]
    gateway_id: Option<String>,
    /// Who recorded it by hand.
    #[schema(required)]
    recorded_by: Option<i64>,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
    #[schema(required)]
    expires_at: Option<String>,
    #[schema(required)]
    paid_at: Option<String>,
    #[schema(required)]
    ended_at: Option<String>,
}

impl From<Attempt> for PaymentOut {
    fn from(attempt: Attempt) -> Self {
        let time = |at: Option<Timestamp>| at.map(Timestamp::iso_with_offset);
        Self {
            id: attempt.id.get(),
            order_id: attempt.order.get(),
            gateway: attempt.gateway.as_str(),
            status: attempt.status.as_str(),
            amount: attempt.amount,
            currency: attempt.currency.as_str(),
            received: attempt.received,
            settles: attempt.settles,
            review: attempt.review.map(ReviewReason::as_str),
            reference: attempt.reference.as_str().to_owned(),
            gateway_id: attempt.their_id.map(|id| id.as_str().to_owned()),
            recorded_by: attempt.recorded_by.map(slippers_core::types::UserId::get),
            created_at: attempt.created_at.iso_with_offset(),
            expires_at: time(attempt.expires_at),
            paid_at: time(attempt.paid_at),
            ended_at: time(attempt.ended_at),
        }
    }
}

/// Something that was said of a payment, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentEvent)]
pub(super) struct EventOut {
    id: i64,
    #[schema(schema_with = gateway)]
    gateway: &'static str,
    #[schema(example = "succeeded")]
    report: String,
    /// `proof`, or `claim`: what anybody may have said, and moves nothing.
    #[schema(example = "proof")]
    evidence: String,
    #[schema(required, value_type = Option<f64>)]
    amount: Option<MoneyOut>,
    #[schema(example = "done")]
    answer: String,
    note: String,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct MoneyOut(#[serde(serialize_with = "money")] Money);

impl From<EventRecord> for EventOut {
    fn from(record: EventRecord) -> Self {
        Self {
            id: record.id.get(),
            gateway: record.gateway.as_str(),
            report: record.report,
            evidence: record.evidence,
            amount: record.amount.map(MoneyOut),
            answer: record.answer,
            note: record.note,
            created_at: record.at.iso_with_offset(),
        }
    }
}

/// What a gateway is told.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Heard)]
pub(super) struct HeardOut {
    ok: bool,
}

/// A review that is over.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ReviewClosed)]
pub(super) struct ReviewClosedOut {
    pub(super) message: &'static str,
}

fn words(of: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    let words: Vec<&str> = of.into_iter().collect();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

fn gateway() -> Object {
    words(Gateway::ALL.map(Gateway::as_str)).build()
}

fn status() -> Object {
    words(AttemptStatus::ALL.iter().map(|status| status.as_str())).build()
}

fn review() -> Object {
    use utoipa::openapi::schema::SchemaType;
    let reasons = ReviewReason::ALL.iter().map(|reason| serde_json::json!(reason.as_str()));
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(reasons.chain([serde_json::Value::Null]).collect::<Vec<_>>()))
        .build()
}
