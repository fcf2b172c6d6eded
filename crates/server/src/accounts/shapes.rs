//! What clients send to sign in, for the document. What reads it is `input`; a test holds the limits together.
#![expect(dead_code, reason = "the document describes these; nobody makes one")]

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::input::PresentedRefresh;
use super::user_input::DEFAULT_USERS;
use crate::ops::openapi::words::HEADERS_OF_SUCCESS;
use crate::ops::openapi::{Facts, LastArgument, READS_A_BODY};

/// Somebody who registers.
#[derive(ToSchema)]
pub(super) struct Registration {
    #[schema(min_length = 2, max_length = 100, example = "Dilnoza")]
    name: String,
    #[schema(min_length = 2, max_length = 100, example = "Karimova")]
    surname: String,
    /// A plus and 6 to 15 digits; blanks around it are cut.
    #[schema(min_length = 7, max_length = 20, pattern = r"^\s*\+[0-9]{6,15}\s*$", example = "+998901112233")]
    phone_number: String,
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    password: String,
    /// The same again.
    #[schema(max_length = 4096, format = Password)]
    confirm_password: String,
    /// Checked, and forgotten: nobody makes themselves an admin.
    #[schema(required = false, default = false)]
    is_admin: bool,
}

/// Somebody who signs in.
#[derive(ToSchema)]
pub(super) struct SignIn {
    #[schema(max_length = 4096, example = "Dilnoza")]
    name: String,
    #[schema(max_length = 4096, format = Password)]
    password: String,
}

/// Which users.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UserListQuery {
    /// How many to pass over.
    #[param(required = false, minimum = 0, default = 0)]
    skip: i64,
    /// How many a page holds.
    #[param(required = false, minimum = 1, maximum = 100, default = json!(DEFAULT_USERS))]
    limit: i64,
    /// Only those who run the shop, or only those who don't.
    #[param(required = false)]
    is_admin: bool,
    /// Only those whose name, surname or phone number contains this, in any case.
    #[param(required = false, max_length = 1000, example = "karim")]
    search: String,
}

/// What to change of one's own account; what is absent stays. `null` is refused for all but the passwords.
#[derive(ToSchema)]
pub(super) struct ProfileChangeIn {
    #[schema(min_length = 2, max_length = 100)]
    name: Option<String>,
    #[schema(min_length = 2, max_length = 100)]
    surname: Option<String>,
    /// A plus and 6 to 15 digits; blanks around it are cut.
    #[schema(min_length = 7, max_length = 20, pattern = r"^\s*\+[0-9]{6,15}\s*$", example = "+998901112233")]
    phone_number: Option<String>,
    /// It may be sent back as it is.
    is_admin: Option<bool>,
    /// Needed with `new_password`.
    #[schema(max_length = 4096, format = Password)]
    current_password: Option<String>,
    /// All other sessions end.
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    new_password: Option<String>,
    /// The same again.
    #[schema(max_length = 4096, format = Password)]
    confirm_new_password: Option<String>,
}

/// What to change of a user; what is absent stays. `null` is refused.
#[derive(ToSchema)]
pub(super) struct UserChangeIn {
    #[schema(min_length = 2, max_length = 100)]
    name: Option<String>,
    #[schema(min_length = 2, max_length = 100)]
    surname: Option<String>,
    /// A plus and 6 to 15 digits; blanks around it are cut.
    #[schema(min_length = 7, max_length = 20, pattern = r"^\s*\+[0-9]{6,15}\s*$", example = "+998901112233")]
    phone_number: Option<String>,
    /// Whether they run the shop.
    is_admin: Option<bool>,
}

/// Somebody who forgot their password.
#[derive(ToSchema)]
pub(super) struct Forgotten {
    #[schema(min_length = 2, max_length = 100, example = "Dilnoza")]
    name: String,
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    new_password: String,
    /// The same again.
    #[schema(max_length = 4096, format = Password)]
    confirm_new_password: String,
}

/// The code that was sent.
#[derive(ToSchema)]
pub(super) struct ResetCode {
    #[schema(min_length = 2, max_length = 100, example = "Dilnoza")]
    name: String,
    /// Blanks in it are cut.
    #[schema(min_length = 1, max_length = 4096, example = "01234567")]
    code: String,
}

/// A refresh token in a body. A body that holds none counts as none.
#[derive(ToSchema)]
pub(super) struct RefreshIn {
    #[schema(required = false)]
    refresh_token: String,
}

/// A refresh token in a header; the body's comes first, then the first of these.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct RefreshHeaders {
    /// The refresh token, where the body holds none.
    #[param(rename = "Refresh-Token", required = false)]
    refresh_token: String,
    /// The same by another name.
    #[param(rename = "X-Refresh-Token", required = false)]
    x_refresh_token: String,
}

impl LastArgument for PresentedRefresh {
    const FACTS: Facts = READS_A_BODY;
}

/// The tokens once more, in headers.
#[derive(Debug)]
pub(super) enum TokenHeaders {}

impl IntoResponses for TokenHeaders {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let headers = [
            ("Authorization", Type::String, "`Bearer` and the access token"),
            ("Refresh-Token", Type::String, "The refresh token"),
            ("Token-Type", Type::String, "`bearer`"),
            ("X-Expires-In", Type::Integer, "Minutes that the access token is good for"),
        ];
        let answer = headers.into_iter().fold(ResponseBuilder::new(), |answer, (name, kind, text)| {
            let schema = ObjectBuilder::new().schema_type(kind);
            answer.header(name, HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build())
        });
        BTreeMap::from([(HEADERS_OF_SUCCESS.to_owned(), answer.build().into())])
    }
}
