//! `/`, `/health`, `/admin`, the documents and the files.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use slippers_core::PoolStatus;

use crate::http::call::{Admin, Call};
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::Routes;
use crate::shop::Shop;

/// The API's version, which existing clients read; the program's own is its crate's.
pub(super) const API_VERSION: &str = "2.0.0";
/// A database that has not answered by then counts as gone.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) fn router(routes: Routes) -> Routes {
    routes
        .at("/", get(root))
        .at("/health", get(health))
        .at("/health/live", get(live))
        .at("/health/ready", get(ready))
        .at("/admin/db-pool-status", get(pool_status))
        .exactly("/static/{*path}", get(static_file))
}

#[derive(Debug, Serialize)]
struct RootOut {
    message: &'static str,
    version: &'static str,
    docs: &'static str,
    status: &'static str,
}

async fn root() -> Json<RootOut> {
    Json(RootOut {
        message: "🥿 Slippers Order System API",
        version: API_VERSION,
        docs: "/docs",
        status: "operational",
    })
}

#[derive(Debug, Serialize)]
struct HealthOut {
    status: &'static str,
    timestamp: String,
    version: &'static str,
    database: bool,
    cache: bool,
}

/// Whether the shop can sell, in the legacy's words, but really asked.
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

#[derive(Debug, Serialize)]
struct StatusOut {
    status: &'static str,
}

/// Whether the program runs; it asks nobody.
async fn live() -> Json<StatusOut> {
    Json(StatusOut { status: "ok" })
}

/// Whether requests should be sent here.
async fn ready(State(shop): State<Arc<Shop>>) -> Response {
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
#[derive(Debug, Serialize)]
struct PoolOut {
    pool_size: u32,
    checked_in_connections: u32,
    checked_out_connections: u32,
    overflow: i64,
    total_connections: u32,
    max_overflow: u32,
    pool_timeout: u32,
    status: &'static str,
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
        }
    }
}

async fn pool_status(State(shop): State<Arc<Shop>>, Call(Admin(_), ()): Call<Admin, ()>) -> Json<PoolOut> {
    Json(shop.store.pool_status().into())
}

/// A file below `/static`. The name is taken from the path as it was sent: what decodes to a slash is no slash.
async fn static_file(State(shop): State<Arc<Shop>>, _: Path<String>, request: Request) -> Response {
    let Some(below) = request.uri().path().strip_prefix("/static/") else {
        return ApiError::from(Code::NotFound).into_response();
    };
    match shop.files.serve(below, request.method(), request.headers()).await {
        Ok(Some(response)) => response,
        Ok(None) => ApiError::from(Code::NotFound).into_response(),
        Err(error) => ApiError::because(Code::Internal, error).into_response(),
    }
}
