//! `/orders`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use slippers_core::orders::lifecycle::{LifecycleError, may_read};
use slippers_core::orders::rules::PlanError;
use slippers_core::orders::{Idempotency, OrderError, OrderQuery, OrderStatus, PlaceError, PlaceFromCart};
use slippers_core::types::IdempotencyKey;

use super::input::{FromCartIn, OrderListIn, OrderPath, UpdateOrder};
use super::output::{ListedOut, MsgOut, OrderOut, PlacedOut};
use super::shapes::{FromCartQuery, IdempotencyHeaders, OrderChangeIn, OrderListQuery};
use crate::http::call::{Call, CurrentUser};
use crate::http::errors::{ApiError, Code};
use crate::http::json::{Json, JsonWith};
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![list_orders, place_from_cart, find_order, update_order, delete_order])
}

/// Order what is in the cart
///
/// The stock is reserved for as long as the order is pending. A repeated call for the same cart answers the order that
/// was placed by the first one.
#[utoipa::path(
    post,
    path = "/orders/from-cart",
    tag = ORDERS,
    params(FromCartQuery, IdempotencyHeaders),
    responses(
        (status = 200, description = "The order", body = PlacedOut),
        CartEmpty, SlipperNotFound, OutOfStock, NotOnSale, TooManyOpenOrders, IdempotencyKeyInvalid,
        IdempotencyKeyReused,
    ),
)]
async fn place_from_cart(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Call(caller, FromCartIn { clear_cart }): Call<CurrentUser, FromCartIn>,
) -> Result<Json<PlacedOut>, ApiError> {
    let place = PlaceFromCart {
        user: caller.user.id,
        clear_cart,
        idempotency: idempotency(&headers, format!("from-cart clear_cart={clear_cart}"))?,
        max_open: shop.settings.orders.max_open,
        max_quantity: shop.settings.orders.max_quantity_per_line,
    };
    let now = shop.now();
    let order = shop.store.place_from_cart(place, now).await?;
    // One that was placed before is answered again.
    if order.created_at == now {
        shop.metrics.ordered(order.total);
    }
    Ok(Json(order.into()))
}

/// The client's own name for this call. Both spellings of the header are in use.
fn idempotency(headers: &HeaderMap, request: String) -> Result<Option<Idempotency>, ApiError> {
    let Some(value) = headers.get("idempotency-key").or_else(|| headers.get("x-idempotency-key")) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Code::IdempotencyKeyInvalid)?;
    let key = IdempotencyKey::parse(text).map_err(|_| Code::IdempotencyKeyInvalid)?;
    Ok(Some(Idempotency { key, request }))
}

/// List orders
///
/// One's own, an admin everybody's; newest first.
#[utoipa::path(
    get,
    path = "/orders/",
    tag = ORDERS,
    params(OrderListQuery),
    responses((
        status = 200,
        description = "The orders",
        body = Vec<ListedOut>,
        headers(("X-Total-Count" = i64, description = "How many there are, whatever `before` and `max` say")),
    )),
)]
async fn list_orders(
    State(shop): State<Arc<Shop>>,
    Call(caller, list): Call<CurrentUser, OrderListIn>,
) -> Result<JsonWith<Vec<ListedOut>>, ApiError> {
    let OrderListIn { with_outcome, before, max } = list;
    let of = (!caller.user.is_admin).then_some(caller.user.id);
    let listed = caller.own_reads(&shop).list_orders(OrderQuery { of, with_outcome, before, max }).await?;
    let headers = HeaderMap::from_iter([(X_TOTAL_COUNT, listed.total.into())]);
    Ok(JsonWith(
        headers,
        listed.orders.into_iter().map(|order| ListedOut::new(order, with_outcome)).collect(),
    ))
}

/// Show an order
#[utoipa::path(
    get,
    path = "/orders/{order_id}",
    tag = ORDERS,
    params(("order_id" = i64, Path, description = "The order's id")),
    responses((status = 200, description = "The order", body = OrderOut), OrderNotFound, OrderNotYours),
)]
async fn find_order(
    State(shop): State<Arc<Shop>>,
    Call(caller, OrderPath(id)): Call<CurrentUser, OrderPath>,
) -> Result<Json<OrderOut>, ApiError> {
    let order = caller.own_reads(&shop).find_order(id).await?.ok_or(Code::OrderNotFound)?;
    if !may_read(caller.actor(), order.user) {
        return Err(Code::OrderNotYours.into());
    }
    Ok(Json(order.into()))
}

