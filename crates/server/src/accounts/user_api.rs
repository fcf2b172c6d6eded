//! `/users`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use slippers_core::accounts::rules::UserRefusal;
use slippers_core::accounts::{AccountError, PasswordChange, ProfileChange};

use super::passwords::Checked;
use super::shapes::{ProfileChangeIn, UserChangeIn, UserListQuery};
use super::user_input::{ByNumber, NewPassword, UpdateMe, UpdateUser, UserList, UserPath};
use super::user_output::{ProfileOut, UserDeletedOut, UserPageOut};
use crate::http::call::{Admin, Call, CurrentUser};
use crate::http::client::ClientAddress;
use crate::http::errors::{ApiError, Code};
use crate::http::json::Json;
use crate::http::router::{Routes, operations};
use crate::ops::openapi::words::*;
use crate::shop::Shop;

pub(crate) fn router(routes: Routes) -> Routes {
    routes.at(operations![show_me, update_me, list_users, find_user, update_user, delete_user])
}

/// Show one's own account
#[utoipa::path(
    get,
    path = "/users/me",
    tag = USERS,
    responses((status = 200, description = "The account", body = ProfileOut)),
)]
async fn show_me(Call(caller, ()): Call<CurrentUser, ()>) -> Json<ProfileOut> {
    Json(caller.user.into())
}

/// Change one's own account
///
/// A new password needs the current one, which can be tried as often as at the sign-in, and ends all other sessions.
#[utoipa::path(
    put,
    path = "/users/me",
    tag = USERS,
    request_body = ProfileChangeIn,
    responses(
        (status = 200, description = "The account as it is now", body = ProfileOut),
        AdminStatusFixed, PasswordIncorrect, LoginRateLimited, NameTaken, PhoneInUse, UpdateFailed,
    ),
)]
async fn update_me(
    State(shop): State<Arc<Shop>>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Call(caller, UpdateMe { change, has_null, password }): Call<CurrentUser, UpdateMe>,
) -> Result<Json<ProfileOut>, ApiError> {
    if change.is_admin.is_some_and(|wanted| wanted != caller.user.is_admin) {
        return Err(Code::AdminStatusFixed.into());
    }
    let password = match password {
        Some(password) => Some(exchange(&shop, &caller, address, &password).await?),
        None => None,
    };
    if has_null {
        return Err(Code::UpdateFailed.into());
    }
    let change = ProfileChange { name: change.name, surname: change.surname, phone: change.phone, password };
    let changed = shop.store.update_profile(caller.user.id, change, shop.now()).await;
    Ok(Json(changed.map_err(|error| refusal(error, ApiError::challenge(Code::Unauthenticated)))?.into()))
}

/// Checks the present password and hashes the next one. Whoever has got hold of somebody's session guesses here no more
/// often than at the sign-in: it is the same count.
async fn exchange(
    shop: &Shop,
    caller: &CurrentUser,
    address: IpAddr,
    password: &NewPassword,
) -> Result<PasswordChange, ApiError> {
    let turn = shop.hasher.enter_login()?;
    shop.logins
        .admit(address, &caller.user.name)
        .await
        .map_err(|wait| ApiError::retry_after(Code::LoginRateLimited, wait))?;
    let near = turn.near().await?;
    let present = shop.store.find_password(caller.user.id).await?;
    let present = present.ok_or_else(|| ApiError::challenge(Code::Unauthenticated))?;
    if near.check(&password.current, Some(&present)).await? == Checked::Wrong {
        return Err(Code::PasswordIncorrect.into());
    }
    let next = near.hash(&password.new, &*shop.entropy).await?;
    Ok(PasswordChange { present, next, session: caller.session })
}

/// List the users
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/users/",
    tag = USERS,
    params(UserListQuery),
    responses((status = 200, description = "A page of users", body = UserPageOut)),
)]
async fn list_users(
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), UserList(query)): Call<Admin, UserList>,
) -> Result<Json<UserPageOut>, ApiError> {
    let page = query.page;
    Ok(Json(UserPageOut::new(shop.store.list_users(query).await?, page)))
}

/// Show a user
#[utoipa::path(
    get,
    path = "/users/{user_id}",
    tag = USERS,
    params(("user_id" = i64, Path, description = "The user's id")),
    responses((status = 200, description = "The user", body = ProfileOut), UserNotFound, NotFound),
)]
async fn find_user(
    _: ByNumber,
    State(shop): State<Arc<Shop>>,
    Call(Admin(_), UserPath(id)): Call<Admin, UserPath>,
) -> Result<Json<ProfileOut>, ApiError> {
    Ok(Json(shop.store.find_user(id).await?.ok_or(Code::UserNotFound)?.into()))
}

/// Change a user
///
/// It counts from their next request on. The last admin can't be demoted.
#[utoipa::path(
    put,
    path = "/users/{user_id}",
    tag = USERS,
    params(("user_id" = i64, Path, description = "The user's id")),
    request_body = UserChangeIn,
    responses(
        (status = 200, description = "The user as they are now", body = ProfileOut),
        UserNotFound, NotFound, OwnAccountUpdate, NameTaken, PhoneInUse, UpdateFailed, LastAdmin,
    ),
)]
async fn update_user(
    _: ByNumber,
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), UpdateUser { id, change, has_null }): Call<Admin, UpdateUser>,
) -> Result<Json<ProfileOut>, ApiError> {
    let by = admin.user.id;
    if by == id {
        return Err(Code::OwnAccountUpdate.into());
    }
    if has_null {
        shop.store.find_user(id).await?.ok_or(Code::UserNotFound)?;
        return Err(Code::UpdateFailed.into());
    }
    let changed = shop.store.update_user(id, change, by, shop.now()).await;
    Ok(Json(changed.map_err(|error| refusal(error, Code::UserNotFound.into()))?.into()))
}

/// Delete a user
///
/// Their sessions end at once and their data is gone; their orders stay. The last admin can't be deleted.
#[utoipa::path(
    delete,
    path = "/users/{user_id}",
    tag = USERS,
    params(("user_id" = i64, Path, description = "The user's id")),
    responses(
        (status = 200, description = "They are gone", body = UserDeletedOut),
        UserNotFound, NotFound, OwnAccountDelete, LastAdmin,
    ),
)]
async fn delete_user(
    _: ByNumber,
    State(shop): State<Arc<Shop>>,
    Call(Admin(admin), UserPath(id)): Call<Admin, UserPath>,
) -> Result<Json<UserDeletedOut>, ApiError> {
    let deleted = shop.store.delete_user(id, admin.user.id, shop.now()).await;
    deleted.map_err(|error| match error {
        AccountError::Refused(UserRefusal::OwnAccount) => Code::OwnAccountDelete.into(),
        error => refusal(error, Code::UserNotFound.into()),
    })?;
    Ok(Json(UserDeletedOut { msg: "User deleted" }))
}

/// An account that was not changed, or is not there any more.
fn refusal(error: AccountError, gone: ApiError) -> ApiError {
    match error {
        AccountError::NotFound => gone,
        AccountError::PasswordMoved => Code::PasswordIncorrect.into(),
        AccountError::PhoneTaken => Code::PhoneInUse.into(),
        AccountError::Refused(UserRefusal::LastAdmin) => Code::LastAdmin.into(),
        AccountError::Refused(UserRefusal::OwnAccount) => Code::OwnAccountUpdate.into(),
        AccountError::NameTaken | AccountError::Store(_) => error.into(),
    }
}
