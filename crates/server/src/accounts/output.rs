//! What clients read when they sign in.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use slippers_core::accounts::{PendingReset, User};
use utoipa::ToSchema;

use super::tokens::TokenPair;
use crate::http::json::JsonWith;

/// Two tokens and whose they are.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct TokensOut {
    access_token: String,
    refresh_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// Minutes, unlike OAuth: existing clients know it so.
    #[schema(example = 15)]
    expires_in: i64,
    user: UserOut,
}

/// A user as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserOut {
    name: String,
    surname: String,
    phone_number: String,
    is_admin: bool,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
    updated_at: String,
}

/// The answer to register, login and refresh: everything in the body, and in headers for clients that read those.
pub(super) fn tokens_out(user: User, pair: TokenPair, access_minutes: i64) -> JsonWith<TokensOut> {
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", pair.access);
    for (name, text) in [
        (header::AUTHORIZATION, bearer.as_str()),
        (HeaderName::from_static("refresh-token"), pair.refresh.as_str()),
        (HeaderName::from_static("token-type"), "bearer"),
        (HeaderName::from_static("x-expires-in"), access_minutes.to_string().as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    }
    let user = UserOut {
        name: user.name,
        surname: user.surname,
        phone_number: user.phone.as_str().to_owned(),
        is_admin: user.is_admin,
        created_at: user.created_at.iso_with_offset(),
        updated_at: user.updated_at.iso_with_offset(),
    };
    let body = TokensOut {
        access_token: pair.access,
        refresh_token: pair.refresh,
        token_type: "bearer",
        expires_in: access_minutes,
        user,
    };
    JsonWith(headers, body)
}

/// The answer to a logout.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedOut {
    pub(super) message: &'static str,
    /// UTC.
    #[schema(example = "2026-11-23T07:17:40.123456")]
    pub(super) timestamp: String,
}

/// What became of a new password.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResetMessage {
    pub(super) message: &'static str,
}

/// A new password that waits for an admin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasswordReset)]
pub(super) struct ResetOut {
    id: i64,
    user_id: i64,
    name: String,
    surname: String,
    phone_number: String,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
    /// After this it can't be approved any more.
    expires_at: String,
}

impl From<PendingReset> for ResetOut {
    fn from(reset: PendingReset) -> Self {
        Self {
            id: reset.id.get(),
            user_id: reset.user.id.get(),
            name: reset.user.name,
            surname: reset.user.surname,
            phone_number: reset.user.phone.as_str().to_owned(),
            created_at: reset.created_at.iso_with_offset(),
            expires_at: reset.expires_at.iso_with_offset(),
        }
    }
}
