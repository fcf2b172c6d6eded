//! The one extractor: who calls, and what they send, checked in the order that clients are used to.
//!
//! A body that is not JSON is told first, then who may not call, then every field that is wrong. A handler's signature
//! so shows who may call it: `Call(admin, input): Call<Admin, NewCategoryIn>`.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::RequestPartsExt as _;
use axum::extract::{FromRequest, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use slippers_core::accounts::{Actor, SessionId, User};
use slippers_core::audit::By;
use slippers_core::{Reader, Store};

use super::body;
use super::consistency::Seen;
use super::errors::{ApiError, Code};
use super::form::Form;
use super::input::{BodyKind, Check, Input, Source};
use crate::accounts::tokens::{AccessClaims, TokenError};
use crate::shop::Shop;

/// Who calls, and with what.
#[derive(Debug)]
pub(crate) struct Call<A, I>(pub(crate) A, pub(crate) I);

/// Who may call.
pub(crate) trait Access: Sized + Send {
    /// Lets the caller in or says why not.
    fn authorize(shop: &Shop, parts: &Parts) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

/// Everybody; a token that comes along is not looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anyone;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct CurrentUser {
    pub(crate) user: User,
    /// The session that they call in.
    pub(crate) session: SessionId,
    /// What they say that they have seen of the database.
    seen: Seen,
}

impl CurrentUser {
    pub(crate) fn actor(&self) -> Actor {
        self.user.actor()
    }

    /// The store for reads of what is their own. What an admin looks at is everybody's, and never from a copy.
    pub(crate) fn own_reads(&self, shop: &Shop) -> Arc<dyn Store> {
        let reader = Reader { user: self.user.id, seen: self.seen.0 };
        let copies = if self.user.is_admin { None } else { shop.store.for_reader(reader) };
        copies.unwrap_or_else(|| Arc::clone(&shop.store))
    }

    /// Who it is in the record of what admins did.
    pub(crate) fn by(&self) -> By {
        By::Admin(self.user.id)
    }
}

/// Somebody who runs the shop.
#[derive(Clone, Debug)]
pub(crate) struct Admin(pub(crate) CurrentUser);

impl Access for Anyone {
    async fn authorize(_: &Shop, _: &Parts) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

impl Access for CurrentUser {
    async fn authorize(shop: &Shop, parts: &Parts) -> Result<Self, ApiError> {
        let claims = match parts.extensions.get::<Bearer>() {
            Some(Bearer::Valid(claims)) => *claims,
            Some(Bearer::SessionOver) => return Err(ApiError::challenge(Code::SessionOver)),
            Some(Bearer::Invalid | Bearer::Absent) | None => {
                return Err(ApiError::challenge(Code::Unauthenticated));
            }
        };
        match shop.sessions.find(&*shop.store, claims, Instant::now()).await? {
            Some(user) => {
                let seen = parts.extensions.get().copied().unwrap_or_default();
                Ok(Self { user, session: claims.session, seen })
            }
            None => Err(ApiError::challenge(Code::Unauthenticated)),
        }
    }
}

impl Access for Admin {
    async fn authorize(shop: &Shop, parts: &Parts) -> Result<Self, ApiError> {
        let user = CurrentUser::authorize(shop, parts).await?;
        if user.user.is_admin { Ok(Self(user)) } else { Err(Code::AdminOnly.into()) }
    }
}

/// What the `Authorization` header came to. The stack reads it once, for the limit, and leaves it to the handlers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bearer {
    Absent,
    Valid(AccessClaims),
    SessionOver,
    Invalid,
}

impl Bearer {
    /// Reads `Bearer <token>` (the scheme in any case) or, as some clients send it, the bare token.
    pub(crate) fn read(shop: &Shop, headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Self::Absent };
        let Ok(text) = value.to_str() else { return Self::Invalid };
        let token = match text.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) => return Self::Invalid,
            None => text.trim(),
        };
        match shop.tokens.read_access(token, shop.now()) {
            Ok(claims) => Self::Valid(claims),
            Err(TokenError::SessionOver) => Self::SessionOver,
            Err(TokenError::Invalid) => Self::Invalid,
        }
    }
}

impl<A: Access, I: Input> FromRequest<Arc<Shop>> for Call<A, I> {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        let body = match I::BODY {
            BodyKind::None => None,
            BodyKind::Object => read_body(&mut request, shop).await?,
        };
        let (mut parts, _) = request.into_parts();
        let (access, input) = admit(shop, &mut parts, body).await?;
        Ok(Self(access, input))
    }
}

/// Who calls, and with what fields beside the files of a form. Nothing of the form is read before the caller is known
/// to be allowed; the handler reads it as it comes.
#[derive(Debug)]
pub(crate) struct CallWithForm<A, I>(pub(crate) A, pub(crate) I, pub(crate) Form);

impl<A: Access, I: Input> FromRequest<Arc<Shop>> for CallWithForm<A, I> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let (access, input) = admit(shop, &mut parts, None).await?;
        let form = Form::new(&parts.headers, body, shop.settings.connections.body_timeout)?;
        Ok(Self(access, input, form))
    }
}

/// Lets the caller in, then checks every field.
async fn admit<A: Access, I: Input>(
    shop: &Shop,
    parts: &mut Parts,
    body: Option<serde_json::Value>,
) -> Result<(A, I), ApiError> {
    let path = parts
        .extract::<RawPathParams>()
        .await
        .map_err(|_| Code::NotFound)?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = Source::parse_query(parts.uri.query().unwrap_or(""));
    let access = A::authorize(shop, parts).await?;

    let source = Source { path, query, body };
    let mut check = Check::new(&source, I::BODY == BodyKind::Object);
    let input = I::read(&mut check);
    let faults = check.into_faults();
    match input {
        Some(input) if faults.is_empty() => Ok((access, input)),
        _ => Err(ApiError::invalid(faults)),
    }
}

async fn read_body(request: &mut Request, shop: &Shop) -> Result<Option<serde_json::Value>, ApiError> {
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let parse = move |bytes: &[u8]| body::parse(bytes, content_type.as_deref());
    shop.bodies.read_with(std::mem::take(request.body_mut()), parse).await?
}
