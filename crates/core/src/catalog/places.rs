//! Where lists were read before: what lies before a deep page is walked once, not by every reader.
//!
//! A store keeps a number that every change of the order of its lists replaces by one that never stood there. Readers get
//! that number from the same snapshot as their page, and what they found is remembered under it. So what is remembered
//! under the number of a snapshot is true in it, however many write, in however many processes, and on a replica too.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{SearchTerm, SlipperQuery, Sort};
use crate::types::{CategoryId, SlipperId};

/// Names the order of all lists at one moment; what changes it (a product comes, goes, or has another name, size, price or
/// category) puts a new one in its place. Other changes, as of a stock, do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListOrder(pub i64);

/// How many products there are in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Those that match, counted up to one more than [`EXACT_SEARCH_TOTAL`](super::rules::EXACT_SEARCH_TOTAL).
    pub matches: i64,
    /// Those that the list has without the search.
    pub products: i64,
    /// Which of the search's [joints](SearchTerm::joints) so few products have that they are looked up by it.
    pub joint: Option<usize>,
}

/// What is known of a page before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Unknown,
    /// A product on the way to it.
    At(Place),
    /// The numbers of its products, in order.
    Known(Arc<[SlipperId]>),
}

/// A product's place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The product.
    pub id: SlipperId,
    /// How many stand before it in the list.
    pub position: i64,
}

/// Pages that end before this are as cheap to walk to as to look up, unless something is searched for.
const NEAR: i64 = 200;
/// Between one stone on the way to a deep page and the next: so many ids are walked past in some 25 µs.
pub const STRIDE: i64 = 500;
/// Stones lie as deep as lists are promised to be flat.
const DEEPEST: i64 = 10_000;

/// How many stones there are between `from`, or the beginning of the list, and a page: where it is far, they are laid, so that
/// it is walked to only once. 0 where it is near, or too deep.
pub fn hops(query: &SlipperQuery, from: Option<Place>) -> i64 {
    let skip = query.page.skip();
    let distance = skip - from.map_or(0, |place| place.position);
    if skip > DEEPEST { 0 } else { distance / STRIDE }
}

/// Numbers remembered in one half of the memory, some 2 MiB; texts and tables are counted as numbers too.
const HALF: usize = 1 << 18;
/// What a list and a page cost beside their numbers.
const LIST_COST: usize = 32;
const PAGE_COST: usize = 12;

/// A memory of lists of fixed size (some 4 MiB at most, for all lists together).
///
/// Two halves: the young one is written; when it is full it becomes the old one, whose rest is forgotten. What is used is
/// written into the young one again.
#[derive(Default)]
pub struct Places(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    /// The order that a reader saw last.
    latest: Option<ListOrder>,
    young: HashMap<List, Found>,
    old: HashMap<List, Found>,
    /// Numbers in the young half.
    held: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct List {
    order: ListOrder,
    category: Option<CategoryId>,
    search: Option<SearchTerm>,
    sort: Sort,
}

#[derive(Clone, Default)]
struct Found {
    counted: Option<Counted>,
    /// By the position of their first product.
    pages: BTreeMap<i64, Known>,
}

#[derive(Clone)]
struct Known {
    ids: Arc<[SlipperId]>,
    /// Whether the list ends with it.
    is_last: bool,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = self.halves();
        f.debug_struct("Places")
            .field("latest", &halves.latest)
            .field("held", &halves.held)
            .finish_non_exhaustive()
    }
}

impl Places {
    /// The order that was seen last: a guess at what the next reader will see.
    pub fn latest(&self) -> Option<ListOrder> {
        self.halves().latest
    }

    /// What is known of a page in this order.
    pub fn start(&self, order: ListOrder, query: &SlipperQuery) -> Start {
        if query.search.is_none() && end(query) <= NEAR {
            return Start::Unknown;
        }
        let list = List::of(order, query);
        let mut halves = self.halves();
        let Some(found) = halves.find(&list) else { return Start::Unknown };
        let (skip, limit) = (query.page.skip(), query.page.limit());
        let Some((&position, page)) = found.pages.range(..=skip).next_back() else { return Start::Unknown };
        let into = usize::try_from(skip - position).unwrap_or(usize::MAX);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        match page.ids.get(into..) {
            Some(rest) if rest.len() >= wanted => Start::Known(rest[..wanted].into()),
            Some(rest) if page.is_last => Start::Known(rest.into()),
            Some([first, ..]) => Start::At(Place { id: *first, position: skip }),
            _ if page.is_last => Start::Known(Arc::new([])),
            _ => match page.ids.last() {
                Some(last) => {
                    let place = i64::try_from(page.ids.len()).unwrap_or(i64::MAX) - 1;
                    Start::At(Place { id: *last, position: position.saturating_add(place) })
                }
                None => Start::Unknown,
            },
        }
    }

