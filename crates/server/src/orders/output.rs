//! What clients read of orders. Keys and their order are the legacy's.

use serde::Serialize;
use slippers_core::orders::{Order, OrderLine, PaymentOutcome};
use slippers_core::types::Money;
use utoipa::ToSchema;

use crate::http::json::money;
use crate::ops::openapi::words::{order_status, soum};

/// The answer to placing an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlacedOrder)]
pub(super) struct PlacedOut {
    order_id: String,
    #[schema(schema_with = order_status)]
    status: &'static str,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_amount: Money,
    #[schema(required)]
    notes: Option<String>,
    #[schema(example = "2026-11-23 12:17")]
    created_at: String,
    items: Vec<PlacedItemOut>,
}

/// How much of what, and for how much.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ItemAmount)]
struct AmountOut {
    slipper_id: i64,
    quantity: i64,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    unit_price: Money,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_price: Money,
}

/// The product as it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ItemProduct)]
struct ProductOut {
    name: String,
    size: String,
    image: String,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlacedItem)]
struct PlacedItemOut {
    #[serde(flatten)]
    amount: AmountOut,
    #[schema(required)]
    notes: Option<String>,
    #[serde(flatten)]
    product: ProductOut,
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedOrder)]
pub(super) struct ListedOut {
    id: i64,
    order_id: String,
    user_id: i64,
    user_name: String,
    #[schema(schema_with = order_status)]
    status: &'static str,
    /// `success` or `refunded`; only with `finance=paid_refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    payment_status: Option<&'static str>,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_amount: Money,
    #[schema(example = "2026-11-23 12:17")]
    created_at: String,
    updated_at: String,
    items: Vec<ListedItemOut>,
}

/// A line of an order in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedItem)]
struct ListedItemOut {
    #[serde(flatten)]
    amount: AmountOut,
    #[serde(flatten)]
    product: ProductOut,
}

/// An order on its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderOut {
    id: i64,
    order_id: String,
    user_id: i64,
    #[schema(schema_with = order_status)]
    status: &'static str,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_amount: Money,
    #[schema(required)]
    notes: Option<String>,
    #[schema(example = "2026-11-23 12:17")]
    created_at: String,
    updated_at: String,
    items: Vec<ItemOut>,
}

/// A line of an order, with its id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderItem)]
struct ItemOut {
    id: i64,
    #[serde(flatten)]
    item: PlacedItemOut,
}

/// A line in its parts: amount, note, product.
fn parts(line: OrderLine) -> (AmountOut, Option<String>, ProductOut) {
    let amount = AmountOut {
        slipper_id: line.slipper.get(),
        quantity: line.quantity,
        unit_price: line.unit_price,
        total_price: line.total,
    };
    (amount, line.notes, ProductOut { name: line.name, size: line.size, image: line.image })
}

impl From<OrderLine> for PlacedItemOut {
    fn from(line: OrderLine) -> Self {
        let (amount, notes, product) = parts(line);
        Self { amount, notes, product }
    }
}

impl From<OrderLine> for ListedItemOut {
    fn from(line: OrderLine) -> Self {
        let (amount, _, product) = parts(line);
        Self { amount, product }
    }
}

impl From<OrderLine> for ItemOut {
    fn from(line: OrderLine) -> Self {
        Self { id: line.id.get(), item: line.into() }
    }
}

impl From<Order> for PlacedOut {
    fn from(order: Order) -> Self {
        Self {
            order_id: order.id.to_string(),
            status: order.status.as_str(),
            total_amount: order.total,
            notes: order.notes,
            created_at: order.created_at.tashkent_minute(),
            items: order.lines.into_iter().map(PlacedItemOut::from).collect(),
        }
    }
}

impl ListedOut {
    pub(super) fn new(order: Order, with_outcome: bool) -> Self {
        let payment_status = order.payment.filter(|_| with_outcome).map(|outcome| match outcome {
            PaymentOutcome::Paid => "success",
            PaymentOutcome::Refunded => "refunded",
        });
        Self {
            id: order.id.get(),
            order_id: order.id.to_string(),
            user_id: order.user.get(),
            user_name: order.user_name,
            status: order.status.as_str(),
            payment_status,
            total_amount: order.total,
            created_at: order.created_at.tashkent_minute(),
            updated_at: order.updated_at.tashkent_minute(),
            items: order.lines.into_iter().map(ListedItemOut::from).collect(),
        }
    }
}

impl From<Order> for OrderOut {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.get(),
            order_id: order.id.to_string(),
            user_id: order.user.get(),
            status: order.status.as_str(),
            total_amount: order.total,
            notes: order.notes,
            created_at: order.created_at.tashkent_minute(),
            updated_at: order.updated_at.tashkent_minute(),
            items: order.lines.into_iter().map(ItemOut::from).collect(),
        }
    }
}

/// `{"msg": "..."}`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Msg)]
pub(super) struct MsgOut {
    pub(super) msg: &'static str,
}