/// Change an order
///
/// Cancelling gives its stock back, and so does a refund unless `restock` is `false`.
#[utoipa::path(
    put,
    path = "/orders/{order_id}",
    tag = ORDERS,
    params(("order_id" = i64, Path, description = "The order's id")),
    request_body = OrderChangeIn,
    responses(
        (status = 200, description = "The order as it is now", body = OrderOut),
        OrderNotFound, OrderUpdateNotYours, OrderFieldForbidden, OrderTotalForbidden, OrderStepForbidden,
    ),
)]
async fn update_order(
    State(shop): State<Arc<Shop>>,
    Call(caller, UpdateOrder(id, change)): Call<CurrentUser, UpdateOrder>,
) -> Result<Json<OrderOut>, ApiError> {
    let pays = change.status == Some(OrderStatus::Paid);
    let changed = shop.store.change_order(id, caller.actor(), change, shop.now()).await;
    let order = changed.map_err(|error| refusal(error, Code::OrderUpdateNotYours))?;
    if pays {
        shop.metrics.paid(order.total);
    }
    Ok(Json(order.into()))
}

/// Delete an order
///
/// A pending one gives its stock back; paid and refunded ones are kept.
#[utoipa::path(
    delete,
    path = "/orders/{order_id}",
    tag = ORDERS,
    params(("order_id" = i64, Path, description = "The order's id")),
    responses((status = 200, description = "It is gone", body = MsgOut), OrderNotFound, OrderDeleteNotYours, OrderKept),
)]
async fn delete_order(
    State(shop): State<Arc<Shop>>,
    Call(caller, OrderPath(id)): Call<CurrentUser, OrderPath>,
) -> Result<Json<MsgOut>, ApiError> {
    let deleted = shop.store.delete_order(id, caller.actor(), shop.now()).await;
    deleted.map_err(|error| refusal(error, Code::OrderDeleteNotYours))?;
    Ok(Json(MsgOut { msg: "Order deleted" }))
}

/// An order that was not changed; what strangers are told depends on what they wanted.
fn refusal(error: OrderError, not_yours: Code) -> ApiError {
    match error {
        OrderError::NotFound => Code::OrderNotFound.into(),
        OrderError::Store(error) => error.into(),
        OrderError::Refused(LifecycleError::NotYours) => not_yours.into(),
        OrderError::Refused(LifecycleError::OwnerMayNot) => Code::OrderFieldForbidden.into(),
        OrderError::Refused(LifecycleError::TotalIsFixed) => Code::OrderTotalForbidden.into(),
        OrderError::Refused(LifecycleError::Kept { .. }) => Code::OrderKept.into(),
        OrderError::Refused(LifecycleError::NoSuchStep { from, to }) => ApiError::saying(
            Code::OrderStepForbidden,
            format!("Order status can't be changed from {} to {}", from.as_str(), to.as_str()),
        ),
    }
}

impl From<PlaceError> for ApiError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::CartEmpty => Code::CartEmpty.into(),
            PlaceError::TooManyOpen { .. } => Code::TooManyOpenOrders.into(),
            PlaceError::KeyReused => Code::IdempotencyKeyReused.into(),
            PlaceError::Store(error) => error.into(),
            PlaceError::Plan(error) => plan_refusal(error),
        }
    }
}

fn plan_refusal(error: PlanError) -> ApiError {
    match error {
        PlanError::Empty => Code::CartEmpty.into(),
        PlanError::NoSuchProduct(_) => Code::SlipperNotFound.into(),
        PlanError::Paused { name, size, .. } => {
            ApiError::saying(Code::NotOnSale, format!("{name} (size {size}) is not on sale now"))
        }
        PlanError::OutOfStock { name, size, left, wanted, .. } => ApiError::saying(
            Code::OutOfStock,
            format!("Not enough stock for {name} (size {size}): {left} left, {wanted} wanted"),
        ),
        PlanError::TotalOutOfRange => ApiError::because(Code::Internal, error),
    }
}
