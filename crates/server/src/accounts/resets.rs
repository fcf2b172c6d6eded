//! `/auth/forgot-password`, and what makes a new password real: a code that was sent, or an admin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use slippers_core::accounts::{CodeHash, NewReset, PasswordHash, User};
use tokio::sync::{Mutex, Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::input::{ConfirmResetIn, ForgotIn, ResetPath};
use super::output::{ResetMessage, ResetOut};
use super::passwords::StrangerRoom;
use super::shapes::{Forgotten, ResetCode};
use super::throttle::Throttle;
use crate::cache::Redis;
use crate::http::call::{Admin, Anyone, Call};
use crate::http::client::ClientAddress;
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::outbound::courier::Courier;
use crate::ports::{Message, Notifiers, Recipient};
use crate::settings::LoginSettings;
use crate::shop::Shop;

/// Resets that may be under way beyond their answers; more are refused at once, whoever they are for.
const MAX_UNDER_WAY: usize = 64;
/// How long the staff is left alone after a notice.
const NOTICE_PAUSE: Duration = Duration::from_secs(60);
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
    notifiers: Notifiers,
    courier: Courier,
    bell: Bell,
}

/// Whether the staff is about to be told that something waits, and when they last were.
#[derive(Debug, Default)]
struct Bell {
    is_ringing: AtomicBool,
    last: Mutex<Option<Instant>>,
}

impl Resets {
    pub(crate) fn new(settings: &LoginSettings, notifiers: Notifiers, redis: Option<Arc<Redis>>) -> Self {
        Self {
            throttle: Throttle::new(settings, "resets", redis),
            places: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            tasks: TaskTracker::new(),
            courier: Courier::new(notifiers.retry_for),
            notifiers,
            bell: Bell::default(),
        }
    }

    /// Waits for what is under way; none of it waits without a bound.
    pub(crate) async fn finish(&self) {
        self.courier.close();
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
/// the shop sends none or it can't be delivered, for an admin's approval. Until then the old one stays. Those who run the
/// shop can't ask.
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
    admit(&shop, address, &asked.name).await?;
    let place = match Arc::clone(&shop.resets.places).try_acquire_owned() {
        Ok(place) => place,
        Err(TryAcquireError::NoPermits) => return Err(ApiError::overloaded("too many resets are under way")),
        Err(closed @ TryAcquireError::Closed) => return Err(ApiError::because(Code::Internal, closed)),
    };
    let password = turn.near().await?.hash(&asked.password, &*shop.entropy).await?;
    let (code, message) = (format!("{:08}", draw(&shop)? % CODES), format!("{:016x}", draw(&shop)?));
    let under_way = Arc::clone(&shop);
    // The answer does not wait for what depends on the name, so that its time does not either.
    shop.resets.tasks.spawn(async move {
        let shop = &*under_way;
        let waiting = remember(shop, &asked.name, password, &code).await;
        // Who waits for a message is bounded by the courier; here it would tell strangers that somebody has a name.
        drop(place);
        let Some(user) = waiting else { return };
        if !reaches(shop, &user, &asked.name, &code, message).await {
            ring(shop).await;
        }
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
    admit(&shop, address, &given.name).await?;
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
    if !shop.store.approve_reset(id, admin.user.id, shop.now()).await? {
        return Err(Code::ResetNotFound.into());
    }
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
    if !shop.store.refuse_reset(id, admin.user.id, shop.now()).await? {
        return Err(Code::ResetNotFound.into());
    }
    Ok(Json(ResetMessage { message: "Password reset refused" }))
}

/// Counts an attempt to get at somebody's password this way, apart from sign-ins.
async fn admit(shop: &Shop, address: std::net::IpAddr, name: &str) -> Result<(), ApiError> {
    let admitted = shop.resets.throttle.admit(address, name).await;
    admitted.map_err(|wait| ApiError::retry_after(Code::RateLimited, wait))
}

/// Lets a new password wait and answers whose. What fails from here on is for the log: the answer is given.
async fn remember(shop: &Shop, name: &str, password: PasswordHash, code: &str) -> Option<User> {
    let code = shop.resets.notifiers.people.as_ref().map(|_| hash_code(shop, name, code));
    match shop.store.request_reset(name, NewReset { password, code }, shop.now()).await {
        Ok(user) => user,
        Err(error) => {
            tracing::error!(%error, "a password reset was lost: {error}");
            None
        }
    }
}

/// Sends a code to the person; answers false where an admin has to decide instead.
async fn reaches(shop: &Shop, user: &User, name: &str, code: &str, message: String) -> bool {
    let Some(people) = &shop.resets.notifiers.people else {
        tracing::info!(user = %user.id, "a new password of user {} waits for an admin", user.id);
        return false;
    };
    let text = format!(
        "Your code for a new password at Slippers: {code}. It is good for 15 minutes. \
         If you did not ask for it, do nothing and tell it to nobody."
    );
    let message = Message { id: message, to: Recipient::Person(user.phone.clone()), text };
    let Err(lost) = shop.resets.courier.carry(&**people, &message).await else { return true };
    tracing::error!(user = %user.id, %lost, "the code for user {} was not sent, an admin decides: {lost}", user.id);
    match shop.store.leave_reset_to_admins(user.id, hash_code(shop, name, code), shop.now()).await {
        Ok(waits) => !waits,
        Err(error) => {
            tracing::error!(user = %user.id, %error, "user {} must ask for a new password again: {error}", user.id);
            true
        }
    }
}

/// Tells the staff that passwords wait for them: in a crowd once a minute, for all that have come till then.
async fn ring(shop: &Shop) {
    let resets = &shop.resets;
    let Some(staff) = &resets.notifiers.staff else { return };
    if resets.bell.is_ringing.swap(true, Ordering::SeqCst) {
        return;
    }
    let mut last = resets.bell.last.lock().await;
    if let Some(last) = *last {
        resets.courier.rest((last + NOTICE_PAUSE).saturating_duration_since(Instant::now())).await;
    }
    *last = Some(Instant::now());
    resets.bell.is_ringing.store(false, Ordering::SeqCst);
    drop(last);
    let Ok(id) = draw(shop) else { return };
    let text = "New passwords wait for approval at Slippers, each for 15 minutes. Ask the people whether it was them, then \
                approve or refuse: the list is GET /admin/password-resets/ of the shop.";
    let message = Message { id: format!("{id:016x}"), to: Recipient::Staff, text: text.to_owned() };
    if let Err(lost) = resets.courier.carry(&**staff, &message).await {
        tracing::error!(%lost, "the staff was not told that new passwords wait for approval: {lost}");
    }
}

/// A number that nobody can guess.
fn draw(shop: &Shop) -> Result<u64, ApiError> {
    let mut bytes = [0; 8];
    shop.entropy.fill(&mut bytes).map_err(|error| ApiError::because(Code::Internal, error))?;
    Ok(u64::from_le_bytes(bytes))
}

/// Eight digits are guessed at once from a plain digest, so that the key of the shop is in this one.
fn hash_code(shop: &Shop, name: &str, code: &str) -> CodeHash {
    CodeHash::new(shop.tokens.digest(&format!("password reset\n{code}\n{name}")))
}
