//! `/payments/{gateway}/create` for buyers, and `/payments/octo/refund` for admins.

use std::sync::Arc;

use axum::extract::State;
use slippers_core::payments::Gateway;

use super::input::{PayIn, RefundIn};
use super::output::{PayLinkOut, RefundedOut};
use super::returns;
use super::shapes::{PayShape, RefundShape};
use super::start::{Wanted, pay};
use crate::http::call::{Admin, Call, CurrentUser};
use crate::http::errors::ApiError;
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![
        create_octo_payment,
        create_payme_payment,
        create_click_payment,
        refund_octo_payment
    ])
}

/// Begin a payment at OCTO
///
/// Of an order, of items or of what is in the cart; the last two are ordered first. A repeated call answers the same
/// link. What is charged is the order's total.
#[utoipa::path(
    post,
    path = "/payments/octo/create",
    tag = PAYMENTS,
    request_body = PayShape,
    responses(
        (status = 200, description = "Where to pay", body = PayLinkOut),
        OrderNotFound, PayNotYours, OrderRefunded, OrderPaid, OrderCancelled, OrderTotalZero, AmountDisagrees,
        PaymentInReview, CartEmpty, ItemsInvalid, SlipperNotFound, OutOfStock, NotOnSale, TooManyOpenOrders,
        GatewayNotConfigured, GatewayRefused, GatewayUnreachable, PaymentNotReady,
    ),
)]
async fn create_octo_payment(State(shop): State<Arc<Shop>>, call: Call<CurrentUser, PayIn>) -> PayAnswer {
    create(&shop, call, Gateway::Octo).await
}

/// Begin a payment at Payme
///
/// As at OCTO. The link is Payme's checkout; it asks the shop before it takes money.
#[utoipa::path(
    post,
    path = "/payments/payme/create",
    tag = PAYMENTS,
    request_body = PayShape,
    responses(
        (status = 200, description = "Where to pay", body = PayLinkOut),
        OrderNotFound, PayNotYours, OrderRefunded, OrderPaid, OrderCancelled, OrderTotalZero, AmountDisagrees,
        PaymentInReview, CartEmpty, ItemsInvalid, SlipperNotFound, OutOfStock, NotOnSale, TooManyOpenOrders,
        GatewayNotConfigured,
    ),
)]
async fn create_payme_payment(State(shop): State<Arc<Shop>>, call: Call<CurrentUser, PayIn>) -> PayAnswer {
    create(&shop, call, Gateway::Payme).await
}

/// Begin a payment at Click
///
/// As at OCTO. The link is Click's pay page; it asks the shop before it takes money.
#[utoipa::path(
    post,
    path = "/payments/click/create",
    tag = PAYMENTS,
    request_body = PayShape,
    responses(
        (status = 200, description = "Where to pay", body = PayLinkOut),
        OrderNotFound, PayNotYours, OrderRefunded, OrderPaid, OrderCancelled, OrderTotalZero, AmountDisagrees,
        PaymentInReview, CartEmpty, ItemsInvalid, SlipperNotFound, OutOfStock, NotOnSale, TooManyOpenOrders,
        GatewayNotConfigured,
    ),
)]
async fn create_click_payment(State(shop): State<Arc<Shop>>, call: Call<CurrentUser, PayIn>) -> PayAnswer {
    create(&shop, call, Gateway::Click).await
}

type PayAnswer = Result<Json<PayLinkOut>, ApiError>;

async fn create(
    shop: &Arc<Shop>,
    Call(caller, asked): Call<CurrentUser, PayIn>,
    gateway: Gateway,
) -> PayAnswer {
    let wanted = Wanted { buyer: caller.user.id, gateway, source: asked.source()?, claimed: asked.claimed };
    Ok(Json(pay(shop, wanted).await?.into()))
}

/// Send an order's money back
///
/// All of what OCTO took for it. Payments at Payme and Click are returned in their cabinets, which tell the shop.
#[utoipa::path(
    post,
    path = "/payments/octo/refund",
    tag = PAYMENTS,
    request_body = RefundShape,
    responses(
        (status = 200, description = "It went back, or is on its way", body = RefundedOut),
        OrderNotFound, AlreadyRefunded, NotRefundable, RefundTooSmall, GatewayNotConfigured, GatewayRefused,
    ),
)]
async fn refund_octo_payment(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), asked): Call<Admin, RefundIn>,
) -> Result<Json<RefundedOut>, ApiError> {
    let returned = returns::refund(&shop, asked.order, asked.restock, admin.user.id).await?;
    Ok(Json(RefundedOut::new(asked.order.get(), &returned)))
}