    /// Remembers products that lie [`STRIDE`] apart behind `from`, or behind the beginning of the list; answers the last.
    pub fn lay_stones(
        &self,
        order: ListOrder,
        query: &SlipperQuery,
        from: Option<Place>,
        ids: &[SlipperId],
    ) -> Option<Place> {
        let mut halves = self.halves();
        halves.latest = Some(order);
        let mut position = from.map_or(0, |place| place.position);
        let mut last = None;
        for id in ids {
            position = position.saturating_add(STRIDE);
            last = Some(Place { id: *id, position });
            let found = halves.make(List::of(order, query));
            if let Entry::Vacant(free) = found.pages.entry(position) {
                free.insert(Known { ids: [*id].into(), is_last: false });
                halves.grow(PAGE_COST + 1);
            }
        }
        last
    }

    /// How many a search finds in this order, where that was counted.
    pub fn counted(&self, order: ListOrder, query: &SlipperQuery) -> Option<Counted> {
        self.halves().find(&List::of(order, query))?.counted
    }

    /// Remembers what a search finds in this order.
    pub fn remember_count(&self, order: ListOrder, query: &SlipperQuery, counted: Counted) {
        let mut halves = self.halves();
        halves.latest = Some(order);
        let found = halves.make(List::of(order, query));
        found.counted = Some(counted);
    }

    /// Remembers a page that was read in this order.
    pub fn remember(&self, order: ListOrder, query: &SlipperQuery, ids: Vec<SlipperId>) {
        let mut halves = self.halves();
        halves.latest = Some(order);
        if query.search.is_none() && end(query) <= NEAR {
            return;
        }
        let is_last = i64::try_from(ids.len()).is_ok_and(|read| read < query.page.limit());
        let page = Known { ids: ids.into(), is_last };
        let found = halves.make(List::of(order, query));
        let known = found.pages.get(&query.page.skip()).map(|known| known.ids.len());
        if known.is_none_or(|known| known < page.ids.len()) {
            let more = PAGE_COST + page.ids.len() - known.unwrap_or(0);
            found.pages.insert(query.page.skip(), page);
            halves.grow(more);
        }
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        // Nothing below can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn find(&mut self, list: &List) -> Option<&Found> {
        if let Some((list, found)) = self.old.remove_entry(list) {
            let cost =
                list.cost() + found.pages.values().map(|page| PAGE_COST + page.ids.len()).sum::<usize>();
            self.young.insert(list, found);
            self.grow(cost);
        }
        // It may have grown old at once.
        self.young.get(list).or_else(|| self.old.get(list))
    }

    /// The list in the young half.
    fn make(&mut self, list: List) -> &mut Found {
        self.find(&list);
        if !self.young.contains_key(&list) {
            self.grow(list.cost());
        }
        self.young.entry(list).or_default()
    }

    fn grow(&mut self, by: usize) {
        self.held += by;
        if self.held > HALF {
            self.old = mem::take(&mut self.young);
            self.held = 0;
        }
    }
}

impl List {
    fn of(order: ListOrder, query: &SlipperQuery) -> Self {
        Self { order, category: query.category, search: query.search.clone(), sort: query.sort }
    }

    fn cost(&self) -> usize {
        LIST_COST + self.search.as_ref().map_or(0, |term| term.as_str().len() / 8)
    }
}

