//! Where lists were read before: what lies before a deep page is walked once, not by every reader.
//!
//! A store keeps a number that every change of the order of its lists replaces by one that never stood there: one for the lists
//! of products, one for those of users. Readers get that number from the same snapshot as their page, and what they found is
//! remembered under it. So what is remembered under the number of a snapshot is true in it, however many write, in however many
//! processes, and on a replica too.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::{SearchTerm, SlipperQuery, Sort};
use crate::types::{CategoryId, Page, SlipperId};

/// A question for a page of a list.
pub trait Paged {
    /// Which list it is of: all that decides what is in it and in what order.
    type List: Clone + Eq + Hash;
    /// The numbers of what is listed.
    type Id: Copy;

    /// The list.
    fn list(&self) -> Self::List;
    /// The page.
    fn page(&self) -> Page;
    /// What is searched for.
    fn search(&self) -> Option<&SearchTerm>;
}

impl Paged for SlipperQuery {
    type List = (Option<CategoryId>, Option<SearchTerm>, Sort);
    type Id = SlipperId;

    fn list(&self) -> Self::List {
        (self.category, self.search.clone(), self.sort)
    }

    fn page(&self) -> Page {
        self.page
    }

    fn search(&self) -> Option<&SearchTerm> {
        self.search.as_ref()
    }
}

/// Names the order of all lists of a kind at one moment; what changes it (a product comes, goes, or has another name, size, price
/// or category) puts a new one in its place. Other changes, as of a stock, do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListOrder(pub i64);

/// How much there is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// What matches, counted up to one more than [`EXACT_SEARCH_TOTAL`](crate::catalog::rules::EXACT_SEARCH_TOTAL).
    pub matches: i64,
    /// The products that the list has without the search.
    pub products: i64,
    /// Which of the search's [joints](SearchTerm::joints) so few products have that they are looked up by it.
    pub joint: Option<usize>,
}

/// What is known of a page before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start<Id = SlipperId> {
    /// Nothing.
    Unknown,
    /// Something on the way to it.
    At(Place<Id>),
    /// The numbers of what is on it, in order.
    Known(Arc<[Id]>),
}

/// A place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<Id = SlipperId> {
    /// What stands there.
    pub id: Id,
    /// How many stand before it in the list.
    pub position: i64,
}

/// Pages that end before this are as cheap to walk to as to look up, unless something is searched for.
const NEAR: i64 = 200;
/// Between one stone on the way to a deep page and the next: so many ids are walked past in some 10 µs.
pub const STRIDE: i64 = 200;
/// Stones lie as deep as lists are promised to be flat.
const DEEPEST: i64 = 10_000;

/// How many stones there are between `from`, or the beginning of the list, and a page: where it is far, they are laid, so that
/// it is walked to only once. 0 where it is near, or too deep.
pub fn hops<Q: Paged>(query: &Q, from: Option<Place<Q::Id>>) -> i64 {
    let skip = query.page().skip();
    let distance = skip - from.map_or(0, |place| place.position);
    if skip > DEEPEST { 0 } else { distance / STRIDE }
}

/// Numbers remembered in one half of the memory, some 2 MiB; texts and tables are counted as numbers too.
const HALF: usize = 1 << 18;
/// Numbers remembered in one half of what a single list has: pages of 20 down to the 10,000th product are half as many. Without
/// a bound of its own, a list that is read from every position fills all there is: nothing that is new in it was kept then, and
/// it was moved whole from half to half at every look.
const OF_LIST: usize = HALF / 8;
/// What a list and a page cost beside their numbers.
const LIST_COST: usize = 32;
const PAGE_COST: usize = 12;

/// A memory of lists of fixed size (some 4 MiB at most, for all lists of a kind together).
///
/// Two halves: the young one is written; when it is full it becomes the old one, whose rest is forgotten. What is used is
/// written into the young one again.
pub struct Places<Q: Paged = SlipperQuery>(Mutex<Halves<Q>>);

struct Halves<Q: Paged> {
    /// The order that a reader saw last.
    latest: Option<ListOrder>,
    young: HashMap<Key<Q>, Found<Q::Id>>,
    old: HashMap<Key<Q>, Found<Q::Id>>,
    /// Numbers in the young half.
    held: usize,
}

/// A list in an order.
type Key<Q> = (ListOrder, <Q as Paged>::List);

struct Found<Id> {
    counted: Option<Counted>,
    /// What came lately, and what came before that.
    young: Pages<Id>,
    old: Pages<Id>,
}

struct Pages<Id> {
    /// By the position of their first.
    pages: BTreeMap<i64, Known<Id>>,
    held: usize,
}

struct Known<Id> {
    ids: Arc<[Id]>,
    /// Whether the list ends with it.
    is_last: bool,
}

impl<Q: Paged> Default for Places<Q> {
    fn default() -> Self {
        Self(Mutex::new(Halves { latest: None, young: HashMap::new(), old: HashMap::new(), held: 0 }))
    }
}

impl<Q: Paged> fmt::Debug for Places<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = self.halves();
        f.debug_struct("Places")
            .field("latest", &halves.latest)
            .field("held", &halves.held)
            .finish_non_exhaustive()
    }
}

