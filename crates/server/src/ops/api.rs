//! `/`, `/health`, `/admin`, the documents and the files.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use slippers_core::{CopyStatus, PoolStatus, Standing};
use utoipa::ToSchema;

use super::{docs, openapi};
use crate::http::call::{Admin, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::{APPLICATION_JSON, Json};
use crate::http::router::{Routes, accepts_gzip, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

/// The API's name.
pub(super) const API_TITLE: &str = "Slippers Order System API";
/// The API's version, which existing clients read; the program's own is its crate's.
pub(super) const API_VERSION: &str = "2.0.0";
/// A database that has not answered by then counts as gone.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn router(routes: Routes) -> Routes {
    routes
        .at(operations![root, health, live, ready, pool_status, openapi_document, swagger, reference])
        .unlisted("/docs/{*path}", get(swagger_asset))
        .below(operations![static_file])
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Root)]
struct RootOut {
    message: &'static str,
    version: &'static str,
    docs: &'static str,
    status: &'static str,
}

/// Show what this is
#[utoipa::path(
    get,
    path = "/",
    tag = SYSTEM,
    responses((status = 200, description = "The API's name and version", body = RootOut)),
)]
async fn root() -> Json<RootOut> {
    Json(RootOut {
        message: "🥿 Slippers Order System API",
        version: API_VERSION,
        docs: "/docs",
        status: "operational",
    })
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthOut {
    status: &'static str,
    timestamp: String,
    version: &'static str,
    database: bool,
    cache: bool,
}

/// Tell whether the shop can sell
///
/// The database is really asked.
#[utoipa::path(
    get,
    path = "/health",
    tag = SYSTEM,
    responses(
        (status = 200, description = "It can", body = HealthOut),
        (status = 503, description = "The database does not answer", body = HealthOut),
    ),
)]
async fn health(State(shop): State<Arc<Shop>>) -> Response {
    let database = database_answers(&shop).await;
    let body = HealthOut {
        status: if database { "healthy" } else { "unhealthy" },
        timestamp: shop.now().iso_naive(),
        version: API_VERSION,
        database,
        // There is no cache that could be down.
        cache: true,
    };
    with_status(database, Json(body))
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Status)]
struct StatusOut {
    status: &'static str,
}

/// Tell whether the program runs
///
/// It asks nobody.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = SYSTEM,
    responses((status = 200, description = "It runs", body = StatusOut)),
)]
async fn live() -> Json<StatusOut> {
    Json(StatusOut { status: "ok" })
}

/// Tell whether requests should be sent here
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = SYSTEM,
    responses(
        (status = 200, description = "They should", body = StatusOut),
        (status = 503, description = "The database does not answer, or the program stops", body = StatusOut),
    ),
)]
async fn ready(State(shop): State<Arc<Shop>>) -> Response {
    if shop.leaves.load(Ordering::Relaxed) {
        return with_status(false, Json(StatusOut { status: "stopping" }));
    }
    let database = database_answers(&shop).await;
    with_status(database, Json(StatusOut { status: if database { "ok" } else { "database unavailable" } }))
}

async fn database_answers(shop: &Shop) -> bool {
    match tokio::time::timeout(PROBE_TIMEOUT, shop.store.ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer: {error}");
            false
        }
        Err(_) => {
            tracing::warn!("the database did not answer within {PROBE_TIMEOUT:?}");
            false
        }
    }
}

fn with_status<T: IntoResponse>(healthy: bool, body: T) -> Response {
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, body).into_response()
}

/// The pool in the legacy's words; `overflow` counts the connections beyond the pool's size and is negative below it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pool)]
struct PoolOut {
    pool_size: u32,
    checked_in_connections: u32,
    checked_out_connections: u32,
    overflow: i64,
    total_connections: u32,
    max_overflow: u32,
    pool_timeout: u32,
    status: &'static str,
    /// Only where there are some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<ReplicaOut>,
}

/// A replica that may answer reads.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Replica)]
struct ReplicaOut {
    name: String,
    /// `in_use`, `unproven` (not known yet to be a copy of this database), `behind` or `out`.
    standing: &'static str,
    /// Bytes of the log that it has not replayed; `null` = not known.
    lag_bytes: Option<u64>,
    checked_in_connections: u32,
    checked_out_connections: u32,
}

