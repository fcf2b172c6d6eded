//! Pagination arithmetic.

/// The most rows that a page may hold.
pub const MAX_PAGE_LIMIT: i64 = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    skip: i64,
    limit: i64,
}

/// What a page says about itself, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageNumbers {
    /// The number of this page, from 1; a page that starts inside of one counts as that one.
    pub page: i64,
    /// How many pages there are; 0 for an empty list.
    pub pages: i64,
    /// Whether a row follows this page.
    pub has_next: bool,
    /// Whether a row lies before this page's start.
    pub has_prev: bool,
}

impl Page {
    /// `limit` rows after the first `skip` ones; a negative `skip` is 0 and `limit` is drawn into 1..=[`MAX_PAGE_LIMIT`].
    pub fn new(skip: i64, limit: i64) -> Self {
        Self { skip: skip.max(0), limit: limit.clamp(1, MAX_PAGE_LIMIT) }
    }

    /// The page with this number, counted from 1; smaller numbers are the first page.
    pub fn numbered(number: i64, limit: i64) -> Self {
        let limit = limit.clamp(1, MAX_PAGE_LIMIT);
        Self { skip: number.max(1).saturating_sub(1).saturating_mul(limit), limit }
    }

    /// Rows before the page, at least 0.
    pub const fn skip(self) -> i64 {
        self.skip
    }

    /// Rows on the page, 1..=[`MAX_PAGE_LIMIT`].
    pub const fn limit(self) -> i64 {
        self.limit
    }

    /// Where this page stands in a list of `total` rows. Nothing overflows, whatever the skip.
    pub const fn numbers(self, total: i64) -> PageNumbers {
        let pages = if total <= 0 { 0 } else { (total - 1) / self.limit + 1 };
        PageNumbers {
            page: (self.skip / self.limit).saturating_add(1),
            pages,
            has_next: self.skip.saturating_add(self.limit) < total,
            has_prev: self.skip > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_recorded_examples_of_twelve_products() {
        for (skip, limit, page, pages, has_next, has_prev) in [
            (0, 20, 1, 1, false, false),
            (5, 5, 2, 3, true, true),
            (10, 5, 3, 3, false, true),
            (7, 5, 2, 3, false, true),
            (6, 6, 2, 2, false, true),
        ] {
            let numbers = Page::new(skip, limit).numbers(12);
            assert_eq!(numbers, PageNumbers { page, pages, has_next, has_prev }, "skip {skip} limit {limit}");
        }
        assert_eq!(Page::new(0, 20).numbers(0).pages, 0);
    }

    #[test]
    fn a_numbered_page_skips_those_before_it() {
        assert_eq!(Page::numbered(3, 20), Page::new(40, 20));
        assert_eq!(Page::numbered(0, 20), Page::new(0, 20));
        assert_eq!(Page::numbered(i64::MAX, 20).skip(), i64::MAX);
    }

    proptest! {
        #[test]
        fn walking_by_limit_visits_exactly_the_pages(total in 0_i64..5000, limit in 1_i64..=100) {
            let pages = Page::new(0, limit).numbers(total).pages;
            let mut number = 1;
            while Page::numbered(number, limit).numbers(total).has_next {
                number += 1;
            }
            prop_assert_eq!(number, pages.max(1));
        }

        #[test]
        fn no_numbers_overflow(skip in any::<i64>(), limit in any::<i64>(), total in any::<i64>()) {
            let _ = Page::new(skip, limit).numbers(total);
            let _ = Page::numbered(skip, limit).numbers(total);
        }
    }
}
