//! Stories of search: it finds what a scan finds.

pub mod scan;
pub mod terms;
