//! The OpenAPI document, made from the routes: what `#[utoipa::path]` says of each handler, what the handler's arguments
//! tell, and what the stack in front of all of them does.

mod document;
mod facts;
mod refusals;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub(crate) use self::document::{Document, Registered};
pub(crate) use self::facts::{Facts, LastArgument, READS_A_BODY, facts_of};
use super::docs;
use crate::http::router;

/// What handlers name in their `#[utoipa::path]`.
pub(crate) mod words {
    pub(crate) use super::document::HEADERS_OF_SUCCESS;
    pub(crate) use super::refusals::*;
    pub(crate) use super::schemas::{FileOut, order_status, soum};

    pub(crate) const AUTH: &str = "auth";
    pub(crate) const USERS: &str = "users";
    pub(crate) const CATEGORIES: &str = "categories";
    pub(crate) const SLIPPERS: &str = "slippers";
    pub(crate) const CART: &str = "cart";
    pub(crate) const ORDERS: &str = "orders";
    pub(crate) const PAYMENTS: &str = "payments";
    pub(crate) const SYSTEM: &str = "system";
}

static REFERENCE: LazyLock<String> =
    LazyLock::new(|| docs::reference_page(&serde_json::from_str(document()).unwrap_or_default()));

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // Maps whose keys are texts: nothing of it can fail to be written.
    router::document().finish().to_json().unwrap_or_default()
});

/// The OpenAPI 3.1 document of the API, as JSON.
pub fn openapi_json() -> String {
    document().to_owned()
}

/// The document as a page, made when it is first asked for.
pub(super) fn reference_page() -> &'static str {
    &REFERENCE
}

/// The document, made when it is first asked for.
pub(super) fn document() -> &'static str {
    &DOCUMENT
}
