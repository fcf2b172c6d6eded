//! Schemas that several features share.

use serde::Serialize;
use slippers_core::orders::OrderStatus;
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};

/// Money in an answer.
pub(crate) fn soum() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
        .description(Some("Soum, with at most two decimals"))
        .examples([serde_json::json!(26.5)])
        .build()
}

/// A file as it is.
#[derive(ToSchema)]
#[schema(as = File, value_type = String, format = Binary)]
#[expect(dead_code, reason = "the document describes it; nobody makes one")]
pub(crate) struct FileOut(Vec<u8>);

/// Where an order stands.
pub(crate) fn order_status() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(OrderStatus::ALL.map(OrderStatus::as_str)))
        .build()
}

// The shapes of what `ApiError::body` writes; a test compares them.

/// Every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Error {
    /// A text for people; of `invalid`, every field that is wrong.
    detail: Detail,
    /// Only with `internal`.
    #[schema(required = false)]
    message: String,
    /// What went wrong, to be matched by programs; it never changes.
    #[schema(example = "order_not_found")]
    code: String,
    /// The request's id, also in the header `X-Request-ID`; it finds the request in the server's log.
    #[schema(example = "5f2c9a01-1f")]
    request_id: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ErrorDetail)]
#[expect(dead_code, reason = "the shape of what `ApiError::body` writes; a test compares them")]
enum Detail {
    Text(String),
    Faults(Vec<FieldFault>),
}

/// A field that is not what it must be.
#[derive(Debug, Serialize, ToSchema)]
struct FieldFault {
    /// What is wrong, to be matched by programs.
    #[serde(rename = "type")]
    #[schema(example = "string_too_short")]
    kind: String,
    /// Where: `body`, `query` or `path`, then the field's name or a position.
    #[schema(example = json!(["body", "name"]))]
    loc: Vec<Place>,
    /// What is wrong, for people.
    msg: String,
    /// What was sent, without secrets.
    #[schema(value_type = Value)]
    input: serde_json::Value,
    /// The limits that it breaks.
    #[schema(required = false, value_type = Object)]
    ctx: serde_json::Value,
    /// Where the type is explained.
    #[schema(required = false)]
    url: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = FieldPlace)]
#[expect(dead_code, reason = "the shape of what `ApiError::body` writes; a test compares them")]
enum Place {
    Name(String),
    Position(i64),
}