impl<Q: Paged> Places<Q> {
    /// The order that was seen last: a guess at what the next reader will see.
    pub fn latest(&self) -> Option<ListOrder> {
        self.halves().latest
    }

    /// What is known of a page in this order.
    pub fn start(&self, order: ListOrder, query: &Q) -> Start<Q::Id> {
        if query.search().is_none() && end(query) <= NEAR {
            return Start::Unknown;
        }
        let mut halves = self.halves();
        let Some(found) = halves.find(query, order) else { return Start::Unknown };
        let (skip, limit) = (query.page().skip(), query.page().limit());
        let Some((position, page)) = found.before(skip) else { return Start::Unknown };
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
        query: &Q,
        from: Option<Place<Q::Id>>,
        ids: &[Q::Id],
    ) -> Option<Place<Q::Id>> {
        let mut halves = self.halves();
        halves.latest = Some(order);
        let mut position = from.map_or(0, |place| place.position);
        let mut last = None;
        for id in ids {
            position = position.saturating_add(STRIDE);
            last = Some(Place { id: *id, position });
            let found = halves.make(query, order);
            let more = found.keep(position, Known { ids: [*id].into(), is_last: false });
            halves.grow(more);
        }
        last
    }

    /// How many a search finds in this order, where that was counted.
    pub fn counted(&self, order: ListOrder, query: &Q) -> Option<Counted> {
        self.halves().find(query, order)?.counted
    }

    /// Remembers what a search finds in this order.
    pub fn remember_count(&self, order: ListOrder, query: &Q, counted: Counted) {
        let mut halves = self.halves();
        halves.latest = Some(order);
        let found = halves.make(query, order);
        found.counted = Some(counted);
    }

    /// Remembers a page that was read in this order. Answers whether it will be known: not where it is walked to anyway.
    pub fn remember(&self, order: ListOrder, query: &Q, ids: Arc<[Q::Id]>) -> bool {
        let mut halves = self.halves();
        halves.latest = Some(order);
        if query.search().is_none() && end(query) <= NEAR {
            return false;
        }
        let is_last = i64::try_from(ids.len()).is_ok_and(|read| read < query.page().limit());
        let page = Known { ids, is_last };
        let found = halves.make(query, order);
        let more = found.keep(query.page().skip(), page);
        halves.grow(more);
        true
    }

    fn halves(&self) -> MutexGuard<'_, Halves<Q>> {
        // Nothing below can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Id> Default for Found<Id> {
    fn default() -> Self {
        Self { counted: None, young: Pages::default(), old: Pages::default() }
    }
}

impl<Id> Default for Pages<Id> {
    fn default() -> Self {
        Self { pages: BTreeMap::new(), held: 0 }
    }
}

impl<Id> Found<Id> {
    /// What is known nearest before a position, or there; of two that begin at the same, the longer one.
    fn before(&self, skip: i64) -> Option<(i64, &Known<Id>)> {
        let nearest = [&self.young, &self.old].map(|half| half.pages.range(..=skip).next_back());
        let nearest = nearest.into_iter().flatten().map(|(position, known)| (*position, known));
        nearest.max_by_key(|(position, known)| (*position, known.ids.len()))
    }

    /// Remembers a page, unless as much is remembered of it. Answers how many numbers it has taken.
    fn keep(&mut self, position: i64, page: Known<Id>) -> usize {
        let known = self.young.pages.get(&position).map(|known| known.ids.len());
        if known.is_some_and(|known| known >= page.ids.len()) {
            return 0;
        }
        let mut more = known.map_or(PAGE_COST, |_| 0) + page.ids.len() - known.unwrap_or(0);
        if self.young.held + more > OF_LIST {
            self.old = mem::take(&mut self.young);
            more = PAGE_COST + page.ids.len();
        }
        self.young.held += more;
        self.young.pages.insert(position, page);
        more
    }
}

impl<Q: Paged> Halves<Q> {
    fn find(&mut self, query: &Q, order: ListOrder) -> Option<&Found<Q::Id>> {
        let key = (order, query.list());
        if let Some((key, found)) = self.old.remove_entry(&key) {
            let cost = cost(query) + found.young.held + found.old.held;
            self.young.insert(key, found);
            self.grow(cost);
        }
        // It may have grown old at once.
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// The list in the young half.
    fn make(&mut self, query: &Q, order: ListOrder) -> &mut Found<Q::Id> {
        self.find(query, order);
        let key = (order, query.list());
        if !self.young.contains_key(&key) {
            self.grow(cost(query));
        }
        self.young.entry(key).or_default()
    }

    fn grow(&mut self, by: usize) {
        self.held += by;
        if self.held > HALF {
            self.old = mem::take(&mut self.young);
            self.held = 0;
        }
    }
}

/// What a list costs beside its pages.
fn cost(query: &impl Paged) -> usize {
    LIST_COST + query.search().map_or(0, |term| term.as_str().len() / 8)
}

fn end(query: &impl Paged) -> i64 {
    query.page().skip().saturating_add(query.page().limit())
}

#[cfg(test)]
mod tests;
