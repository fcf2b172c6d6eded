//! By what a page is known: what was asked for, not how it was spelled.

use std::hash::BuildHasher as _;

use http::HeaderValue;
use slippers_core::catalog::SlipperQuery;
use slippers_core::types::{CategoryId, SlipperId};

/// A page of the catalogue. Defaults, the order of parameters and those that mean nothing make no other page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PageKey {
    /// A page of products, in an order whose name is known: the name is shown.
    Slippers(SlipperQuery),
    /// A product.
    Slipper {
        /// Its number.
        id: SlipperId,
        /// Whether its pictures are shown.
        with_images: bool,
    },
    /// A product's pictures.
    Images(SlipperId),
    /// A part of the list of categories.
    Categories {
        /// Those before it.
        skip: i64,
        /// The most that it holds.
        limit: i64,
    },
    /// A category.
    Category(CategoryId),
}

impl PageKey {
    /// What caches in front of the shop may throw it away by: the words stand for what [`Change`](slippers_core::Change)
    /// tells.
    pub(crate) fn surrogate(&self) -> HeaderValue {
        match self {
            Self::Slippers(_) => HeaderValue::from_static("slippers categories"),
            Self::Slipper { id, .. } | Self::Images(id) => {
                HeaderValue::try_from(format!("slipper-{id} categories"))
                    .unwrap_or(HeaderValue::from_static("slippers categories"))
            }
            Self::Categories { .. } | Self::Category(_) => HeaderValue::from_static("categories"),
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Slippers(query) => query.search.as_ref().map_or(0, |term| term.as_str().len()),
            _ => 0,
        }
    }

    /// A part of it between 0 and 1 that nobody outside can tell.
    pub(super) fn spread(&self, hasher: &std::hash::RandomState) -> f64 {
        let [a, b, ..] = hasher.hash_one(self).to_le_bytes();
        f64::from(u16::from_le_bytes([a, b])) / f64::from(u16::MAX)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use slippers_core::catalog::{SearchTerm, Sort};
    use slippers_core::types::Page;

    use super::*;

    /// The list behind so many products.
    pub(crate) fn list(skip: i64) -> PageKey {
        PageKey::Slippers(SlipperQuery {
            page: Page::new(skip, 20),
            category: None,
            search: None,
            sort: Sort::IdDesc,
            with_images: true,
        })
    }

    /// A search.
    pub(crate) fn search(text: &str) -> PageKey {
        let PageKey::Slippers(query) = list(0) else { unreachable!("a list") };
        PageKey::Slippers(SlipperQuery { search: SearchTerm::new(text), ..query })
    }

    /// A product with its pictures.
    pub(crate) fn slipper(id: i64) -> PageKey {
        PageKey::Slipper { id: SlipperId::new(id), with_images: true }
    }

    #[test]
    fn surrogate_keys_name_what_a_page_shows() {
        assert_eq!(list(0).surrogate(), "slippers categories");
        assert_eq!(slipper(42).surrogate(), "slipper-42 categories");
        assert_eq!(PageKey::Category(CategoryId::new(3)).surrogate(), "categories");
    }
}
