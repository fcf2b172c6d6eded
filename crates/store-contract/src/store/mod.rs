//! Stories of what holds for every verb.

pub mod changes;
pub mod prices;
pub mod writes;
