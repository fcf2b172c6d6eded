//! Every answer that is not a success: one table of codes, and the error that carries a row of it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slippers_core::StoreError;

use super::input::FieldFault;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $detail:literal;)*) => {
        /// The rows of the error table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every row, in the order of the table.
            pub(crate) const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable name that clients may match.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// The HTTP status.
            pub(crate) const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// The text for people, where the error brings none of its own.
            pub(crate) const fn detail(self) -> &'static str {
                match self { $(Code::$name => $detail,)* }
            }
        }
    };
}

// Texts that the front-ends show or match are the legacy's, to the letter.
codes! {
    /// The path names nothing.
    NotFound = 404 "not_found" "Not Found";
    /// The path does not take this method.
    MethodNotAllowed = 405 "method_not_allowed" "Method Not Allowed";
    /// A path, query or body field is not what it must be; `detail` lists all of them.
    Invalid = 422 "invalid" "Validation error";
    /// The body is not text in UTF-8, or broke off.
    BodyUnreadable = 400 "body_unreadable" "There was an error parsing the body";
    /// The body is larger than 1 MiB.
    BodyTooLarge = 413 "body_too_large" "Request body is larger than 1 MiB";
    /// A picture is larger than 10 MiB, or all of an upload larger than its pictures could be.
    UploadTooLarge = 413 "upload_too_large" "A picture may have at most 10 MiB";
    /// The body came too slowly.
    BodyTimeout = 408 "body_timeout" "Request body took too long";
    /// The client made too many requests.
    RateLimited = 429 "rate_limited" "Too many requests";
    /// No valid access token.
    Unauthenticated = 401 "unauthenticated" "Could not validate credentials";
    /// The session reached its end.
    SessionOver = 401 "session_over" "Session expired. Please log in again.";
    /// The refresh token is worth nothing.
    BadRefreshToken = 401 "bad_refresh_token" "Invalid refresh token";
    /// No refresh token came.
    NoRefreshToken = 400 "no_refresh_token" "Refresh token required in request body or headers";
    /// Name or password is wrong.
    BadCredentials = 401 "bad_credentials" "Incorrect name or password";
    /// Too many sign-ins were tried for the name, or from the address; `Retry-After` tells when to come again.
    LoginRateLimited = 429 "login_rate_limited" "Too many login attempts. Please try again later.";
    /// The code is wrong, was used, or its time is over.
    ResetNotConfirmed = 400 "bad_reset_code" "The code is wrong or no longer valid";
    /// Nothing waits for an admin under this number.
    ResetNotFound = 404 "reset_not_found" "Password reset not found";
    /// No dead letter has this number, or it is being delivered again.
    DeadLetterNotFound = 404 "dead_letter_not_found" "Dead letter not found";
    /// Only admins may do this.
    AdminOnly = 403 "admin_only" "Admin access required. You don't have permission to access this resource.";
    /// The name belongs to another user.
    NameTaken = 400 "name_taken" "User with this name already exists";
    /// The phone number belongs to another user.
    PhoneTaken = 400 "phone_taken" "User with this phone number already exists";
    /// No such user.
    UserNotFound = 404 "user_not_found" "User not found";
    /// The phone number that a user is to have belongs to another.
    PhoneInUse = 400 "phone_in_use" "Phone number already in use";
    /// The present password that came along is wrong, or none came.
    PasswordIncorrect = 400 "password_incorrect" "Current password is incorrect";
    /// `null` where a value must be.
    UpdateFailed = 400 "update_failed" "Update failed";
    /// Nobody makes themselves an admin, or stops being one.
    AdminStatusFixed = 403 "admin_status_fixed" "You cannot change your admin status";
    /// Admins change their own account at `/users/me`.
    OwnAccountUpdate = 400 "own_account_update" "You cannot update your own account through this endpoint";
    /// Admins don't delete themselves.
    OwnAccountDelete = 400 "own_account_delete" "You cannot delete your own account";
    /// Somebody must run the shop.
    LastAdmin = 409 "last_admin" "The last admin can't be demoted or deleted";
    /// No such category.
    CategoryNotFound = 404 "category_not_found" "Category not found";
    /// The category's name is taken.
    CategoryNameTaken = 409 "category_name_taken" "Category with this name already exists";
    /// No such product.
    SlipperNotFound = 404 "slipper_not_found" "Slipper not found";
    /// The product has no such picture.
    ImageNotFound = 404 "image_not_found" "Image not found";
    /// One request brings more pictures than it may.
    TooManyImages = 400 "too_many_images" "Too many images. Maximum 10 images allowed.";
    /// A file is no picture that the shop takes; `detail` names it.
    ImageInvalid = 400 "image_invalid" "Invalid image format";
    /// The user's cart has no such line.
    CartItemNotFound = 404 "cart_item_not_found" "Cart item not found";
    /// A line or the cart would grow beyond its bound.
    CartFull = 409 "cart_full" "The cart can't hold more of this";
    /// Nothing to order.
    CartEmpty = 400 "cart_empty" "Cart is empty";
    /// Fewer pairs are left than wanted; `detail` names the product.
    OutOfStock = 409 "out_of_stock" "Not enough stock";
    /// A product was taken from sale; `detail` names it.
    NotOnSale = 409 "not_on_sale" "Product is not on sale";
    /// The user has too many unpaid orders.
    TooManyOpenOrders = 409 "too_many_open_orders" "Too many unpaid orders: pay or cancel one of them first";
    /// The idempotency key was used for another request.
    IdempotencyKeyReused = 422 "idempotency_key_reused" "Idempotency-Key was already used for another request";
    /// The idempotency key is not one.
    IdempotencyKeyInvalid = 400 "idempotency_key_invalid" "Idempotency-Key must be 1 to 255 visible ASCII characters";
    /// No such order.
    OrderNotFound = 404 "order_not_found" "Order not found";
    /// Somebody else's order can't be read.
    OrderNotYours = 403 "order_not_yours" "Not authorized to access this order";
    /// Somebody else's order can't be changed.
    OrderUpdateNotYours = 403 "order_update_not_yours" "You can only update your own orders";
    /// Somebody else's order can't be deleted.
    OrderDeleteNotYours = 403 "order_delete_not_yours" "You can only delete your own orders";
    /// The owner may not change this.
    OrderFieldForbidden = 403 "order_field_forbidden" "You can only change the notes of a pending order, or cancel it";
    /// Nobody sets a total.
    OrderTotalForbidden = 403 "order_total_forbidden" "The total of an order is the sum of its items and can't be set";
    /// The order can't take this step.
    OrderStepForbidden = 409 "order_step_forbidden" "Order status can't be changed like this";
    /// Paid and refunded orders are kept.
    OrderKept = 409 "order_kept" "Paid and refunded orders can't be deleted";
    /// Somebody else's order can't be paid.
    PayNotYours = 403 "pay_not_yours" "Order does not belong to current user";
    /// The order's money went back.
    OrderRefunded = 400 "order_refunded" "Cannot create payment for refunded order";
    /// The order is paid.
    OrderPaid = 409 "order_paid" "Order is already paid";
    /// The order was given up.
    OrderCancelled = 409 "order_cancelled" "Order is cancelled; place a new one";
    /// There is nothing to pay.
    OrderTotalZero = 400 "order_total_zero" "Order total is zero; cannot create payment";
    /// What the client thinks it pays is not the order's total.
    AmountDisagrees = 400 "amount_disagrees" "Amount does not match the order total";
    /// Money came for the order that a person has to look at first.
    PaymentInReview = 409 "payment_in_review" "A payment of this order is being checked by the shop; please don't pay again";
    /// The items to pay are none.
    ItemsInvalid = 400 "items_invalid" "Invalid items format";
    /// The shop has no account at this gateway; `detail` names the settings.
    GatewayNotConfigured = 400 "gateway_not_configured" "Missing settings";
    /// The gateway says no; `detail` is its text.
    GatewayRefused = 400 "gateway_refused" "The payment gateway refused";
    /// The gateway could not be reached, so that nothing was begun there.
    GatewayUnreachable = 400 "gateway_unreachable" "HTTP error: the payment gateway can't be reached. Nothing was charged; please try again.";
    /// The gateway has not answered yet; the same call gets the link once it has.
    PaymentNotReady = 503 "payment_not_ready" "The payment gateway is slow. Nothing was charged; please try again in a moment.";
    /// The order's money went back already.
    AlreadyRefunded = 400 "already_refunded" "Order already refunded";
    /// No money came for the order by this gateway.
    NotRefundable = 400 "not_refundable" "Order has no payment_uuid; cannot refund";
    /// The gateway returns no less than a dollar; `detail` tells how much that is.
    RefundTooSmall = 400 "refund_too_small" "Minimum refund is >= 1 USD";
    /// No such payment.
    PaymentNotFound = 404 "payment_not_found" "Payment not found";
    /// Nobody has to look at the payment.
    NotInReview = 409 "not_in_review" "The payment does not wait for a review";
    /// The server has more to do than it can; `Retry-After` tells when to come again.
    Overloaded = 503 "overloaded" "The service is busy. Please try again shortly.";
    /// The request took too long.
    TimedOut = 503 "timed_out" "The request took too long. Please try again.";
    /// The database went away while it committed. No `Retry-After`: nobody should repeat it without a look.
    Undecided = 503 "undecided" "The shop can't tell whether this was done. Please look before you try again.";
    /// A fault of ours.
    Internal = 500 "internal" "Internal server error";
}

