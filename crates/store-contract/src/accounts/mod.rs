//! Stories of users and their sessions.

pub mod changes;
pub mod deletion;
pub mod generations;
pub mod lists;
pub mod resets;
pub mod rotation;
pub mod sessions;
pub mod upgrades;
pub mod users;
