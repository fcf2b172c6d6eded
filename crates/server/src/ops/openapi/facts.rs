//! What a handler's arguments tell of its operation. Who may call it and what is read of a request stand in the
//! signature, so the document takes them from there.

use std::sync::Arc;

use axum::extract::{Request, State};

use crate::http::call::{Admin, Anyone, Call, CallWithForm, CurrentUser};
use crate::http::errors::Code;
use crate::http::input::{BodyKind, Input};
#[cfg(any(test, feature = "fuzzing"))]
use crate::http::input::{Check, FieldFault, Source};
use crate::shop::Shop;

/// What is known of an operation by its signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// What a caller must be: the roles that the bearer token must have; `None` = nobody in particular.
    pub(super) roles: Option<&'static [&'static str]>,
    /// What its arguments answer by themselves.
    pub(super) refusals: &'static [&'static [Code]],
    /// Whether its fields are checked, if it has any.
    pub(super) checks_fields: bool,
    /// What its fields' check finds wrong with a request.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) check: Option<fn(&Source) -> Vec<FieldFault>>,
}

/// The facts of a handler.
pub(crate) fn facts_of<H: Signature<A>, A>(_: &H) -> Facts {
    H::FACTS
}

/// A handler by its arguments. The last one decides: only that one may take the body.
pub(crate) trait Signature<A> {
    const FACTS: Facts;
}

/// An argument that a handler can end with.
pub(crate) trait LastArgument {
    const FACTS: Facts;
}

/// Nothing can go wrong where nothing is asked.
impl<H: Fn() -> R, R> Signature<()> for H {
    const FACTS: Facts = Facts {
        roles: None,
        refusals: &[],
        checks_fields: false,
        #[cfg(any(test, feature = "fuzzing"))]
        check: None,
    };
}

impl<H: Fn(L) -> R, R, L: LastArgument> Signature<(L,)> for H {
    const FACTS: Facts = L::FACTS;
}

impl<H: Fn(A, L) -> R, R, A, L: LastArgument> Signature<(A, L)> for H {
    const FACTS: Facts = L::FACTS;
}

impl<H: Fn(A, B, L) -> R, R, A, B, L: LastArgument> Signature<(A, B, L)> for H {
    const FACTS: Facts = L::FACTS;
}

impl<H: Fn(A, B, C, L) -> R, R, A, B, C, L: LastArgument> Signature<(A, B, C, L)> for H {
    const FACTS: Facts = L::FACTS;
}

/// Whoever asks the shop may find it busy or broken.
const SHOP: &[Code] = &[Code::Internal, Code::Overloaded, Code::TimedOut, Code::Undecided];
const BODY: &[Code] = &[Code::BodyUnreadable, Code::BodyTooLarge, Code::BodyTimeout];

const FORM: &[Code] = &[Code::BodyUnreadable, Code::UploadTooLarge, Code::BodyTimeout];

const ASKS_THE_SHOP: Facts = Facts {
    roles: None,
    refusals: &[SHOP],
    checks_fields: false,
    #[cfg(any(test, feature = "fuzzing"))]
    check: None,
};

impl LastArgument for State<Arc<Shop>> {
    const FACTS: Facts = ASKS_THE_SHOP;
}

impl LastArgument for Request {
    const FACTS: Facts = ASKS_THE_SHOP;
}

/// What is told by an argument that reads a body on its own.
pub(crate) const READS_A_BODY: Facts = Facts { refusals: &[SHOP, BODY], ..ASKS_THE_SHOP };

impl<A: Caller, I: Input> LastArgument for Call<A, I> {
    const FACTS: Facts = Facts {
        roles: A::ROLES,
        refusals: match I::BODY {
            BodyKind::None => &[SHOP, A::REFUSALS],
            BodyKind::Object => &[SHOP, A::REFUSALS, BODY],
        },
        checks_fields: true,
        #[cfg(any(test, feature = "fuzzing"))]
        check: Some(|source| {
            let mut check = Check::new(source, I::BODY == BodyKind::Object);
            let _input = I::read(&mut check);
            check.into_faults()
        }),
    };
}

/// The fields of the form are checked by the handler, which says so.
impl<A: Caller, I: Input> LastArgument for CallWithForm<A, I> {
    const FACTS: Facts =
        Facts { refusals: &[SHOP, A::REFUSALS, FORM], ..<Call<A, I> as LastArgument>::FACTS };
}

/// What the document says of those who may call.
pub(crate) trait Caller {
    const ROLES: Option<&'static [&'static str]>;
    const REFUSALS: &'static [Code];
}

impl Caller for Anyone {
    const ROLES: Option<&'static [&'static str]> = None;
    const REFUSALS: &'static [Code] = &[];
}

impl Caller for CurrentUser {
    const ROLES: Option<&'static [&'static str]> = Some(&[]);
    const REFUSALS: &'static [Code] = &[Code::Unauthenticated, Code::SessionOver];
}

impl Caller for Admin {
    const ROLES: Option<&'static [&'static str]> = Some(&["admin"]);
    const REFUSALS: &'static [Code] = &[Code::Unauthenticated, Code::SessionOver, Code::AdminOnly];
}