/// An answer that is not a success. What it says outside and why it happened are apart: the cause goes to the log only.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: Option<Cow<'static, str>>,
    faults: Vec<FieldFault>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    fn build(code: Code, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner { code, detail: None, faults: Vec::new(), cause: None, header: None };
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The row with a text of its own.
    pub(crate) fn saying(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::build(code, |e| e.detail = Some(detail.into()))
    }

    /// The row because of a cause that only the log may know.
    pub(crate) fn because(code: Code, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::build(code, |e| e.cause = Some(cause.into()))
    }

    /// 422 with every field that is wrong.
    pub(crate) fn invalid(faults: Vec<FieldFault>) -> Self {
        Self::build(Code::Invalid, |e| e.faults = faults)
    }

    /// The row with an additional header.
    pub(crate) fn with_header(code: Code, name: HeaderName, value: HeaderValue) -> Self {
        Self::build(code, |e| e.header = Some((name, value)))
    }

    /// 401 that asks for a token.
    pub(crate) fn challenge(code: Code) -> Self {
        Self::with_header(code, header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The row with the whole seconds after which to come again.
    pub(crate) fn retry_after(code: Code, seconds: u64) -> Self {
        Self::with_header(code, header::RETRY_AFTER, seconds.max(1).into())
    }

    /// 503 that says when to come again.
    pub(crate) fn overloaded(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::build(Code::Overloaded, |e| {
            e.cause = Some(cause.into());
            e.header = Some((header::RETRY_AFTER, HeaderValue::from_static("1")));
        })
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }

    /// The body as clients see it.
    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let code = self.0.code;
        let detail = match (&self.0.detail, self.0.faults.is_empty()) {
            (_, false) => Detail::Faults(&self.0.faults),
            (Some(text), true) => Detail::Text(text),
            (None, true) => Detail::Text(code.detail()),
        };
        let message = (code == Code::Internal).then_some("Something went wrong");
        let body = ErrorBody { detail, message, code: code.name(), request_id };
        serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"detail":"Internal server error"}"#.to_vec())
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    detail: Detail<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    code: &'static str,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Text(&'a str),
    Faults(&'a [FieldFault]),
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::build(code, |_| ())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::overloaded(error),
            StoreError::Undecided(_) => Self::because(Code::Undecided, error),
            _ => Self::because(Code::Internal, error),
        }
    }
}

