//! `/auth/forgot-password`, and what makes a new password real: a code that was sent, or an admin.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use slippers_core::accounts::{CodeHash, NewReset, PasswordHash};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use super::input::{ConfirmResetIn, ForgotIn, ResetPath};
use super::output::{ResetMessage, ResetOut};
use super::passwords::StrangerRoom;
use super::shapes::{Forgotten, ResetCode};
use super::throttle::Throttle;
use crate::http::call::{Admin, Anyone, Call};
use crate::http::client::ClientAddress;
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::ports::{Message, Notifier};
use crate::settings::LoginSettings;
use crate::shop::Shop;

/// Resets that may be under way beyond their answers; more are refused at once, whoever they are for.
const MAX_UNDER_WAY: usize = 64;
/// How long a message may take to be sent.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// The least that an answer to a code takes: longer than a write, so that the time tells nothing of what was written.
const CONFIRM_TIME: Duration = Duration::from_millis(200);
/// Resets that an admin sees at once.
const MAX_LISTED: i64 = 1000;
/// Codes have eight digits.
const CODES: u64 = 100_000_000;

/// What resets need of the shop.
pub(crate) struct Resets {
    throttle: Throttle,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    notifier: Option<Arc<dyn Notifier>>,
}

impl Resets {
    pub(crate) fn new(settings: &LoginSettings, notifier: Option<Arc<dyn Notifier>>) -> Self {
        Self {
            throttle: Throttle::new(settings),
            places: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            tasks: TaskTracker::new(),
            notifier,
        }
    }

    /// Waits for what is under way; none of it waits without a bound.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![forgot_password, confirm_reset, list_resets, approve_reset, refuse_reset])
}

/// Ask for a new password
///
/// The answer is the same for every name. The new password waits 15 minutes for the code that is sent to the person; where
/// the shop sends none, for an admin's approval. Until then the old one stays. Those who run the shop can't ask.
#[utoipa::path(
    post,
    path = "/auth/forgot-password",
    tag = AUTH,
    request_body = Forgotten,
    responses((status = 200, description = "Heard, whether or not somebody has the name", body = ResetMessage)),
)]
async fn forgot_password(
    _: StrangerRoom,
    State(shop): State<Arc<Shop>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Call(Anyone, asked): Call<Anyone, ForgotIn>,
) -> Result<Json<ResetMessage>, ApiError> {
    let turn = shop.hasher.enter_stranger()?;
    admit(&shop, address, &asked.name)?;
    let place = match Arc::clone(&shop.resets.places).try_acquire_owned() {
        Ok(place) => place,
        Err(TryAcquireError::NoPermits) => return Err(ApiError::overloaded("too many resets are under way")),
        Err(closed @ TryAcquireError::Closed) => return Err(ApiError::because(Code::Internal, closed)),
    };
    let password = turn.hash(&asked.password, &*shop.entropy).await?;
    let code = draw_code(&shop)?;
    let under_way = Arc::clone(&shop);
    // The answer does not wait for what depends on the name, so that its time does not either.
    shop.resets.tasks.spawn(async move {
        remember(&under_way, &asked.name, password, &code).await;
        drop(place);
    });
    Ok(Json(ResetMessage {
        message: "If the account exists, the new password becomes active after confirmation",
    }))
}

/// Confirm a new password
///
/// With the code that was sent. It ends all sessions of the user. Five wrong codes use a reset up.
#[utoipa::path(
    post,
    path = "/auth/confirm-reset",
    tag = AUTH,
    request_body = ResetCode,
    responses((status = 200, description = "The new password counts", body = ResetMessage), ResetNotConfirmed),
)]
async fn confirm_reset(
    State(shop): State<Arc<Shop>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Call(Anyone, given): Call<Anyone, ConfirmResetIn>,
) -> Result<Json<ResetMessage>, ApiError> {
    admit(&shop, address, &given.name)?;
    let code = hash_code(&shop, &given.name, &given.code);
    let (confirmed, ()) =
        tokio::join!(shop.store.confirm_reset(&given.name, code, shop.now()), sleep(CONFIRM_TIME));
    if confirmed? { Ok(Json(UPDATED)) } else { Err(Code::ResetNotConfirmed.into()) }
}

