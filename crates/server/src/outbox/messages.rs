//! What people are told of orders and payments: short, as an SMS is paid for by its length.

use slippers_core::outbox::{EventKind, Notice};
use slippers_core::payments::ReviewReason;

use crate::settings::Language;

/// What the buyer is told of their order; `None` = nothing.
pub(super) fn to_buyer(notice: &Notice, language: Language) -> Option<String> {
    let Notice { kind: EventKind::OrderPlaced, order, .. } = notice else { return None };
    let sum = sum(notice);
    Some(match language {
        Language::Uzbek => format!("Slippers: {order}-buyurtmangiz qabul qilindi, {sum} so'm."),
        Language::Russian => format!("Slippers: заказ {order} принят, {sum} сум."),
        Language::English => format!("Slippers: we have your order {order}, {sum} soum."),
    })
}

/// What those who run the shop are told; `None` = nothing.
pub(super) fn to_staff(notice: &Notice, language: Language) -> Option<String> {
    let (order, sum, currency) = (notice.order, sum(notice), notice.currency.as_str());
    match notice.kind {
        EventKind::OrderPlaced => Some(match language {
            Language::Uzbek => format!("Slippers: yangi buyurtma {order}, {sum} {currency}."),
            Language::Russian => format!("Slippers: новый заказ {order}, {sum} {currency}."),
            Language::English => format!("Slippers: a new order, {order}, of {sum} {currency}."),
        }),
        EventKind::PaymentNeedsReview => {
            let payment = notice.payment?;
            let (id, gateway) = (payment.id, payment.gateway.as_str());
            let reason = payment.review.map_or("", ReviewReason::as_str);
            Some(match language {
                Language::Uzbek => format!(
                    "Slippers: {order}-buyurtmaning {id}-to'lovini ({gateway}, {sum} {currency}) tekshiring: {reason}."
                ),
                Language::Russian => format!(
                    "Slippers: проверьте платёж {id} заказа {order} ({gateway}, {sum} {currency}): {reason}."
                ),
                Language::English => format!(
                    "Slippers: payment {id} of order {order} ({gateway}, {sum} {currency}) needs a person: {reason}."
                ),
            })
        }
        _ => None,
    }
}

/// The amount as people write it: without decimals where there are none.
fn sum(notice: &Notice) -> String {
    let text = notice.amount.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use slippers_core::outbox::PaymentPart;
    use slippers_core::payments::{Currency, Gateway};
    use slippers_core::types::{Money, OrderId, PaymentId, Timestamp};

    use super::*;

    fn notice(kind: EventKind) -> Notice {
        let review = (kind == EventKind::PaymentNeedsReview).then_some(ReviewReason::LatePayment);
        Notice {
            kind,
            order: OrderId::new(1_234_567),
            payment: Some(PaymentPart { id: PaymentId::new(7), gateway: Gateway::Click, review }),
            amount: Money::from_minor(1_250_000_000),
            currency: Currency::Uzs,
            at: Timestamp::from_seconds(0),
        }
    }

    #[test]
    fn a_confirmation_is_one_sms_in_each_language() {
        for language in Language::ALL {
            let text = to_buyer(&notice(EventKind::OrderPlaced), language).expect("a text");
            assert!(text.contains("1234567") && text.contains("12500000 "), "{text}");
            // GSM 7-bit has 160 characters, the rest of the world 70.
            let most = if text.is_ascii() { 160 } else { 70 };
            assert!(text.chars().count() <= most, "{text}");
        }
        assert_eq!(to_buyer(&notice(EventKind::OrderExpired), Language::English), None);
    }

    #[test]
    fn the_staff_is_told_of_new_orders_and_of_payments_that_need_them() {
        for language in Language::ALL {
            let told = |kind| to_staff(&notice(kind), language);
            assert!(told(EventKind::OrderPlaced).is_some_and(|text| text.contains("1234567")));
            let review = told(EventKind::PaymentNeedsReview).expect("a text");
            assert!(review.contains("late_payment") && review.contains("click") && review.contains('7'));
            assert_eq!(told(EventKind::PaymentPaid), None);
        }
    }
}
