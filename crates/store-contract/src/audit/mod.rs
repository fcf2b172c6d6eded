//! Stories of the record of admin actions.

pub mod records;