const UPDATED: ResetMessage = ResetMessage { message: "Password updated successfully" };

/// List new passwords that wait
///
/// Those that wait for an admin, the oldest first, at most 1000. Ask the person whether it was them.
#[utoipa::path(
    get,
    path = "/admin/password-resets/",
    tag = AUTH,
    responses((status = 200, description = "What waits", body = Vec<ResetOut>)),
)]
async fn list_resets(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), ()): Call<Admin, ()>,
) -> Result<Json<Vec<ResetOut>>, ApiError> {
    let waiting = shop.store.list_resets(MAX_LISTED, shop.now()).await?;
    Ok(Json(waiting.into_iter().map(ResetOut::from).collect()))
}

/// Approve a new password
///
/// It ends all sessions of the user.
#[utoipa::path(
    post,
    path = "/admin/password-resets/{reset_id}/approve",
    tag = AUTH,
    params(("reset_id" = i64, Path, description = "The reset's id")),
    responses((status = 200, description = "The new password counts", body = ResetMessage), ResetNotFound),
)]
async fn approve_reset(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), ResetPath(id)): Call<Admin, ResetPath>,
) -> Result<Json<ResetMessage>, ApiError> {
    if !shop.store.approve_reset(id, shop.now()).await? {
        return Err(Code::ResetNotFound.into());
    }
    tracing::info!(reset = %id, admin = %admin.user.id, "password reset {id} was approved");
    Ok(Json(UPDATED))
}

/// Refuse a new password
#[utoipa::path(
    post,
    path = "/admin/password-resets/{reset_id}/refuse",
    tag = AUTH,
    params(("reset_id" = i64, Path, description = "The reset's id")),
    responses((status = 200, description = "It is forgotten", body = ResetMessage), ResetNotFound),
)]
async fn refuse_reset(
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), ResetPath(id)): Call<Admin, ResetPath>,
) -> Result<Json<ResetMessage>, ApiError> {
    if !shop.store.refuse_reset(id, shop.now()).await? {
        return Err(Code::ResetNotFound.into());
    }
    tracing::info!(reset = %id, admin = %admin.user.id, "password reset {id} was refused");
    Ok(Json(ResetMessage { message: "Password reset refused" }))
}

/// Counts an attempt to get at somebody's password this way, apart from sign-ins.
fn admit(shop: &Shop, address: std::net::IpAddr, name: &str) -> Result<(), ApiError> {
    let admitted = shop.resets.throttle.admit(address, name);
    admitted.map_err(|wait| ApiError::retry_after(Code::RateLimited, wait))
}

/// Lets a new password wait and sends its code. What fails here is for the log: the answer is given.
async fn remember(shop: &Shop, name: &str, password: PasswordHash, code: &str) {
    let notifier = shop.resets.notifier.as_ref();
    let reset = NewReset { password, code: notifier.map(|_| hash_code(shop, name, code)) };
    let user = match shop.store.request_reset(name, reset, shop.now()).await {
        Ok(Some(user)) => user,
        Ok(None) => return,
        Err(error) => return tracing::error!(%error, "a password reset was lost: {error}"),
    };
    let Some(notifier) = notifier else {
        return tracing::info!(user = %user.id, "a new password of user {} waits for an admin", user.id);
    };
    let text = format!(
        "Your code for a new password at Slippers: {code}. It is good for 15 minutes. \
         If you did not ask for it, do nothing and tell it to nobody."
    );
    let sent = timeout(SEND_LIMIT, notifier.send(&Message { to: user.phone, text })).await;
    let failure = match sent {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::error!(user = %user.id, failure, "the code for user {} was not sent: {failure}", user.id);
}

fn draw_code(shop: &Shop) -> Result<String, ApiError> {
    let mut bytes = [0; 8];
    shop.entropy.fill(&mut bytes).map_err(|error| ApiError::because(Code::Internal, error))?;
    Ok(format!("{:08}", u64::from_le_bytes(bytes) % CODES))
}

/// Eight digits are guessed at once from a plain digest, so that the key of the shop is in this one.
fn hash_code(shop: &Shop, name: &str, code: &str) -> CodeHash {
    CodeHash::new(shop.tokens.digest(&format!("password reset\n{code}\n{name}")))
}
