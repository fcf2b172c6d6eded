//! What operations answer when they do not succeed, from the table of errors.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use super::schemas::Error;
use crate::http::errors::{ApiError, Code};
use crate::http::input::{Fault, FieldFault};

/// A type for each code that a handler itself may answer, to be named among the `responses` of its `#[utoipa::path]`.
/// The document sorts them by status.
macro_rules! refusals {
    ($($name:ident)+) => {
        $(
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    BTreeMap::from([(Code::$name.name().to_owned(), Response::new("").into())])
                }
            }
        )+

        /// The code of this name, if one of these types stands for it.
        pub(super) fn code_named(name: &str) -> Option<Code> {
            [$(Code::$name),+].into_iter().find(|code| code.name() == name)
        }
    };
}

refusals! {
    NotFound BadCredentials LoginRateLimited ResetNotConfirmed ResetNotFound DeadLetterNotFound BadRefreshToken SessionOver NoRefreshToken NameTaken PhoneTaken UserNotFound
    PhoneInUse PasswordIncorrect UpdateFailed AdminStatusFixed OwnAccountUpdate OwnAccountDelete LastAdmin CategoryNotFound
    CategoryNameTaken SlipperNotFound ImageNotFound TooManyImages ImageInvalid CartItemNotFound CartFull CartEmpty OutOfStock NotOnSale TooManyOpenOrders
    IdempotencyKeyReused IdempotencyKeyInvalid OrderNotFound OrderNotYours OrderUpdateNotYours OrderDeleteNotYours
    OrderFieldForbidden OrderTotalForbidden OrderStepForbidden OrderKept PayNotYours OrderRefunded OrderPaid OrderCancelled
    OrderTotalZero AmountDisagrees PaymentInReview ItemsInvalid GatewayNotConfigured GatewayRefused GatewayUnreachable
    PaymentNotReady AlreadyRefunded NotRefundable RefundTooSmall PaymentNotFound NotInReview
}

/// The name among the document's components of the answer that stands for these codes.
pub(super) fn component_name(codes: &[Code]) -> String {
    codes.iter().map(|code| code.name()).collect::<Vec<_>>().join(".")
}

/// The answer that stands for codes of one status.
pub(super) fn response(codes: &[Code]) -> Response {
    let told = |code: &Code| format!("`{}`: {}", code.name(), code.detail());
    let examples = codes.iter().map(|code| (code.name(), ExampleBuilder::new().value(Some(example(*code)))));
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(Error::name())))
        .examples_from_iter(examples)
        .build();
    let description = codes.iter().map(told).collect::<Vec<_>>().join("\n\n");
    let response = ResponseBuilder::new().description(description).content("application/json", content);
    let headers = codes.iter().flat_map(|code| headers(*code));
    headers.fold(response, |response, name| response.header_ref(*name, header_ref(name))).build()
}

/// The body as it is really written.
fn example(code: Code) -> Value {
    let error = match code {
        Code::Invalid => {
            let missing = FieldFault::new(Fault::missing(), vec!["body".into(), "name".into()], &json!({}));
            ApiError::invalid(vec![missing])
        }
        _ => code.into(),
    };
    serde_json::from_slice(&error.body("5f2c9a01-1f")).unwrap_or_default()
}

const RATE_LIMIT: [&str; 5] =
    ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"];

fn headers(code: Code) -> &'static [&'static str] {
    match code {
        Code::Unauthenticated => &["WWW-Authenticate"],
        Code::RateLimited => {
            const ALL: [&str; 6] =
                [RATE_LIMIT[0], RATE_LIMIT[1], RATE_LIMIT[2], RATE_LIMIT[3], RATE_LIMIT[4], "Retry-After"];
            &ALL
        }
        Code::LoginRateLimited | Code::Overloaded | Code::PaymentNotReady => &["Retry-After"],
        _ => &[],
    }
}

fn header_ref(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Says that an answer tells where the client stands with its limit.
pub(super) fn tell_limit(response: &mut Response) {
    response.headers.extend(RATE_LIMIT.map(|name| (name.to_owned(), RefOr::Ref(header_ref(name)))));
}

/// The headers that many answers have.
pub(super) fn common_headers() -> impl Iterator<Item = (String, RefOr<Header>)> {
    let number = |name: &str, text: &str| (name.to_owned(), Type::Integer, text.to_owned());
    let text = |name: &str, text: &str| (name.to_owned(), Type::String, text.to_owned());
    let headers = [
        number("X-RateLimit-Limit", "Requests that pass in one burst"),
        number("X-RateLimit-Remaining", "Requests that would still pass now"),
        number("X-RateLimit-Reset", "Whole seconds until the next request passes"),
        number("Retry-After", "Whole seconds after which to come again"),
        text(
            "RateLimit",
            "`\"default\";r=42;t=0`: `r` requests would still pass now, one more in `t` seconds",
        ),
        text("RateLimit-Policy", "`\"default\";q=100;w=60`: `q` requests in each `w` seconds"),
        text("WWW-Authenticate", "`Bearer`"),
    ];
    headers.into_iter().map(|(name, kind, text)| {
        let schema = ObjectBuilder::new().schema_type(kind);
        (name, HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build().into())
    })
}
