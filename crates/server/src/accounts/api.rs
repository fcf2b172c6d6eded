//! `/auth`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use slippers_core::accounts::{
    AccountError, Credentials, NewSession, NewUser, PasswordHash, Rotation, SessionId, User,
};
use slippers_core::types::Timestamp;

use super::input::{LoginIn, PresentedRefresh, RegisterIn};
use super::output::{LoggedOut, TokensOut, tokens_out};
use super::passwords::{Checked, LoginRoom, Near, PasswordError, StrangerRoom, Turn};
use super::shapes::{RefreshHeaders, RefreshIn, Registration, SignIn, TokenHeaders};
use super::tokens::{TokenError, TokenId, TokenPair};
use crate::http::call::{Anyone, Bearer, Call};
use crate::http::client::ClientAddress;
use crate::http::errors::{ApiError, Code};
use crate::http::json::JsonWith;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![register, login, refresh, logout])
}

/// How often a sign-in looks again when the password has changed under its check: once for a crowd that signs in with an
/// old password, and once more for a change.
const MAX_CHECKS: usize = 3;

type TokenAnswer = Result<JsonWith<TokensOut>, ApiError>;

/// Register
///
/// Makes a user and signs them in.
#[utoipa::path(
    post,
    path = "/auth/register",
    tag = AUTH,
    request_body = Registration,
    responses((status = 200, description = "Signed in", body = TokensOut), TokenHeaders, NameTaken, PhoneTaken),
)]
async fn register(
    _: StrangerRoom,
    State(shop): State<Arc<Shop>>,
    Call(Anyone, person): Call<Anyone, RegisterIn>,
) -> TokenAnswer {
    let turn = shop.hasher.enter_stranger()?;
    // Before the hash, which costs 25 ms of a core: names that are taken must not crowd out those who sign in.
    shop.store.check_free(&person.name, &person.phone).await?;
    let password = turn.near().await?.hash(&person.password, &*shop.entropy).await?;
    let now = shop.now();
    let new = NewUser {
        name: person.name,
        surname: person.surname,
        phone: person.phone,
        password,
        is_admin: false,
    };
    let (id, jti, cap_at) = (draw_session(&shop)?, draw_token(&shop)?, cap(&shop, now));
    let tokens = shop.tokens.clone();
    let issue = move |user| tokens.issue(user, id, cap_at, now, jti);
    let first = {
        let issue = issue.clone();
        Arc::new(move |user| NewSession { id, cap_at, refresh: issue(user).refresh_stored })
    };
    let user = shop.store.register(new, first, now).await?;
    let pair = issue(user.id);
    Ok(tokens_out(user, pair, shop.settings.sessions.access_minutes))
}

/// Sign in
///
/// A name can be tried so many times from one address, also successfully; then for a while it can't.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = AUTH,
    request_body = SignIn,
    responses(
        (status = 200, description = "Signed in", body = TokensOut),
        TokenHeaders, BadCredentials, LoginRateLimited,
    ),
)]
async fn login(
    _: LoginRoom,
    State(shop): State<Arc<Shop>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Call(Anyone, given): Call<Anyone, LoginIn>,
) -> TokenAnswer {
    let turn = shop.hasher.enter_login()?;
    // Before the name is looked up: nobody learns from the limit whether there is such a user.
    shop.logins
        .admit(address, &given.name)
        .await
        .map_err(|wait| ApiError::retry_after(Code::LoginRateLimited, wait))?;
    let (user, pair) = sign_in(&shop, &turn, &given).await?;
    Ok(tokens_out(user, pair, shop.settings.sessions.access_minutes))
}

/// Checks a password and opens a session, if the password is still that one then. Where somebody has changed it
/// meanwhile, or hashed it better, what it is by then decides.
async fn sign_in(shop: &Shop, turn: &Turn, given: &LoginIn) -> Result<(User, TokenPair), ApiError> {
    for _ in 0..MAX_CHECKS {
        let near = turn.near().await?;
        let known = shop.store.find_credentials(&given.name).await?;
        let checked = near.check(&given.password, known.as_ref().map(|known| &known.password)).await?;
        let known = known.filter(|_| checked != Checked::Wrong).ok_or(Code::BadCredentials)?;
        let password = match checked {
            Checked::RightButOld => upgrade(shop, &near, &known, &given.password).await,
            Checked::Right | Checked::Wrong => known.password,
        };
        drop(near);
        let (user, now) = (known.user, shop.now());
        let (id, cap_at) = (draw_session(shop)?, cap(shop, now));
        let pair = shop.tokens.issue(user.id, id, cap_at, now, draw_token(shop)?);
        let session = NewSession { id, cap_at, refresh: pair.refresh_stored };
        match shop.store.open_session(user.id, &password, session, now).await {
            Err(AccountError::PasswordMoved) => {}
            opened => return Ok(opened.map(|()| (user, pair))?),
        }
    }
    Err(ApiError::overloaded("the password changes all the time"))
}

