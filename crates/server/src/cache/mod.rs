//! Rendered pages of the catalogue, kept as long as they are true.
//!
//! A page is kept under the [`Stamp`] that was taken before the database was asked, and a write moves the stamps between
//! its commit and its answer (`generations`). So a read that starts after a write was answered never sees what was there
//! before, whichever of them was slow, cancelled or overtaken: there is no moment in which an old page could be put back.
//! How long a page may be kept (`CACHE_TTL_SEC`) is a backstop behind that, not what makes it true.

mod clock;
mod flights;
mod generations;
mod horizons;
#[cfg(test)]
mod interleaving;
mod key;
#[cfg(test)]
mod model;
#[cfg(test)]
mod model_pages;
mod page;
mod pages;
mod redis;
mod redis_vitals;
mod redis_way;
mod shared;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use self::key::PageKey;
pub(crate) use self::page::{Form, Page};
pub(crate) use self::pages::PageCache;
pub(crate) use self::redis::Redis;
pub use self::redis_vitals::RedisVitals;
