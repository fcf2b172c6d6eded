//! Stories of users and their sessions.

pub mod resets;
pub mod rotation;
pub mod sessions;
pub mod upgrades;
pub mod users;
