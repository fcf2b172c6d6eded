//! The catalogue's lists worked out in memory, the plain way: what every store's answer is compared with.

use std::cmp::Ordering;

use slippers_core::catalog::search::fold;
use slippers_core::catalog::{Slipper, SlipperQuery, Sort};
use slippers_core::types::Page;

use crate::given::Shop;

/// Every order in which products can be listed.
pub(crate) const SORTS: [Sort; 8] = [
    Sort::IdAsc,
    Sort::IdDesc,
    Sort::NameAsc,
    Sort::NameDesc,
    Sort::PriceAsc,
    Sort::PriceDesc,
    Sort::CreatedAsc,
    Sort::CreatedDesc,
];

/// The products that the query is about, in its order, on all pages.
pub(crate) fn matching(slippers: &[Slipper], query: &SlipperQuery) -> Vec<Slipper> {
    let mut found: Vec<Slipper> =
        slippers.iter().filter(|slipper| is_meant(slipper, query)).cloned().collect();
    found.sort_by(|one, other| compare(query.sort, one, other));
    found
}

fn is_meant(slipper: &Slipper, query: &SlipperQuery) -> bool {
    let in_category =
        query.category.is_none_or(|id| slipper.category.as_ref().is_some_and(|label| label.id == id));
    let is_found =
        query.search.as_ref().is_none_or(|term| term.matches(&fold(&slipper.name), &fold(&slipper.size)));
    in_category && is_found
}

fn compare(sort: Sort, one: &Slipper, other: &Slipper) -> Ordering {
    let by_id = one.id.cmp(&other.id);
    let by_name = || fold(&one.name).as_bytes().cmp(fold(&other.name).as_bytes()).then(by_id);
    let by_price = one.price.cmp(&other.price).then(by_id);
    let by_creation = one.created_at.cmp(&other.created_at).then(by_id);
    match sort {
        Sort::IdAsc => by_id,
        Sort::IdDesc => by_id.reverse(),
        Sort::NameAsc => by_name(),
        Sort::NameDesc => by_name().reverse(),
        Sort::PriceAsc => by_price,
        Sort::PriceDesc => by_price.reverse(),
        Sort::CreatedAsc => by_creation,
        Sort::CreatedDesc => by_creation.reverse(),
    }
}

/// Asks for every page of the query, and one behind the last, and compares them and their totals with the model.
pub(crate) async fn assert_pages(shop: &Shop, slippers: &[Slipper], query: &SlipperQuery, limit: i64) {
    let expected = matching(slippers, query);
    let total = i64::try_from(expected.len()).expect("few products");
    let size = usize::try_from(limit).expect("a page's size");
    for (number, rows) in (1..).zip(expected.chunks(size).chain([&[][..]])) {
        let asked = SlipperQuery { page: Page::numbered(number, limit), ..query.clone() };
        let page = shop.list_slippers(asked.clone()).await.expect("a page");
        assert_eq!(page.items, rows, "{asked:?}");
        assert_eq!((page.total, page.total_is_exact), (total, true), "{asked:?}");
    }
}
