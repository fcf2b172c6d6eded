//! What could not be delivered, over HTTP.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use slippers_core::outbox::{DeadLetter, DeadLetterQuery, MAX_DEAD_LETTERS_LISTED};
use slippers_core::types::{DeliveryId, Money};
use utoipa::ToSchema;

use super::body::event_number;
use super::shapes::DeadLetterListQuery;
use crate::http::call::{Admin, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::input::{BodyKind, Check, IdIn, Input, Int};
use crate::http::json::{Json, money};
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![list_dead_letters, replay_dead_letter])
}

/// How many dead letters are listed where nothing is said.
pub(super) const DEFAULT_LETTERS: i64 = 100;

/// Which dead letters to list.
#[derive(Clone, Copy, Debug)]
struct LetterList(DeadLetterQuery);

impl Input for LetterList {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let before = check.optional_query("before", Int::at_least(1));
        let max = check.query("max", Int::between(1, MAX_DEAD_LETTERS_LISTED), DEFAULT_LETTERS);
        Some(Self(DeadLetterQuery { before: before?.map(DeliveryId::new), max: max? }))
    }
}

/// Which dead letter.
#[derive(Clone, Copy, Debug)]
struct LetterPath(DeliveryId);

impl Input for LetterPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("delivery_id", IdIn(DeliveryId::new, Int::any())).map(Self)
    }
}

/// An event that somebody was not told of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
struct DeadLetterOut {
    id: i64,
    /// The event's number, as `webhook-id` has it.
    #[schema(example = "evt_12_1795418259123456")]
    event_id: String,
    #[schema(example = "order.placed")]
    r#type: &'static str,
    order_id: String,
    #[schema(required)]
    payment_id: Option<i64>,
    #[serde(serialize_with = "money")]
    #[schema(schema_with = soum)]
    amount: Money,
    #[schema(example = "UZS")]
    currency: &'static str,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    happened_at: String,
    /// Who was to be told: `buyer`, `staff`, or a webhook by its host and a digest of its URL.
    #[schema(example = "webhook:erp.example.uz#3fa9c1d2")]
    target: String,
    /// How often it was tried.
    attempts: i64,
    /// Why the last try failed.
    #[schema(example = "it answered 500")]
    error: String,
    given_up_at: String,
}

impl From<DeadLetter> for DeadLetterOut {
    fn from(letter: DeadLetter) -> Self {
        let notice = letter.notice;
        Self {
            id: letter.id.get(),
            event_id: event_number(letter.event, &notice),
            r#type: notice.kind.as_str(),
            order_id: notice.order.to_string(),
            payment_id: notice.payment.map(|payment| payment.id.get()),
            amount: notice.amount,
            currency: notice.currency.as_str(),
            happened_at: notice.at.iso_with_offset(),
            target: letter.target.as_str().to_owned(),
            attempts: letter.attempts,
            error: letter.error,
            given_up_at: letter.dead_at.iso_with_offset(),
        }
    }
}

/// `{"message": "..."}`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ReplayMessage)]
struct ReplayMessage {
    #[schema(example = "It is delivered again")]
    message: &'static str,
}

/// List what could not be delivered
///
/// Events that a webhook, a buyer or the staff could not be told of for three days, or that were refused for good; the
/// newest numbers first. They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/admin/dead-letters/",
    tag = SYSTEM,
    params(DeadLetterListQuery),
    responses((status = 200, description = "The newest dead letters", body = Vec<DeadLetterOut>)),
)]
async fn list_dead_letters(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), LetterList(query)): Call<Admin, LetterList>,
) -> Result<Json<Vec<DeadLetterOut>>, ApiError> {
    let letters = shop.store.list_dead_letters(query).await?;
    Ok(Json(letters.into_iter().map(DeadLetterOut::from).collect()))
}

/// Deliver again what could not be delivered
///
/// As new: at once, and for three days. The event keeps its number.
#[utoipa::path(
    post,
    path = "/admin/dead-letters/{delivery_id}/replay",
    tag = SYSTEM,
    params(("delivery_id" = i64, Path, description = "The dead letter's id")),
    responses((status = 200, description = "It is due", body = ReplayMessage), DeadLetterNotFound),
)]
async fn replay_dead_letter(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), LetterPath(id)): Call<Admin, LetterPath>,
) -> Result<Json<ReplayMessage>, ApiError> {
    if !shop.store.replay_dead_letter(id, admin.user.id, shop.now()).await? {
        return Err(Code::DeadLetterNotFound.into());
    }
    Ok(Json(ReplayMessage { message: "It is delivered again" }))
}
