//! Stories of search: it finds what a scan finds.

pub mod deep;
pub mod scan;
pub mod terms;
