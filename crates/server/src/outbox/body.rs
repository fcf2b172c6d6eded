//! What receivers of webhooks read. The names are promised: more may come, none goes.

use serde::Serialize;
use slippers_core::outbox::{EventKind, Notice, PaymentPart};
use slippers_core::payments::ReviewReason;
use slippers_core::types::{EventId, Money};

use crate::http::errors::ApiError;
use crate::http::json::{money, render};

/// An event, as Standard Webhooks recommends to write one.
#[derive(Serialize)]
struct EventOut {
    r#type: &'static str,
    timestamp: String,
    data: DataOut,
}

#[derive(Serialize)]
struct DataOut {
    order_id: String,
    #[serde(flatten)]
    payment: Option<PaymentOut>,
    #[serde(serialize_with = "money")]
    amount: Money,
    currency: &'static str,
}

#[derive(Serialize)]
struct PaymentOut {
    payment_id: i64,
    gateway: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl From<PaymentPart> for PaymentOut {
    fn from(payment: PaymentPart) -> Self {
        Self {
            payment_id: payment.id.get(),
            gateway: payment.gateway.as_str(),
            reason: payment.review.map(ReviewReason::as_str),
        }
    }
}

/// The body of an event, the same at each try.
pub(super) fn body(notice: &Notice) -> Result<Vec<u8>, ApiError> {
    render(&EventOut {
        r#type: notice.kind.as_str(),
        timestamp: notice.at.iso_with_z(),
        data: DataOut {
            order_id: notice.order.to_string(),
            payment: notice.payment.map(PaymentOut::from),
            amount: notice.amount,
            currency: notice.currency.as_str(),
        },
    })
}

/// The number of an event for receivers, by which they recognise one that comes twice. Its time is in it, so that a
/// database that was restored from a backup does not give a number that receivers know to something else.
pub(super) fn event_number(id: EventId, notice: &Notice) -> String {
    format!("evt_{id}_{}", notice.at.micros())
}

/// The kinds that webhooks are sent of: all.
pub(super) const KINDS: [EventKind; 7] = EventKind::ALL;

#[cfg(test)]
mod tests {
    use slippers_core::payments::{Currency, Gateway};
    use slippers_core::types::{OrderId, PaymentId, Timestamp};

    use super::*;

    #[test]
    fn events_are_written_as_promised() {
        let order = Notice {
            kind: EventKind::OrderPlaced,
            order: OrderId::new(12),
            payment: None,
            amount: Money::from_minor(2500),
            currency: Currency::Uzs,
            at: Timestamp::from_micros(1_795_418_259_123_456),
        };
        let written = |notice: &Notice| String::from_utf8(body(notice).expect("a body")).expect("text");
        assert_eq!(
            written(&order),
            r#"{"type":"order.placed","timestamp":"2026-11-23T07:17:39.123456Z","data":{"order_id":"12","amount":25.0,"currency":"UZS"}}"#
        );
        let review = Some(ReviewReason::WrongAmount);
        let payment = Some(PaymentPart { id: PaymentId::new(7), gateway: Gateway::Payme, review });
        let amount = Money::from_minor(1999);
        let review = Notice { kind: EventKind::PaymentNeedsReview, payment, amount, ..order };
        assert_eq!(
            written(&review),
            r#"{"type":"payment.needs_review","timestamp":"2026-11-23T07:17:39.123456Z","data":{"order_id":"12","payment_id":7,"gateway":"payme","reason":"wrong_amount","amount":19.99,"currency":"UZS"}}"#
        );
        assert_eq!(event_number(EventId::new(5), &order), "evt_5_1795418259123456");
    }
}
