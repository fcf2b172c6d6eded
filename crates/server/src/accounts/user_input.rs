//! What clients send about users.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use slippers_core::accounts::{UserChange, UserQuery};
use slippers_core::catalog::SearchTerm;
use slippers_core::types::{MAX_PAGE_LIMIT, Page, Phone, UserId};

use super::input::{NAME, NEW_PASSWORD};
use crate::http::errors::{ApiError, Code};
use crate::http::input::{BodyKind, Check, Fault, Flag, IdIn, Input, Int, PhoneNumber, Secret, Text};
use crate::shop::Shop;

/// How many users are listed where nothing is said.
pub(super) const DEFAULT_USERS: i64 = 20;
const LIMIT: Int = Int::between(1, MAX_PAGE_LIMIT);
/// Longer than any name: nothing can match, and folding it would cost.
const SEARCH: Text = Text::new(0, 1000);

/// Lets only paths in that name their user by digits alone; others lead nowhere, whoever asks and whatever they send.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByNumber;

impl FromRequestParts<Arc<Shop>> for ByNumber {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, ApiError> {
        let path = RawPathParams::from_request_parts(parts, shop).await.map_err(|_| Code::NotFound)?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if path.iter().all(|(_, value)| is_number(value)) { Ok(Self) } else { Err(Code::NotFound.into()) }
    }
}

/// The user in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct UserPath(pub(super) UserId);

impl Input for UserPath {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        check.path("user_id", IdIn(UserId::new, Int::any())).map(Self)
    }
}

/// Which users to list.
#[derive(Clone, Debug)]
pub(super) struct UserList(pub(super) UserQuery);

impl Input for UserList {
    const BODY: BodyKind = BodyKind::None;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let skip = check.query("skip", Int::at_least(0), 0);
        let limit = check.query("limit", LIMIT, DEFAULT_USERS);
        let is_admin = check.optional_query("is_admin", Flag);
        let search = check.optional_query("search", SEARCH);
        Some(Self(UserQuery {
            page: Page::new(skip?, limit?),
            is_admin: is_admin?,
            search: search?.and_then(|text| SearchTerm::new(&text)),
        }))
    }
}

/// A user in the path and what to change of them.
#[derive(Clone, Debug)]
pub(super) struct UpdateUser {
    pub(super) id: UserId,
    pub(super) change: UserChange,
    /// Whether something that must be there was to be taken away.
    pub(super) has_null: bool,
}

impl Input for UpdateUser {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let id = check.path("user_id", IdIn(UserId::new, Int::any()));
        let person = Person::read(check);
        let person = person?;
        Some(Self { id: id?, change: person.change, has_null: person.has_null })
    }
}

/// What somebody changes of their own account.
#[derive(Clone)]
pub(super) struct UpdateMe {
    pub(super) change: UserChange,
    pub(super) has_null: bool,
    pub(super) password: Option<NewPassword>,
}

/// A password to come, and what was given as the present one.
#[derive(Clone)]
pub(super) struct NewPassword {
    pub(super) current: String,
    pub(super) new: String,
}

impl Input for UpdateMe {
    const BODY: BodyKind = BodyKind::Object;

    fn read(check: &mut Check<'_>) -> Option<Self> {
        let person = Person::read(check);
        let current = check.nullable("current_password", Secret { min: 0 });
        let new = check.nullable("new_password", NEW_PASSWORD);
        let confirmation = check.nullable("confirm_new_password", Secret { min: 0 });
        if let (Some(new), Some(Some(Some(confirmation)))) = (&new, &confirmation)
            && new.as_ref().and_then(Option::as_ref) != Some(confirmation)
        {
            check.refuse("confirm_new_password", Fault::value("New passwords do not match"));
        }
        let _confirmation = confirmation?;
        let current = current?.flatten().unwrap_or_default();
        let password = new?.flatten().map(|new| NewPassword { current, new });
        let person = person?;
        Some(Self { change: person.change, has_null: person.has_null, password })
    }
}

/// What both changes have.
struct Person {
    change: UserChange,
    has_null: bool,
}

impl Person {
    fn read(check: &mut Check<'_>) -> Option<Self> {
        let name = check.nullable("name", NAME);
        let surname = check.nullable("surname", NAME);
        let phone: Option<Option<Option<Phone>>> = check.nullable("phone_number", PhoneNumber);
        let is_admin = check.nullable("is_admin", Flag);
        let (name, surname, phone, is_admin) = (name?, surname?, phone?, is_admin?);
        let has_null =
            name == Some(None) || surname == Some(None) || phone == Some(None) || is_admin == Some(None);
        let change = UserChange {
            name: name.flatten(),
            surname: surname.flatten(),
            phone: phone.flatten(),
            is_admin: is_admin.flatten(),
        };
        Some(Self { change, has_null })
    }
}
