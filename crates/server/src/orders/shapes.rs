//! What clients send about orders, for the document. What reads it is `input`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use slippers_core::orders::MAX_LISTED;
use utoipa::{IntoParams, ToSchema};

use crate::ops::openapi::words::order_status;

/// How to order.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FromCartQuery {
    /// Whether the cart is emptied.
    #[param(required = false, default = false)]
    clear_cart: bool,
}

/// The client's own name for a call.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct IdempotencyHeaders {
    /// The client's own name for this order: the same key and the same request answer the same order for 24 hours.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: String,
    /// The same by another name; the first one counts.
    #[param(
        rename = "X-Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    x_idempotency_key: String,
}

/// Which orders.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderListQuery {
    /// `paid_refunded` lists only orders that were paid or refunded, with their `payment_status`; anything else is
    /// ignored.
    #[param(required = false, max_length = 255, example = "paid_refunded")]
    finance: String,
    /// Only orders with a smaller `id`: the last one of the list before.
    #[param(required = false, minimum = 1)]
    before: i64,
    /// How many to list at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = json!(MAX_LISTED))]
    max: i64,
}

/// What to change of an order; what is absent stays. Owners change the notes of a pending order and set it `CANCELLED`;
/// admins also set `PAID` and `REFUNDED`, which records a payment or a refund by hand.
#[derive(ToSchema)]
pub(super) struct OrderChangeIn {
    #[schema(required = false, schema_with = order_status)]
    status: String,
    /// Known to older clients; nobody may set it.
    #[schema(required = false, deprecated, minimum = 0)]
    total_amount: f64,
    /// `null` takes them away.
    #[schema(max_length = 500)]
    notes: Option<String>,
    /// Whether a refund gives the stock back.
    #[schema(required = false, default = true)]
    restock: bool,
}
