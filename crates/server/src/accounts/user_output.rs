//! What clients read of users. Keys and their order are the legacy's, but for passwords, which are never shown.

use serde::Serialize;
use slippers_core::accounts::{User, UserPage};
use slippers_core::types::Page;
use utoipa::ToSchema;

/// A user on their own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub(super) struct ProfileOut {
    name: String,
    surname: String,
    #[schema(example = "+998901112233")]
    phone_number: String,
    is_admin: bool,
}

impl From<User> for ProfileOut {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            surname: user.surname,
            phone_number: user.phone.as_str().to_owned(),
            is_admin: user.is_admin,
        }
    }
}

/// A user in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedUser)]
pub(super) struct ListedUserOut {
    id: i64,
    name: String,
    surname: String,
    phone_number: String,
    is_admin: bool,
    #[schema(example = "2026-11-23T07:17:39.123456+00:00")]
    created_at: String,
}

impl From<User> for ListedUserOut {
    fn from(user: User) -> Self {
        Self {
            id: user.id.get(),
            name: user.name,
            surname: user.surname,
            phone_number: user.phone.as_str().to_owned(),
            is_admin: user.is_admin,
            created_at: user.created_at.iso_with_offset(),
        }
    }
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserPage)]
pub(super) struct UserPageOut {
    items: Vec<ListedUserOut>,
    total: i64,
    page: i64,
    pages: i64,
    has_next: bool,
    has_prev: bool,
    /// Only where the total was not counted to the end: exact lists look as they always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    total_is_exact: Option<bool>,
}

impl UserPageOut {
    pub(super) fn new(listed: UserPage, page: Page) -> Self {
        let numbers = page.numbers(listed.total);
        // Beyond what was counted only a full page tells that there may be another.
        let is_full = i64::try_from(listed.items.len()).is_ok_and(|length| length == page.limit());
        Self {
            items: listed.items.into_iter().map(ListedUserOut::from).collect(),
            total: listed.total,
            page: numbers.page,
            pages: numbers.pages,
            has_next: numbers.has_next || (is_full && !listed.total_is_exact),
            has_prev: numbers.has_prev,
            total_is_exact: (!listed.total_is_exact).then_some(false),
        }
    }
}

/// `{"msg": "..."}`.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = UserDeleted)]
pub(super) struct UserDeletedOut {
    pub(super) msg: &'static str,
}
