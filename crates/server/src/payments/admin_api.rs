//! `/payments` for those who run the shop.

use std::sync::Arc;

use axum::extract::State;
use slippers_core::payments::{Attempt, PaymentQuery};
use slippers_core::types::PaymentId;

use super::input::{CloseReviewIn, PaymentListIn, PaymentPath};
use super::output::{EventOut, PaymentOut, ReviewClosedOut};
use super::shapes::{PaymentListQuery, ReviewShape};
use crate::http::call::{Admin, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![list_payments, list_payment_events, close_payment_review])
}

/// List payments
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/payments/",
    tag = PAYMENTS,
    params(PaymentListQuery),
    responses((status = 200, description = "The newest payments", body = Vec<PaymentOut>)),
)]
async fn list_payments(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), PaymentListIn(query)): Call<Admin, PaymentListIn>,
) -> Result<Json<Vec<PaymentOut>>, ApiError> {
    let payments = shop.store.list_payments(query).await?;
    Ok(Json(payments.into_iter().map(PaymentOut::from).collect()))
}

/// List what was said of a payment
///
/// Oldest first, at most 1000; the log is only ever added to.
#[utoipa::path(
    get,
    path = "/payments/{payment_id}/events",
    tag = PAYMENTS,
    params(("payment_id" = i64, Path, description = "The payment's id")),
    responses((status = 200, description = "What was said", body = Vec<EventOut>), PaymentNotFound),
)]
async fn list_payment_events(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), PaymentPath(id)): Call<Admin, PaymentPath>,
) -> Result<Json<Vec<EventOut>>, ApiError> {
    find(&shop, id).await?;
    let events = shop.store.list_events(Some(id)).await?;
    Ok(Json(events.into_iter().map(EventOut::from).collect()))
}

/// Close a review
///
/// Somebody has looked at the payment; what they found goes into its log. What is owed stays owed.
#[utoipa::path(
    post,
    path = "/payments/{payment_id}/close-review",
    tag = PAYMENTS,
    params(("payment_id" = i64, Path, description = "The payment's id")),
    request_body = ReviewShape,
    responses(
        (status = 200, description = "It waits for nobody any more", body = ReviewClosedOut),
        PaymentNotFound, NotInReview,
    ),
)]
async fn close_payment_review(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), CloseReviewIn(id, note)): Call<Admin, CloseReviewIn>,
) -> Result<Json<ReviewClosedOut>, ApiError> {
    find(&shop, id).await?;
    if !shop.store.close_review(id, admin.user.id, note, shop.now()).await? {
        return Err(Code::NotInReview.into());
    }
    Ok(Json(ReviewClosedOut { message: "Review closed" }))
}

/// The payment of this number: the first of those below the next one.
async fn find(shop: &Shop, id: PaymentId) -> Result<Attempt, ApiError> {
    let before = Some(PaymentId::new(id.get().saturating_add(1)));
    let query = PaymentQuery { order: None, in_review: false, before, max: 1 };
    let found = shop.store.list_payments(query).await?.into_iter().next();
    Ok(found.filter(|found| found.id == id).ok_or(Code::PaymentNotFound)?)
}
