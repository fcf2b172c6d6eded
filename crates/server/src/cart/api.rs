//! `/cart`.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use slippers_core::cart::rules::MAX_REQUEST_QUANTITY;
use slippers_core::cart::{Cart, CartError, CartTotals};
use slippers_core::types::{CartLineId, Money, SlipperId};
use utoipa::ToSchema;

use super::shapes::{CartItemIn, CartQuantityIn};
use crate::http::call::{Call, CurrentUser};
use crate::http::errors::{ApiError, Code};
use crate::http::input::{BodyKind, Check, IdIn, Input, Int};
use crate::http::json::{Json, money};
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![open_cart, cart_totals, add_to_cart, set_line_quantity, remove_line, clear_cart])
}

/// Show the cart
#[utoipa::path(get, path = "/cart", tag = CART, responses((status = 200, description = "The cart", body = CartOut)))]
async fn open_cart(
    State(shop): State<Arc<Shop>>,
    Call(caller, ()): Call<CurrentUser, ()>,
) -> Result<Json<CartOut>, ApiError> {
    Ok(Json(caller.own_reads(&shop).open_cart(caller.user.id, shop.now()).await?.into()))
}

/// Show the sums of the cart
#[utoipa::path(
    get,
    path = "/cart/total",
    tag = CART,
    responses((status = 200, description = "The sums; zeros without a cart", body = TotalsOut)),
)]
async fn cart_totals(
    State(shop): State<Arc<Shop>>,
    Call(caller, ()): Call<CurrentUser, ()>,
) -> Result<Json<TotalsOut>, ApiError> {
    Ok(Json(caller.own_reads(&shop).cart_totals(caller.user.id).await?.into()))
}

/// Put a product into the cart
///
/// Pairs of one product add up in one line. Stock is looked at when the order is placed.
#[utoipa::path(
    post,
    path = "/cart/items",
    tag = CART,
    request_body = CartItemIn,
    responses((status = 200, description = "The cart as it is now", body = CartOut), SlipperNotFound, CartFull),
)]
async fn add_to_cart(
    State(shop): State<Arc<Shop>>,
    Call(caller, AddIn { slipper, quantity }): Call<CurrentUser, AddIn>,
) -> Result<Json<CartOut>, ApiError> {
    Ok(Json(shop.store.add_to_cart(caller.user.id, slipper, quantity, shop.now()).await?.into()))
}

/// Set the quantity of a line
#[utoipa::path(
    put,
    path = "/cart/items/{cart_item_id}",
    tag = CART,
    params(("cart_item_id" = i64, Path, description = "The line's id")),
    request_body = CartQuantityIn,
    responses((status = 200, description = "The cart as it is now", body = CartOut), CartItemNotFound),
)]
async fn set_line_quantity(
    State(shop): State<Arc<Shop>>,
    Call(caller, SetIn { line, quantity }): Call<CurrentUser, SetIn>,
) -> Result<Json<CartOut>, ApiError> {
    Ok(Json(shop.store.set_line_quantity(caller.user.id, line, quantity, shop.now()).await?.into()))
}

/// Remove a line
#[utoipa::path(
    delete,
    path = "/cart/items/{cart_item_id}",
    tag = CART,
    params(("cart_item_id" = i64, Path, description = "The line's id")),
    responses((status = 200, description = "The cart as it is now", body = CartOut), CartItemNotFound),
)]
async fn remove_line(
    State(shop): State<Arc<Shop>>,
    Call(caller, LinePath(line)): Call<CurrentUser, LinePath>,
) -> Result<Json<CartOut>, ApiError> {
    Ok(Json(shop.store.remove_line(caller.user.id, line, shop.now()).await?.into()))
}

/// Empty the cart
#[utoipa::path(delete, path = "/cart/clear", tag = CART, responses((status = 200, description = "The cart as it is now", body = CartOut)))]
async fn clear_cart(
    State(shop): State<Arc<Shop>>,
    Call(caller, ()): Call<CurrentUser, ()>,
) -> Result<Json<CartOut>, ApiError> {
    Ok(Json(shop.store.clear_cart(caller.user.id, shop.now()).await?.into()))
}

/// A product to put into the cart.
#[derive(Clone, Copy, Debug)]
struct AddIn {
    slipper: SlipperId,
    quantity: i64,
}

impl Input for AddIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let slipper = check.required("slipper_id", IdIn(SlipperId::new, Int::at_least(1)));
        let quantity = check.defaulted("quantity", Int::between(1, MAX_REQUEST_QUANTITY), 1);
        Some(Self { slipper: slipper?, quantity: quantity? })
    }
}

/// The line in the path.
#[derive(Clone, Copy, Debug)]
struct LinePath(CartLineId);

const LINE: IdIn<CartLineId> = IdIn(CartLineId::new, Int::any());

impl Input for LinePath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("cart_item_id", LINE).map(Self)
    }
}

/// The line in the path and its new quantity.
#[derive(Clone, Copy, Debug)]
struct SetIn {
    line: CartLineId,
    quantity: i64,
}

impl Input for SetIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let line = check.path("cart_item_id", LINE);
        let quantity = check.required("quantity", Int::between(0, MAX_REQUEST_QUANTITY));
        Some(Self { line: line?, quantity: quantity? })
    }
}

/// A cart at present prices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
struct CartOut {
    id: i64,
    items: Vec<LineOut>,
    #[serde(flatten)]
    totals: TotalsOut,
}

/// A line of a cart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartLine)]
struct LineOut {
    id: i64,
    slipper_id: i64,
    quantity: i64,
    name: String,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    price: Money,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_price: Money,
}

/// The sums of a cart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartTotals)]
struct TotalsOut {
    total_items: i64,
    total_quantity: i64,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    total_amount: Money,
}

impl From<Cart> for CartOut {
    fn from(cart: Cart) -> Self {
        let totals = cart.totals().into();
        let items = cart
            .lines
            .into_iter()
            .map(|line| LineOut {
                id: line.id.get(),
                slipper_id: line.slipper.get(),
                quantity: line.quantity,
                total_price: line.total(),
                name: line.name,
                price: line.price,
            })
            .collect();
        Self { id: cart.id.get(), items, totals }
    }
}

impl From<CartTotals> for TotalsOut {
    fn from(totals: CartTotals) -> Self {
        Self { total_items: totals.items, total_quantity: totals.quantity, total_amount: totals.amount }
    }
}

impl From<CartError> for ApiError {
    fn from(error: CartError) -> Self {
        match error {
            CartError::SlipperNotFound => Code::SlipperNotFound.into(),
            CartError::LineNotFound => Code::CartItemNotFound.into(),
            CartError::LineFull | CartError::CartFull => Code::CartFull.into(),
            CartError::Store(error) => error.into(),
        }
    }
}