/// The body is written by the stack, which knows the request's id; here only status and headers are.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() =
            StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some((name, value)) = &self.0.header {
            response.headers_mut().insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The table as a page of documentation.
#[cfg(test)]
fn table_as_markdown() -> String {
    use std::fmt::Write as _;
    let mut page = String::from(
        "# Errors\n\n<!-- Written by the test `http::errors::tests::the_page_of_errors_is_the_table`. -->\n\n\
         Every answer that is not a success is `{\"detail\": …, \"code\": …, \"request_id\": …}`. `code` is stable and\n\
         may be matched; `detail` is for people (for 422 `invalid` it lists every field that is wrong);\n\
         `request_id` finds the request in the log and is also sent as `X-Request-ID`.\n\n\
         | status | code | detail |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| {} | `{}` | {} |", code.status(), code.name(), code.detail());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_a_status_of_failure() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }

    #[test]
    fn a_cause_never_leaves_the_house() {
        let error = ApiError::because(Code::Internal, "table users is on fire");
        let body = String::from_utf8(error.body("r1")).expect("text");
        assert_eq!(
            body,
            r#"{"detail":"Internal server error","message":"Something went wrong","code":"internal","request_id":"r1"}"#
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may read and write the page it keeps true")]
    fn the_page_of_errors_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        let table = table_as_markdown();
        if std::env::var("SLIPPERS_WRITE_DOCS").is_ok() {
            std::fs::write(path, &table).expect("the page can be written");
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == table, "docs/errors.md is old: run the test with SLIPPERS_WRITE_DOCS=1");
    }
}
