//! Why somebody can't pay or send money back, in the texts that front-ends show.

use slippers_core::payments::admission::OpenRefusal;
use slippers_core::payments::refunds::RefundRefusal;
use slippers_core::payments::{OpenError, RefundError};
use slippers_core::types::Money;

use super::calls::Failure;
use crate::http::errors::{ApiError, Code};

/// No attempt was opened.
pub(super) fn open_refused(error: OpenError) -> ApiError {
    match error {
        OpenError::OrderNotFound => Code::OrderNotFound.into(),
        OpenError::Refused(refusal) => open_refusal(refusal),
        OpenError::Place(error) => error.into(),
        OpenError::Store(error) => error.into(),
    }
}

pub(super) fn open_refusal(refusal: OpenRefusal) -> ApiError {
    let code = match refusal {
        OpenRefusal::NotYours => Code::PayNotYours,
        OpenRefusal::Refunded => Code::OrderRefunded,
        OpenRefusal::Paid => Code::OrderPaid,
        OpenRefusal::Cancelled => Code::OrderCancelled,
        OpenRefusal::Zero => Code::OrderTotalZero,
        OpenRefusal::AmountDisagrees => Code::AmountDisagrees,
        OpenRefusal::InReview => Code::PaymentInReview,
    };
    code.into()
}

/// No refund was begun.
pub(super) fn refund_refusal(error: RefundError) -> ApiError {
    match error {
        RefundError::OrderNotFound => Code::OrderNotFound.into(),
        RefundError::Store(error) => error.into(),
        RefundError::NotPaid | RefundError::Refused(RefundRefusal::NothingReceived) => {
            Code::NotRefundable.into()
        }
        RefundError::Refused(RefundRefusal::NothingLeft) => Code::AlreadyRefunded.into(),
        RefundError::Refused(RefundRefusal::TooLittle { least }) => ApiError::saying(
            Code::RefundTooSmall,
            format!("Minimum refund is >= {} UZS (1 USD)", whole(least)),
        ),
        RefundError::Refused(refusal @ RefundRefusal::TooMuch { .. }) => {
            ApiError::because(Code::Internal, refusal)
        }
    }
}

/// Soum without a fraction where there is none.
fn whole(amount: Money) -> String {
    let text = amount.to_string();
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// The operator has not told all that the gateway needs.
pub(super) fn missing_settings(names: &[&'static str]) -> ApiError {
    ApiError::saying(Code::GatewayNotConfigured, format!("Missing settings: {}", names.join(", ")))
}

/// The gateway's own words, as the legacy showed them.
pub(super) fn gateway_refused(text: String) -> ApiError {
    ApiError::saying(Code::GatewayRefused, text)
}

/// The gateway could not be spoken to; why is for the log.
pub(super) fn gateway_silent(failure: &Failure) -> ApiError {
    tracing::warn!(%failure, "a payment could not be begun: {failure}");
    match failure {
        Failure::NotSent(_) => Code::GatewayUnreachable.into(),
        _ => ApiError::retry_after(Code::PaymentNotReady, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_refund_is_told_in_whole_soum() {
        assert_eq!(whole(Money::from_minor(1_265_000)), "12650");
        assert_eq!(whole(Money::from_minor(1_265_050)), "12650.5");
    }
}