fn end(query: &SlipperQuery) -> i64 {
    query.page.skip().saturating_add(query.page.limit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Page;

    fn query(skip: i64, limit: i64, search: Option<&str>) -> SlipperQuery {
        SlipperQuery {
            page: Page::new(skip, limit),
            category: None,
            search: search.and_then(SearchTerm::new),
            sort: Sort::PriceAsc,
            with_images: false,
        }
    }

    fn ids(numbers: impl IntoIterator<Item = i64>) -> Vec<SlipperId> {
        numbers.into_iter().map(SlipperId::new).collect()
    }

    const ORDER: ListOrder = ListOrder(7);

    #[test]
    fn stones_lead_to_a_far_page() {
        let places = Places::default();
        let far = query(1_720, 20, None);
        assert_eq!((hops(&far, None), hops(&query(10_020, 20, None), None)), (3, 0));
        let last = places.lay_stones(ORDER, &far, None, &ids([50, 100, 150]));
        assert_eq!(last, Some(Place { id: SlipperId::new(150), position: 1_500 }));
        assert_eq!(places.start(ORDER, &far), Start::At(last.expect("a stone")));
        assert_eq!(hops(&far, last), 0);
        let nearer = query(1_100, 20, None);
        assert_eq!(
            places.start(ORDER, &nearer),
            Start::At(Place { id: SlipperId::new(100), position: 1_000 })
        );
        // From a place on the way; and what is known of a page is kept.
        places.remember(ORDER, &query(3_000, 20, None), ids(301..=320));
        let from = Place { id: SlipperId::new(200), position: 2_000 };
        let last = places.lay_stones(ORDER, &query(3_100, 20, None), Some(from), &ids([250, 301]));
        assert_eq!(last.map(|place| place.position), Some(3_000));
        assert_eq!(places.start(ORDER, &query(3_000, 20, None)), Start::Known(ids(301..=320).into()));
    }

    #[test]
    fn the_next_page_starts_at_the_end_of_the_one_before() {
        let places = Places::default();
        let read = query(1000, 20, None);
        assert_eq!(places.start(ORDER, &read), Start::Unknown);
        places.remember(ORDER, &read, ids(1..=20));
        assert_eq!(places.start(ORDER, &read), Start::Known(ids(1..=20).into()));
        assert_eq!(places.start(ORDER, &query(1005, 10, None)), Start::Known(ids(6..=15).into()));
        let at = |id, position| Start::At(Place { id: SlipperId::new(id), position });
        assert_eq!(places.start(ORDER, &query(1005, 20, None)), at(6, 1005));
        assert_eq!(places.start(ORDER, &query(1020, 20, None)), at(20, 1019));
        assert_eq!(places.start(ORDER, &query(5000, 20, None)), at(20, 1019));
        assert_eq!(places.start(ORDER, &query(999, 20, None)), Start::Unknown);
        assert_eq!(places.start(ListOrder(8), &read), Start::Unknown, "another order");
        assert_eq!(places.latest(), Some(ORDER));
    }

    #[test]
    fn a_list_that_ended_is_known_beyond_its_end() {
        let places = Places::default();
        places.remember(ORDER, &query(0, 20, Some("rare")), ids(1..=3));
        assert_eq!(places.start(ORDER, &query(0, 100, Some("rare"))), Start::Known(ids(1..=3).into()));
        assert_eq!(places.start(ORDER, &query(2, 20, Some("rare"))), Start::Known(ids([3]).into()));
        assert_eq!(places.start(ORDER, &query(3, 20, Some("rare"))), Start::Known(Arc::new([])));
        assert_eq!(places.start(ORDER, &query(1 << 40, 20, Some("rare"))), Start::Known(Arc::new([])));
    }

    #[test]
    fn what_is_near_is_not_remembered_unless_it_was_searched() {
        let places = Places::default();
        places.remember(ORDER, &query(0, 20, None), ids(1..=20));
        assert_eq!(places.start(ORDER, &query(0, 20, None)), Start::Unknown);
        let counted = Counted { matches: 20, products: 1000, joint: None };
        places.remember_count(ORDER, &query(0, 20, Some("a")), counted);
        places.remember(ORDER, &query(0, 20, Some("a")), ids(1..=20));
        assert_eq!(places.start(ORDER, &query(0, 20, Some("a"))), Start::Known(ids(1..=20).into()));
        assert_eq!(places.counted(ORDER, &query(300, 20, Some("a"))), Some(counted));
        assert_eq!(places.counted(ORDER, &query(300, 20, Some("b"))), None);
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_what_is_used() {
        let places = Places::default();
        let used = query(0, 20, Some("used"));
        places.remember(ORDER, &used, ids(1..=20));
        for number in 0..40_000_i64 {
            let other = query(0, 20, Some(&format!("term {number}")));
            places.remember(ORDER, &other, ids(1..=20));
            assert_ne!(places.start(ORDER, &used), Start::Unknown, "{number}");
        }
        let halves = places.halves();
        let lists = halves.young.len() + halves.old.len();
        assert!(lists <= 2 * HALF / (LIST_COST + PAGE_COST + 20) + 2, "{lists}");
        drop(halves);
        assert_eq!(places.start(ORDER, &query(0, 20, Some("term 0"))), Start::Unknown, "it is forgotten");
    }

    proptest! {
        /// Lists that change now and then, read in pieces of any size: what is said of them is always true.
        #[test]
        fn whatever_is_known_is_true(
            lengths in prop::collection::vec(0_i64..700, 1..4),
            reads in prop::collection::vec((0_usize..4, 0_i64..800, 1_i64..=100, any::<bool>()), 1..120),
        ) {
            let places = Places::default();
            for (list, skip, limit, is_search) in reads {
                let order = ListOrder(i64::try_from(list % lengths.len()).unwrap_or(0));
                let length = lengths[list % lengths.len()];
                // The product at position p of list n is n * 1000 + p.
                let id = |position: i64| SlipperId::new(order.0 * 1000 + position);
                let query = query(skip, limit, is_search.then_some("t"));
                let truth: Vec<SlipperId> = (skip..length.min(skip + limit)).map(id).collect();
                match places.start(order, &query) {
                    Start::Unknown => {}
                    Start::At(place) => {
                        prop_assert!(place.position <= skip && place.position < length);
                        prop_assert_eq!(place.id, id(place.position));
                    }
                    Start::Known(ids) => prop_assert_eq!(&*ids, &*truth),
                }
                places.remember(order, &query, truth);
            }
        }
    }
}
