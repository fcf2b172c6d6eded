//! What those who run the shop did, over HTTP.

mod shapes;

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use slippers_core::audit::{AuditQuery, AuditRecord, By, MAX_AUDIT_LISTED};
use utoipa::ToSchema;

use self::shapes::AuditListQuery;
use crate::http::call::{Admin, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::input::{BodyKind, Check, Input, Int};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![list_audit])
}

/// How many records are listed where nothing is said.
const DEFAULT_RECORDS: i64 = 100;

/// Which records to list.
#[derive(Clone, Copy, Debug)]
struct AuditList(AuditQuery);

impl Input for AuditList {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let before = check.optional_query("before", Int::at_least(1));
        let max = check.query("max", Int::between(1, MAX_AUDIT_LISTED), DEFAULT_RECORDS);
        Some(Self(AuditQuery { before: before?, max: max? }))
    }
}

/// An action of somebody who runs the shop.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord)]
struct AuditOut {
    id: i64,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
    /// Who; `null` = somebody with the program's commands.
    #[schema(required)]
    admin_id: Option<i64>,
    #[schema(example = "update")]
    action: String,
    #[schema(example = "slipper")]
    subject: String,
    #[schema(required)]
    subject_id: Option<i64>,
    /// What was changed, by field; of people's data only that it was changed.
    #[schema(value_type = Object)]
    change: Value,
}

impl TryFrom<AuditRecord> for AuditOut {
    type Error = ApiError;

    fn try_from(record: AuditRecord) -> Result<Self, ApiError> {
        let change = serde_json::from_str(&record.change);
        Ok(Self {
            id: record.id,
            created_at: record.at.iso_with_offset(),
            admin_id: match record.by {
                By::Admin(id) => Some(id.get()),
                By::CommandLine => None,
            },
            action: record.action,
            subject: record.subject,
            subject_id: record.subject_id,
            change: change.map_err(|error| ApiError::because(Code::Internal, error))?,
        })
    }
}

/// List what admins did
///
/// Newest first; the record is only ever added to.
#[utoipa::path(
    get,
    path = "/admin/audit/",
    tag = SYSTEM,
    params(AuditListQuery),
    responses((status = 200, description = "The newest records", body = Vec<AuditOut>)),
)]
async fn list_audit(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), AuditList(query)): Call<Admin, AuditList>,
) -> Result<Json<Vec<AuditOut>>, ApiError> {
    let records = shop.store.list_audit(query).await?;
    Ok(Json(records.into_iter().map(AuditOut::try_from).collect::<Result<_, _>>()?))
}
