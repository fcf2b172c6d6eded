//! Stories of carts.

pub mod crowd;
pub mod lines;
pub mod versions;
