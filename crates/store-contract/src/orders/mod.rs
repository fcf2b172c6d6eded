//! Stories of orders.

pub mod expiry;
pub mod keys;
pub mod lifecycle;
pub mod limits;
pub mod lists;
pub mod placing;
pub mod repeats;
