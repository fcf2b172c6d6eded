//! JSON answers: compact, UTF-8, money with its decimals.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use slippers_core::types::Money;

use super::errors::{ApiError, Code};

/// A 200 with a JSON body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// The content type as existing clients read it: no charset.
pub(crate) const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match render(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, APPLICATION_JSON)], body).into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// The bytes of a JSON body.
pub(crate) fn render<T: Serialize>(value: &T) -> Result<Vec<u8>, ApiError> {
    render_about(value, 256)
}

/// The same of a body that has about so many bytes: room that is there need not be moved into.
pub(crate) fn render_about<T: Serialize>(value: &T, bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut json = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut json, value).map_err(|error| ApiError::because(Code::Internal, error))?;
    Ok(json)
}

/// A 200 with a JSON body and headers of its own.
#[derive(Clone, Debug)]
pub(crate) struct JsonWith<T>(pub(crate) HeaderMap, pub(crate) T);

impl<T: Serialize> IntoResponse for JsonWith<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        response.headers_mut().extend(self.0);
        response
    }
}

/// Money as a JSON number, written from its digits (`25.0`, `19.99`).
pub(crate) fn money<S: Serializer>(money: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(money.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Priced {
        #[serde(serialize_with = "money")]
        price: Money,
    }

    #[test]
    fn money_keeps_its_digits_at_any_size() {
        for (minor, text) in
            [(2500, "25.0"), (1999, "19.99"), (5_000_000_000_000_000_001, "50000000000000000.01")]
        {
            let body =
                serde_json::to_string(&Priced { price: Money::from_minor(minor) }).expect("serializes");
            assert_eq!(body, format!("{{\"price\":{text}}}"));
        }
    }
}
