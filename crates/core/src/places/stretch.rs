//! How a deep page is come to, and what is read there.

use std::sync::Arc;

use super::{Paged, Place};
use crate::catalog::rules::EXACT_SEARCH_TOTAL;
use crate::types::Page;

/// Between one stone on the way to a deep page and the next: so many ids are walked past in some 10 µs.
pub const STRIDE: i64 = 200;
/// Stones lie as deep as lists are promised to be flat.
pub(super) const DEEPEST: i64 = 10_000;

/// How many stones there are between `from`, or the beginning of the list, and a page: where it is far, they are laid, so that
/// it is walked to only once. 0 where it is near, or too deep.
pub fn hops<Q: Paged>(query: &Q, from: Option<Place<Q::Id>>) -> i64 {
    let skip = query.page().skip();
    let distance = skip - from.map_or(0, |place| place.position);
    if skip > DEEPEST { 0 } else { distance / STRIDE }
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// How many stand before it.
    pub begin: i64,
    /// How many it has at most.
    pub length: i64,
}

impl Stretch {
    /// Just a page.
    pub const fn of(page: Page) -> Self {
        Self { begin: page.skip(), length: page.limit() }
    }

    /// What is read for a page of which nothing is known but `from`, on the way to it. Where it is deep that is all between two
    /// stones: to walk from the one to the page passes half of it, and what stands on the nine pages beside it is known then.
    pub fn around<Id>(page: Page, from: Option<Place<Id>>) -> Self {
        let (skip, end) = (page.skip(), page.skip().saturating_add(page.limit()));
        if !is_deep(page) {
            return Self::of(page);
        }
        let stone = skip - skip % STRIDE;
        let begin = from.map_or(stone, |place| place.position.clamp(stone, skip));
        Self { begin, length: end.max(stone + STRIDE) - begin }
    }

    /// The same with all that is passed on the way, where to find it costs much more than to tell it.
    pub fn passed<Id>(page: Page, from: Option<Place<Id>>) -> Self {
        let begin = from.as_ref().map_or(0, |place| place.position);
        let around = Self::around(page, from);
        if is_deep(page) { Self { begin, length: around.end() - begin } } else { around }
    }

    /// All that a search finds, where it has to be sorted anyway.
    pub fn sorted(page: Page) -> Self {
        if is_deep(page) { Self { begin: 0, length: EXACT_SEARCH_TOTAL } } else { Self::of(page) }
    }

    /// How many stand before its end.
    pub const fn end(self) -> i64 {
        self.begin.saturating_add(self.length)
    }

    /// What there is of it in a list of so many, if they were counted to their end: who looks for more would look through all.
    #[must_use]
    pub fn of_all(self, matches: i64) -> Self {
        let is_exact = matches <= EXACT_SEARCH_TOTAL;
        Self { length: if is_exact { self.length.min(matches - self.begin) } else { self.length }, ..self }
    }

    /// What of it stands on the page, which it holds.
    pub fn cut<Id: Copy>(self, page: Page, ids: Arc<[Id]>) -> Arc<[Id]> {
        if self == Self::of(page) {
            return ids;
        }
        let [before, limit] = [page.skip() - self.begin, page.limit()]
            .map(|number| usize::try_from(number).unwrap_or(usize::MAX));
        ids.iter().skip(before).take(limit).copied().collect()
    }
}

/// Whether a page lies behind the first stone, and not beyond the last.
fn is_deep(page: Page) -> bool {
    (STRIDE..=DEEPEST).contains(&page.skip())
}
