//! Where lists were read before: what lies before a deep page is walked once, not by every reader.
//!
//! A store keeps a number that every change of the order of its lists replaces by one that never stood there: one for the lists
//! of products, one for those of users. Readers get that number from the same snapshot as their page, and what they found is
//! remembered under it. So what is remembered under the number of a snapshot is true in it, however many write, in however many
//! processes, and on a replica too.

mod stretch;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::stretch::{STRIDE, Stretch, hops};
#[cfg(doc)]
use crate::catalog::rules::EXACT_SEARCH_TOTAL;
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
    /// What matches, counted up to one more than [`EXACT_SEARCH_TOTAL`].
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
            halves.keep(query, order, position, Known { ids: [*id].into(), is_last: false });
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
        self.remember_stretch(order, query, Stretch::of(query.page()), ids)
    }

    /// The same of another part of the query's list.
    pub fn remember_stretch(&self, order: ListOrder, query: &Q, stretch: Stretch, ids: Arc<[Q::Id]>) -> bool {
        let mut halves = self.halves();
        halves.latest = Some(order);
        if query.search().is_none() && stretch.begin.saturating_add(stretch.length) <= NEAR {
            return false;
        }
        let is_last = i64::try_from(ids.len()).is_ok_and(|read| read < stretch.length);
        halves.keep(query, order, stretch.begin, Known { ids, is_last });
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

/// No piece lies within another: of two, the one that begins later ends later.
impl<Id> Pages<Id> {
    /// The piece that is known nearest before a position, or there.
    fn before(&self, skip: i64) -> Option<(i64, &Known<Id>)> {
        self.pages.range(..=skip).next_back().map(|(begin, known)| (*begin, known))
    }

    /// Whether a piece is known already. If the list ends with it, that is known then too.
    fn knows(&mut self, begin: i64, piece: &Known<Id>) -> bool {
        let Some((at, known)) = self.pages.range_mut(..=begin).next_back() else { return false };
        let is_known = known.end(*at) >= piece.end(begin);
        known.is_last |= is_known && piece.is_last;
        is_known
    }

    /// Puts in a piece that is not known, for those that lie within it.
    fn put(&mut self, begin: i64, mut piece: Known<Id>) {
        let end = piece.end(begin);
        let within = |(at, known): (&i64, &Known<Id>)| (known.end(*at) <= end).then_some(*at);
        let within: Vec<i64> = self.pages.range(begin..).map_while(within).collect();
        for known in within.into_iter().filter_map(|at| self.pages.remove(&at)) {
            self.held -= known.cost();
            piece.is_last |= known.is_last;
        }
        self.held += piece.cost();
        self.pages.insert(begin, piece);
    }
}

impl<Id> Known<Id> {
    fn end(&self, begin: i64) -> i64 {
        begin.saturating_add(i64::try_from(self.ids.len()).unwrap_or(i64::MAX))
    }

    fn cost(&self) -> usize {
        PAGE_COST + self.ids.len()
    }
}

impl<Id> Found<Id> {
    /// What is known nearest before a position, or there: of what came lately and before, what goes on further.
    fn before(&self, skip: i64) -> Option<(i64, &Known<Id>)> {
        let nearest = [&self.young, &self.old].map(|half| half.before(skip));
        nearest.into_iter().flatten().max_by_key(|(begin, known)| (known.end(*begin), known.is_last))
    }

    /// Remembers a piece, unless all of it is remembered.
    fn keep(&mut self, begin: i64, piece: Known<Id>) {
        if self.young.knows(begin, &piece) {
            return;
        }
        if self.young.held + piece.cost() > OF_LIST {
            self.old = mem::take(&mut self.young);
        }
        self.young.put(begin, piece);
    }

    const fn held(&self) -> usize {
        self.young.held + self.old.held
    }
}

impl<Q: Paged> Halves<Q> {
    /// What is known of a list, which is in the young half then.
    fn find(&mut self, query: &Q, order: ListOrder) -> Option<&Found<Q::Id>> {
        let key = (order, query.list());
        if let Some((key, found)) = self.old.remove_entry(&key) {
            self.make_room(cost(query) + found.held());
            self.young.insert(key, found);
        }
        self.young.get(&key)
    }

    /// The list in the young half.
    fn make(&mut self, query: &Q, order: ListOrder) -> &mut Found<Q::Id> {
        if self.find(query, order).is_none() {
            self.make_room(cost(query));
        }
        self.young.entry((order, query.list())).or_default()
    }

    /// Keeps a piece of a list.
    fn keep(&mut self, query: &Q, order: ListOrder, begin: i64, piece: Known<Q::Id>) {
        let found = self.make(query, order);
        let before = found.held();
        found.keep(begin, piece);
        let after = found.held();
        self.held = self.held + after - before;
        if self.held > HALF {
            self.grow_old();
        }
    }

    /// For so many numbers more in the young half.
    fn make_room(&mut self, numbers: usize) {
        if self.held + numbers > HALF {
            self.grow_old();
        }
        self.held += numbers;
    }

    fn grow_old(&mut self) {
        self.old = mem::take(&mut self.young);
        self.held = 0;
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
