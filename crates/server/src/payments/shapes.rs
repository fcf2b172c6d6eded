//! What clients send about payments, for the document. What reads it is `input`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use utoipa::{IntoParams, ToSchema};

use super::input::DEFAULT_LISTED;

/// What to pay: an order, else these items, else what is in the cart.
#[derive(ToSchema)]
#[schema(as = PaymentWish)]
pub(super) struct PayShape {
    #[schema(minimum = 1)]
    order_id: Option<i64>,
    /// The same by another name.
    #[schema(minimum = 1)]
    #[serde(rename = "orderId")]
    order_id_alias: Option<i64>,
    /// Products to order and pay.
    items: Option<Vec<ItemShape>>,
    /// What the client thinks that it pays, in soum; it must be the order's total within a soum, which is what is charged.
    #[schema(minimum = 1)]
    amount: Option<f64>,
    /// The same by another name; `amount` counts.
    #[schema(minimum = 1)]
    total_sum: Option<f64>,
}

/// A product to order.
#[derive(ToSchema)]
#[schema(as = PaymentItem)]
pub(super) struct ItemShape {
    #[schema(minimum = 1)]
    slipper_id: i64,
    #[schema(required = false, minimum = 1, default = 1)]
    quantity: i64,
    #[schema(max_length = 500)]
    notes: Option<String>,
}

/// Whose money goes back.
#[derive(ToSchema)]
#[schema(as = RefundWish)]
pub(super) struct RefundShape {
    #[schema(minimum = 1)]
    order_id: i64,
    /// Whether the stock goes back on the shelf.
    #[schema(required = false, default = true)]
    restock: bool,
}

/// What was found.
#[derive(ToSchema)]
#[schema(as = ReviewNote)]
pub(super) struct ReviewShape {
    /// For the payment's log.
    #[schema(min_length = 1, max_length = 500)]
    note: String,
}

/// Which payments.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PaymentListQuery {
    /// Only those of this order.
    #[param(required = false, minimum = 1)]
    order_id: i64,
    /// Only those that wait for a person.
    #[param(required = false, default = false)]
    in_review: bool,
    /// Only payments with a smaller `id`: the last one of the list before.
    #[param(required = false, minimum = 1)]
    before: i64,
    /// How many to list at most.
    #[param(required = false, minimum = 1, maximum = 1000, default = json!(DEFAULT_LISTED))]
    max: i64,
}