/// Exchange a refresh token
///
/// Gives two new tokens for the refresh token, which is used up by it. One that was used before ends its session.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = AUTH,
    params(RefreshHeaders),
    request_body(content((RefreshIn = "application/json"), (RefreshIn = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "Still signed in", body = TokensOut),
        TokenHeaders, NoRefreshToken, BadRefreshToken, SessionOver,
    ),
)]
async fn refresh(State(shop): State<Arc<Shop>>, PresentedRefresh(token): PresentedRefresh) -> TokenAnswer {
    let token = token.ok_or(Code::NoRefreshToken)?;
    let now = shop.now();
    let claims = shop.tokens.read_refresh(&token, now).map_err(|error| match error {
        TokenError::Invalid => Code::BadRefreshToken,
        TokenError::SessionOver => Code::SessionOver,
    })?;
    let cap_at = claims.cap_at.or_else(|| cap(&shop, now));
    let next = shop.tokens.issue(claims.user, claims.session, cap_at, now, draw_token(&shop)?);
    let leeway = shop.settings.sessions.refresh_leeway_seconds;
    match shop.store.rotate_refresh(claims.hash, next.refresh_stored, leeway, now).await? {
        Rotation::Renewed { user, .. } => Ok(tokens_out(user, next, shop.settings.sessions.access_minutes)),
        Rotation::SessionOver => Err(Code::SessionOver.into()),
        Rotation::Refused => Err(Code::BadRefreshToken.into()),
    }
}

/// Sign out
///
/// Ends the sessions of the access token and of the refresh token that come along, if they are good for one.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = AUTH,
    security((), ("bearer" = [])),
    params(RefreshHeaders),
    request_body(content((RefreshIn = "application/json"), (RefreshIn = "application/x-www-form-urlencoded"))),
    responses((
        status = 200,
        description = "Signed out",
        body = LoggedOut,
        headers(
            ("Clear-Site-Data" = String, description = "What a browser should forget"),
            ("X-Logout" = String, description = "`true`"),
        ),
    )),
)]
async fn logout(
    State(shop): State<Arc<Shop>>,
    Extension(bearer): Extension<Bearer>,
    PresentedRefresh(token): PresentedRefresh,
) -> Result<JsonWith<LoggedOut>, ApiError> {
    let now = shop.now();
    let by_access = match bearer {
        Bearer::Valid(claims) => Some(claims.session),
        _ => None,
    };
    let by_refresh =
        token.and_then(|token| shop.tokens.read_refresh(&token, now).ok()).map(|claims| claims.session);
    for session in [by_access, by_refresh].into_iter().flatten() {
        shop.store.end_session(session, now).await?;
    }
    let headers = HeaderMap::from_iter([
        (HeaderName::from_static("clear-site-data"), HeaderValue::from_static(r#""cache", "storage""#)),
        (HeaderName::from_static("x-logout"), HeaderValue::from_static("true")),
    ]);
    Ok(JsonWith(headers, LoggedOut { message: "Logged out successfully", timestamp: now.iso_naive() }))
}

/// Hashes a password anew that an older shop left, and answers what is stored then. Should it fail, the next sign-in
/// tries again: nobody is kept out by it.
async fn upgrade(shop: &Shop, near: &Near<'_>, known: &Credentials, password: &str) -> PasswordHash {
    let user = known.user.id;
    let kept = known.password.clone();
    let better = match near.hash(password, &*shop.entropy).await {
        Ok(better) => better,
        Err(error) => {
            tracing::warn!(%user, %error, "an old password of user {user} stays: {error}");
            return kept;
        }
    };
    match shop.store.upgrade_password(user, kept.clone(), better.clone()).await {
        Ok(true) => {
            tracing::info!(%user, "an old password of user {user} was hashed");
            better
        }
        Ok(false) => kept,
        Err(error) => {
            tracing::warn!(%user, %error, "an old password of user {user} stays: {error}");
            kept
        }
    }
}

fn draw_session(shop: &Shop) -> Result<SessionId, ApiError> {
    let mut bytes = [0; 16];
    shop.entropy.fill(&mut bytes).map_err(|error| ApiError::because(Code::Internal, error))?;
    Ok(SessionId::new(bytes))
}

fn cap(shop: &Shop, now: Timestamp) -> Option<Timestamp> {
    shop.settings.sessions.cap_seconds.map(|seconds| now.plus_seconds(seconds))
}

fn draw_token(shop: &Shop) -> Result<TokenId, ApiError> {
    TokenId::draw(&*shop.entropy).map_err(|error| ApiError::because(Code::Internal, error))
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NameTaken => Code::NameTaken.into(),
            AccountError::PhoneTaken => Code::PhoneTaken.into(),
            // Between the check of a password and the session, the user was deleted.
            AccountError::NotFound => Code::BadCredentials.into(),
            AccountError::Store(error) => error.into(),
            AccountError::PasswordMoved | AccountError::Refused(_) => Self::because(Code::Internal, error),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Overloaded => Self::overloaded(error),
            PasswordError::Entropy(_) | PasswordError::Hashing(_) => Self::because(Code::Internal, error),
        }
    }
}
