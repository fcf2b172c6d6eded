//! What a request brings, checked as existing clients expect: every fault is told at once, in the form that they read.
//!
//! An [`Input`] says in [`Input::read`] which fields it has; [`Check`] reads them one by one by a [`Rule`](rules::Rule) and notes
//! what is wrong. Path fields are read before query fields and these before body fields, because that is the order in
//! which faults are listed.

mod check;
mod fault;
mod numbers;
mod plain_json;
mod python_json;
mod rules;
mod texts;

pub(crate) use check::{Check, Source};
pub(crate) use fault::{Fault, FieldFault, json_fault};
pub(crate) use numbers::{Amount, IdIn, Int, Price};
pub(crate) use plain_json::parse_json;
pub(crate) use rules::{Flag, List, OneOf, Rule};
pub(crate) use texts::{PhoneNumber, Secret, Text};

/// Whether a request has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// None is read.
    None,
    /// A JSON object must come.
    Object,
}

/// The fields of one operation.
pub(crate) trait Input: Sized {
    /// What body it has.
    const BODY: BodyKind;

    /// Reads every field; `None` once a fault was noted.
    fn read(check: &mut Check<'_>) -> Option<Self>;
}

/// No fields at all.
impl Input for () {
    const BODY: BodyKind = BodyKind::None;

    fn read(_: &mut Check<'_>) -> Option<Self> {
        Some(())
    }
}
