//! What those who run the shop did: who, when, what, on which row. The record is only ever added to.

mod entries;
mod store;

pub use store::{AuditQuery, AuditStore};

use crate::types::{Timestamp, UserId};

/// The most records that one answer lists.
pub const MAX_AUDIT_LISTED: i64 = 1000;

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An admin, over the API.
    Admin(UserId),
    /// Whoever may run the program's commands on the machine.
    CommandLine,
}

/// A value in the account of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A text that is nobody's secret.
    Text(String),
    /// A number; of money, in minor units.
    Number(i64),
    /// A switch.
    Flag(bool),
    /// What was there was taken away.
    Gone,
    /// It was changed, and what to is nothing that a record may keep: a person's data would outlive the person in it.
    Changed,
}

/// An action to record, in the transaction that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub by: By,
    /// What: `create`, `update`, `delete`, `reset_password`, `replay` or `stock`.
    pub action: &'static str,
    /// On which kind of row: `category`, `slipper`, `order`, `user`, `delivery` or `catalog`.
    pub subject: &'static str,
    /// On which row; `None` = on more than one.
    pub id: Option<i64>,
    /// What was changed, by field.
    pub change: Vec<(&'static str, Fact)>,
}

/// An action as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// The record's number; later ones are greater.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: By,
    /// What.
    pub action: String,
    /// On which kind of row.
    pub subject: String,
    /// On which row.
    pub subject_id: Option<i64>,
    /// What was changed, as a JSON object of the fields in their order.
    pub change: String,
}
