//! Stories of what holds for every verb.

pub mod prices;
pub mod writes;