impl From<CopyStatus> for ReplicaOut {
    fn from(copy: CopyStatus) -> Self {
        Self {
            name: copy.name,
            standing: match copy.standing {
                Standing::InUse => "in_use",
                Standing::Unproven => "unproven",
                Standing::Behind => "behind",
                Standing::Out => "out",
            },
            lag_bytes: copy.lag_bytes,
            checked_in_connections: copy.pool.idle,
            checked_out_connections: copy.pool.in_use,
        }
    }
}

impl From<PoolStatus> for PoolOut {
    fn from(pool: PoolStatus) -> Self {
        let total = pool.idle + pool.in_use;
        let exhausted = pool.idle == 0 && total >= pool.size + pool.max_overflow;
        Self {
            pool_size: pool.size,
            checked_in_connections: pool.idle,
            checked_out_connections: pool.in_use,
            overflow: i64::from(total) - i64::from(pool.size),
            total_connections: total,
            max_overflow: pool.max_overflow,
            pool_timeout: pool.timeout_seconds,
            status: if exhausted { "warning" } else { "healthy" },
            replicas: Vec::new(),
        }
    }
}

/// Show the database connections
#[utoipa::path(
    get,
    path = "/admin/db-pool-status",
    tag = SYSTEM,
    responses((status = 200, description = "The connections at this moment", body = PoolOut)),
)]
async fn pool_status(State(shop): State<Arc<Shop>>, Call(Admin(_), ()): Call<Admin, ()>) -> Json<PoolOut> {
    let replicas = shop.store.copies().into_iter().map(Into::into).collect();
    Json(PoolOut { replicas, ..shop.store.pool_status().into() })
}

/// Show this document
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = SYSTEM,
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object, content_type = "application/json")),
)]
async fn openapi_document() -> Response {
    ([(header::CONTENT_TYPE, APPLICATION_JSON)], openapi::document()).into_response()
}

/// Try the API
///
/// Swagger UI over `/openapi.json`.
#[utoipa::path(
    get,
    path = "/docs",
    tag = SYSTEM,
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
async fn swagger() -> Html<&'static str> {
    docs::swagger_page()
}

/// What the page under `/docs` loads.
async fn swagger_asset(path: Result<Path<String>, PathRejection>, headers: HeaderMap) -> Response {
    let asset = path.ok().and_then(|Path(path)| docs::swagger_asset(&path, accepts_gzip(&headers)));
    match asset {
        Some(asset) => asset.into_response(),
        None => ApiError::from(Code::NotFound).into_response(),
    }
}

/// Read about the API
///
/// This document as a page that needs no JavaScript.
#[utoipa::path(
    get,
    path = "/redoc",
    tag = SYSTEM,
    responses((status = 200, description = "A page", body = String, content_type = "text/html")),
)]
async fn reference() -> Html<&'static str> {
    Html(openapi::reference_page())
}

/// Fetch a file
///
/// Pictures are under `/static/images/`. Conditions and single ranges are heard.
// The name is taken from the path as it was sent: what decodes to a slash is no slash.
#[utoipa::path(
    get,
    path = "/static/{path}",
    tag = SYSTEM,
    params(("path" = String, Path, description = "The file's path; it may have slashes")),
    responses(
        (
            status = 200,
            description = "The file",
            body = FileOut,
            content_type = "application/octet-stream",
            headers(
                ("ETag" = String, description = "Names this content"),
                ("Last-Modified" = String, description = "When it was last changed"),
                ("Cache-Control" = String, description = "Pictures never change under their name"),
            ),
        ),
        (
            status = 206,
            description = "The part that `Range` asked for",
            body = FileOut,
            content_type = "application/octet-stream",
            headers(("Content-Range" = String, description = "Which part it is")),
        ),
        (status = 304, description = "It is as `If-None-Match` or `If-Modified-Since` knows it"),
        (status = 412, description = "It is not as `If-Match` or `If-Unmodified-Since` wants it"),
        (status = 416, description = "It has no such part"),
        NotFound,
    ),
)]
async fn static_file(State(shop): State<Arc<Shop>>, request: Request) -> Response {
    let Some(below) = request.uri().path().strip_prefix("/static/") else {
        return ApiError::from(Code::NotFound).into_response();
    };
    match shop.files.serve(below, request.method(), request.headers()).await {
        Ok(Some(response)) => response,
        Ok(None) => ApiError::from(Code::NotFound).into_response(),
        Err(error) => ApiError::because(Code::Internal, error).into_response(),
    }
}
