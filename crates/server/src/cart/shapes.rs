//! What clients send about their cart, for the document. What reads it is `api`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use utoipa::ToSchema;

/// A product to put into the cart.
#[derive(ToSchema)]
pub(super) struct CartItemIn {
    /// A product that exists.
    #[schema(minimum = 1)]
    slipper_id: i64,
    /// Pairs; they add up with those that are in the cart.
    #[schema(required = false, minimum = 1, maximum = 999, default = 1)]
    quantity: i64,
}

/// How many pairs a line has from now on.
#[derive(ToSchema)]
pub(super) struct CartQuantityIn {
    /// Pairs; 0 removes the line.
    #[schema(minimum = 0, maximum = 999)]
    quantity: i64,
}
