//! What clients send to sign in.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde_json::Value;
use slippers_core::types::{Phone, ResetId};

use crate::http::errors::ApiError;
use crate::http::input::{
    BodyKind, Check, Fault, Flag, IdIn, Input, Int, PhoneNumber, Secret, Text, parse_json,
};
use crate::shop::Shop;

pub(super) const NAME: Text = Text::new(2, 100);
pub(super) const NEW_PASSWORD: Secret = Secret { min: 8 };

/// Somebody who registers. What they say of being an admin is checked and forgotten.
#[derive(Clone)]
pub(super) struct RegisterIn {
    pub(super) name: String,
    pub(super) surname: String,
    pub(super) phone: Phone,
    pub(super) password: String,
}

impl Input for RegisterIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", NAME);
        let surname = check.required("surname", NAME);
        let phone = check.required("phone_number", PhoneNumber);
        let password = check.required("password", NEW_PASSWORD);
        let confirmation = check.required("confirm_password", Secret { min: 0 });
        if let (Some(password), Some(confirmation)) = (&password, &confirmation)
            && password != confirmation
        {
            check.refuse("confirm_password", Fault::value("Passwords do not match"));
        }
        let _is_admin = check.defaulted("is_admin", Flag, false);
        Some(Self { name: name?, surname: surname?, phone: phone?, password: password? })
    }
}

/// Somebody who signs in.
#[derive(Clone)]
pub(super) struct LoginIn {
    pub(super) name: String,
    pub(super) password: String,
}

impl Input for LoginIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", Text::new(0, 4096));
        let password = check.required("password", Secret { min: 0 });
        Some(Self { name: name?, password: password? })
    }
}

/// Somebody who forgot their password, and the new one.
#[derive(Clone)]
pub(super) struct ForgotIn {
    pub(super) name: String,
    pub(super) password: String,
}

impl Input for ForgotIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", NAME);
        let password = check.required("new_password", NEW_PASSWORD);
        let confirmation = check.required("confirm_new_password", Secret { min: 0 });
        if let (Some(password), Some(confirmation)) = (&password, &confirmation)
            && password != confirmation
        {
            check.refuse("confirm_new_password", Fault::value("New passwords do not match"));
        }
        Some(Self { name: name?, password: password? })
    }
}

/// Somebody who was sent a code. Blanks in it are cut: people copy them along.
#[derive(Clone)]
pub(super) struct ConfirmResetIn {
    pub(super) name: String,
    pub(super) code: String,
}

impl Input for ConfirmResetIn {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.required("name", NAME);
        let code = check.required("code", Secret { min: 1 });
        Some(Self { name: name?, code: code?.chars().filter(|c| !c.is_whitespace()).collect() })
    }
}

/// The reset in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResetPath(pub(super) ResetId);

impl Input for ResetPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("reset_id", IdIn(ResetId::new, Int::any())).map(Self)
    }
}

/// A refresh token from wherever clients put it: the JSON body, a form, or one of two headers. A body that is none of
/// these counts as none, because some clients send rubbish there.
#[derive(Clone)]
pub(super) struct PresentedRefresh(pub(super) Option<String>);

const FIELD: &str = "refresh_token";

impl FromRequest<Arc<Shop>> for PresentedRefresh {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        let body = std::mem::take(request.body_mut());
        let headers = request.headers();
        let text_of =
            |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(|t| t.trim().to_owned());
        let is_form = text_of(header::CONTENT_TYPE.as_str())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let look = move |bytes: &[u8]| if is_form { from_form(bytes) } else { from_json(bytes) };
        let in_body = shop.bodies.read_with(body, look).await?;
        let places = [in_body, text_of("refresh-token"), text_of("x-refresh-token")];
        Ok(Self(places.into_iter().flatten().find(|token| !token.is_empty())))
    }
}

fn from_json(bytes: &[u8]) -> Option<String> {
    match parse_json(std::str::from_utf8(bytes).ok()?).ok()?.get(FIELD)? {
        Value::Null => None,
        Value::String(token) => Some(token.clone()),
        // A number is a token too: one that nobody was given.
        other => Some(other.to_string()),
    }
}

fn from_form(bytes: &[u8]) -> Option<String> {
    form_urlencoded::parse(bytes).find(|(name, _)| name == FIELD).map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_json_and_in_forms() {
        assert_eq!(from_json(br#"{"refresh_token":"a.b.c"}"#), Some("a.b.c".into()));
        assert_eq!(from_json(br#"{"refresh_token":7}"#), Some("7".into()));
        for rubbish in [&b""[..], b"[]", b"{", b"{\"refresh_token\":null}", b"\"a\"", b"\xff"] {
            assert_eq!(from_json(rubbish), None);
        }
        assert_eq!(from_form(b"a=1&refresh_token=x.y.z"), Some("x.y.z".into()));
        assert_eq!(from_form(b""), None);
    }
}
