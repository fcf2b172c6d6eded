//! What clients send about orders.

use slippers_core::orders::{MAX_LISTED, MAX_NOTES, OrderChange, OrderStatus};
use slippers_core::types::OrderId;

use crate::http::input::{Amount, BodyKind, Check, Flag, IdIn, Input, Int, OneOf, Text};

const ORDER: IdIn<OrderId> = IdIn(OrderId::new, Int::any());

/// How to order what is in the cart.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromCartIn {
    pub(super) clear_cart: bool,
}

impl Input for FromCartIn {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.query("clear_cart", Flag, false).map(|clear_cart| Self { clear_cart })
    }
}

/// Which orders to list.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderListIn {
    pub(super) with_outcome: bool,
    pub(super) before: Option<OrderId>,
    pub(super) max: i64,
}

impl Input for OrderListIn {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let finance = check.optional_query("finance", Text::SHORT);
        let before = check.optional_query("before", IdIn(OrderId::new, Int::at_least(1)));
        let max = check.query("max", Int::between(1, MAX_LISTED), MAX_LISTED);
        Some(Self {
            with_outcome: finance?.is_some_and(|word| word.eq_ignore_ascii_case("paid_refunded")),
            before: before?,
            max: max?,
        })
    }
}

/// The order in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderPath(pub(super) OrderId);

impl Input for OrderPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("order_id", ORDER).map(Self)
    }
}

/// The order in the path and what to change of it.
#[derive(Clone, Debug)]
pub(super) struct UpdateOrder(pub(super) OrderId, pub(super) OrderChange);

impl Input for UpdateOrder {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let id = check.path("order_id", ORDER);
        let status = check.optional(
            "status",
            OneOf { words: &["PENDING", "PAID", "REFUNDED", "CANCELLED"], parse: OrderStatus::parse },
        );
        let total = check.optional("total_amount", Amount);
        let notes = check.nullable("notes", Text::new(0, MAX_NOTES));
        let restock = check.defaulted("restock", Flag, true);
        Some(Self(
            id?,
            OrderChange { status: status?, sets_total: total?.is_some(), notes: notes?, restock: restock? },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_can_be_named() {
        let words = OrderStatus::ALL.map(OrderStatus::as_str);
        assert_eq!(words, ["PENDING", "PAID", "REFUNDED", "CANCELLED"]);
    }
}
