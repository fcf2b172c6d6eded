//! Stories of categories and products.

pub mod categories;
pub mod counts;
pub mod lists;
pub mod products;
pub mod updates;
