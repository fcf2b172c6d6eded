//! What gateways call. A protocol reads the raw bytes and says what the store is to be asked; its answer goes out once it
//! is written down.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use slippers_core::StoreError;
use slippers_core::payments::admission::judge_payable;
use slippers_core::payments::{Gateway, Name, Reserve, StatementQuery};
use slippers_gateways::{Call, Outcome, Reply, Webhook};

use super::inquiry::hear;
use super::output::HeardOut;
use crate::http::client::ClientAddress;
use crate::http::errors::{ApiError, Code};
use crate::http::json::APPLICATION_JSON;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::ops::openapi::{Facts, LastArgument, READS_A_BODY};
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![notify_octo, call_payme, call_payme_rpc, prepare_click, complete_click])
}

const PATHS: [&str; 5] = [
    "/payments/octo/notify",
    "/payments/payme",
    "/api/rpc",
    "/payments/click/prepare",
    "/payments/click/complete",
];

/// Whether a path is one that gateways call: one address calls for all buyers.
pub(crate) fn is_webhook(path: &str) -> bool {
    PATHS.contains(&path.strip_suffix('/').unwrap_or(path))
}

/// A webhook as it came.
pub(super) struct Raw {
    from: Option<IpAddr>,
    method: Method,
    headers: HeaderMap,
    body: Body,
}

impl FromRequest<Arc<Shop>> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<Shop>) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let from = parts.extensions.get::<ClientAddress>().map(|address| address.0);
        Ok(Self { from, method: parts.method, headers: parts.headers, body })
    }
}

impl LastArgument for Raw {
    const FACTS: Facts = READS_A_BODY;
}

/// OCTO tells where a payment stands
///
/// It is believed once OCTO itself has confirmed it. The answer is the same for whatever comes; a payment that is held is
/// also answered with `accept_status`.
#[utoipa::path(
    post,
    path = "/payments/octo/notify",
    tag = PAYMENTS,
    request_body(content((Object = "application/json"), (Object = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "Heard", body = HeardOut)),
)]
async fn notify_octo(State(shop): State<Arc<Shop>>, raw: Raw) -> Result<Response, ApiError> {
    answer(&shop, Gateway::Octo, raw).await
}

/// Payme's calls
///
/// Its Merchant API: JSON-RPC with basic authentication; errors too have the status 200.
#[utoipa::path(
    method(get, post),
    path = "/payments/payme",
    tag = PAYMENTS,
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "What JSON-RPC answers", body = Object)),
)]
async fn call_payme(State(shop): State<Arc<Shop>>, raw: Raw) -> Result<Response, ApiError> {
    answer(&shop, Gateway::Payme, raw).await
}

/// Payme's calls, by another path
///
/// The path under which later back-ends of this shop were called.
#[utoipa::path(
    method(get, post),
    path = "/api/rpc",
    tag = PAYMENTS,
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "What JSON-RPC answers", body = Object)),
)]
async fn call_payme_rpc(State(shop): State<Arc<Shop>>, raw: Raw) -> Result<Response, ApiError> {
    answer(&shop, Gateway::Payme, raw).await
}

/// Click is about to take money
///
/// Its SHOP-API: a signed form; errors too have the status 200.
#[utoipa::path(
    post,
    path = "/payments/click/prepare",
    tag = PAYMENTS,
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Whether it may", body = Object)),
)]
async fn prepare_click(State(shop): State<Arc<Shop>>, raw: Raw) -> Result<Response, ApiError> {
    answer(&shop, Gateway::Click, raw).await
}

/// Click took money, or did not
///
/// Its SHOP-API: a signed form; errors too have the status 200.
#[utoipa::path(
    post,
    path = "/payments/click/complete",
    tag = PAYMENTS,
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What became of it", body = Object)),
)]
async fn complete_click(State(shop): State<Arc<Shop>>, raw: Raw) -> Result<Response, ApiError> {
    answer(&shop, Gateway::Click, raw).await
}

async fn answer(shop: &Arc<Shop>, gateway: Gateway, raw: Raw) -> Result<Response, ApiError> {
    let protocol = shop.gateways.protocol(gateway).ok_or(Code::NotFound)?;
    let Raw { from, method, headers, body } = raw;
    let (reader, now) = (Arc::clone(protocol), shop.now());
    let stranger = from.filter(|address| !shop.gateways.may_call(gateway, *address));
    let read = move |body: &[u8]| {
        let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
        let (content_type, authorization) = (text(&header::CONTENT_TYPE), text(&header::AUTHORIZATION));
        let webhook = Webhook { method: method.as_str(), content_type, authorization, body };
        match (reader.read(webhook, now), stranger) {
            // Answered as one without the key, which nobody but the gateway should have.
            (Ok(_), Some(address)) => {
                let name = gateway.as_str();
                tracing::warn!(
                    gateway = name, %address,
                    "a call with the key of {name} is refused, {address} is none of its addresses: \
                     see PAYME_ALLOWED_IPS, and TRUSTED_PROXIES if that is a proxy"
                );
                reader.read(Webhook { authorization: None, ..webhook }, now)
            }
            (read, _) => read,
        }
    };
    let received = match shop.bodies.read_with(body, read).await? {
        Ok(received) => received,
        Err(reply) => return Ok(dressed(reply)),
    };
    // Drawn for a transaction that may begin.
    let reference = shop.gateways.draw_reference()?;
    let outcome = ask_store(shop, gateway, received.call, reference).await.unwrap_or_else(|error| {
        let name = gateway.as_str();
        tracing::error!(gateway = name, %error, "a call of {name} is not acknowledged: {error}");
        Outcome::Failed(error)
    });
    Ok(dressed(protocol.reply(&received.context, &outcome)))
}

async fn ask_store(
    shop: &Arc<Shop>,
    gateway: Gateway,
    call: Call,
    reference: Name,
) -> Result<Outcome, StoreError> {
    Ok(match call {
        Call::Nothing(why) => {
            let name = gateway.as_str();
            tracing::info!(gateway = name, "a call in the name of {name} is not believed: {why}");
            Outcome::Nothing
        }
        Call::Event(event) => Outcome::Applied(Box::new(hear(shop, *event).await?)),
        Call::Check { order, amount } => {
            let facts = shop.store.find_order_facts(order).await?;
            Outcome::Checked(judge_payable(facts.as_ref(), Some(amount)))
        }
        Call::Reserve(transaction) => {
            let reserve = Reserve { transaction, reference };
            Outcome::Reserved(shop.store.reserve(reserve, shop.now()).await?)
        }
        Call::Find(subject) => Outcome::Found(shop.store.find_attempt(gateway, subject).await?.map(Box::new)),
        Call::Statement { from, to } => {
            Outcome::Statement(shop.store.list_statement(StatementQuery { gateway, from, to }).await?)
        }
    })
}

fn dressed(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, APPLICATION_JSON)], reply.body).into_response()
}
