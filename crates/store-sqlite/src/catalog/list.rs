//! Pages of the catalogue: three statements at most, whatever a page holds; one more for the first who goes far.
//!
//! The first counts: from maintained counts without a search, else by looking the term up and counting to 10,001. The
//! second finds the ids, on an index that has nothing else (half-way through 100,000 products 0.7 ms against 39 ms with rows).
//! The third reads the rows that are not in memory ([`RowCache`]), so a page that is asked for again needs no third.
//!
//! With a search there are two ways to find ids, and the count tells which is shorter: *collect* the matches and sort
//! them (good for rare terms), or *walk* the products in the order wanted and look at each (good for common ones). A term in
//! which words meet as in few products is collected by that alone ([`parts`](slippers_core::catalog::search::parts)).
//!
//! What was found is remembered ([`Places`]) under the number of the lists' order, which the first statement reads in the
//! page's own snapshot: the next page starts where this one ended, and neither it nor its total is looked for twice. Who
//! goes far leaves a stone every 200 products, from which others start, and reads what stands beside the page with it
//! ([`Stretch`]): of a search for which each product is looked at all that is passed on the way, and all that has to be sorted.

mod counting;
mod statement;

use std::sync::Arc;

use slippers_core::StoreError;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SlipperPage, SlipperQuery, Sort};
use slippers_core::places::{Counted, ListOrder, Place, Places, Start, Stretch, hops};
use slippers_core::types::SlipperId;

use self::counting::count_statement;
use self::statement::{By, Matches, Way, ids_statement, stones_statement};
use super::row_cache::{Changes, Moment, RowCache};
use super::search::lookup;
use crate::db::Db;

/// What is walked past so many ids at most, and not searched, is read inline: at 0.05 µs each.
const SHORT_WALK: i64 = 1_000;
/// A category of so many products is walked and never looked up: that takes some 2 ms at most, while the lookup of a term
/// that is common elsewhere could take long.
const SMALL_CATEGORY: i64 = 2_000;

/// How long a reader may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// No longer than a hop to another thread is worth.
    Short,
    /// As long as it takes.
    Long,
}

/// Whether the page is so cheap, unless the order of the lists has changed.
pub(super) fn may_be_short(remembered: &Remembered, query: &SlipperQuery) -> bool {
    let places = &remembered.places;
    let start = places.latest().map_or(Start::Unknown, |order| places.start(order, query));
    is_short(query, &start)
}

fn is_short(query: &SlipperQuery, start: &Start) -> bool {
    let walk = match start {
        Start::Known(_) => return true,
        Start::At(place) => query.page.skip() - place.position,
        Start::Unknown => query.page.skip(),
    };
    query.search.is_none() && walk <= SHORT_WALK
}

/// What is remembered of lists that were read.
#[derive(Default)]
pub(crate) struct Remembered {
    places: Places,
    rows: RowCache,
}

/// Reads a page, or nothing where that takes longer than there is patience for. All statements must see the same state of
/// the database.
pub(super) fn page(
    db: &Db<'_>,
    remembered: &Remembered,
    query: &SlipperQuery,
    patience: Patience,
) -> Result<Option<SlipperPage>, StoreError> {
    let Remembered { places, rows } = remembered;
    let Some(Count { order, counted, changes }) = count(db, remembered, query, patience)? else {
        return Ok(None);
    };
    let total = counted.matches.min(if query.search.is_some() { EXACT_SEARCH_TOTAL } else { i64::MAX });
    let total_is_exact = total == counted.matches;
    if query.search.is_some() {
        places.remember_count(order, query, counted);
    }
    if total_is_exact && query.page.skip() >= total {
        return Ok(Some(SlipperPage { items: Vec::new(), total, total_is_exact }));
    }
    let start = places.start(order, query);
    if patience == Patience::Short && !is_short(query, &start) {
        return Ok(None);
    }
    let ids = match start {
        Start::Known(ids) => ids,
        Start::At(place) => find_ids(db, places, order, query, &counted, Some(place))?,
        Start::Unknown => find_ids(db, places, order, query, &counted, None)?,
    };
    let items = rows.read(db, &changes, &ids, query.with_images)?;
    Ok(Some(SlipperPage { items, total, total_is_exact }))
}

/// What stands on a page that was not read before. What stands beside it is read with it.
fn find_ids(
    db: &Db<'_>,
    places: &Places,
    order: ListOrder,
    query: &SlipperQuery,
    counted: &Counted,
    from: Option<Place>,
) -> Result<Arc<[SlipperId]>, StoreError> {
    let (way, from) = choose_way(query, counted, from);
    let from = come_nearer(db, places, order, query, &way, from)?;
    let stretch = stretch(query, &way, from);
    let statement = ids_statement(query, &way, from, stretch.of_all(counted.matches));
    let values = rusqlite::params_from_iter(&statement.values);
    let ids: Arc<[SlipperId]> = db.all(&statement.sql, values, |row| row.int(0).map(SlipperId::new))?.into();
    places.remember_stretch(order, query, stretch, Arc::clone(&ids));
    Ok(stretch.cut(query.page, ids))
}

/// The part of a list that is read for a page.
fn stretch(query: &SlipperQuery, way: &Way, from: Option<Place>) -> Stretch {
    match way {
        Way::Walk(_) => Stretch::passed(query.page, from),
        Way::Collect(_) if !way.is_walked(query.sort) => Stretch::sorted(query.page),
        Way::All | Way::Collect(_) => Stretch::around(query.page, from),
    }
}

/// What the first statement of a page tells.
struct Count {
    order: ListOrder,
    counted: Counted,
    changes: Changes,
}

/// The order of the lists and what the list holds; nothing where it is not known what a search finds and there is no
/// patience to count it.
fn count(
    db: &Db<'_>,
    remembered: &Remembered,
    query: &SlipperQuery,
    patience: Patience,
) -> Result<Option<Count>, StoreError> {
    let places = &remembered.places;
    let guess = query.search.as_ref().and(places.latest());
    let guess = guess.and_then(|order| Some((order, places.counted(order, query)?)));
    let since = remembered.rows.as_of();
    let statement = count_statement(query, guess.map(|(order, _)| order), patience, since);
    let values = rusqlite::params_from_iter(&statement.values);
    let (order, matches, products, changes, joint) = db.one(&statement.sql, values, |row| {
        let joint = row.get::<Option<i64>>(7)?.and_then(|place| usize::try_from(place).ok());
        let last = row.get::<Option<i64>>(3)?.map(|number| Ok(Moment { number, mark: row.int(4)? }));
        let last = last.transpose()?.unwrap_or_default();
        let changes = Changes { since, mark_of_since: row.get(5)?, last, slippers: row.json(6)? };
        Ok((ListOrder(row.int(0)?), row.get::<Option<i64>>(1)?, row.int(2)?, changes, joint))
    })?;
    let counted = match (matches, guess) {
        (Some(matches), _) => Some(Counted { matches, products, joint }),
        (None, Some((guessed, counted))) if guessed == order => Some(counted),
        (None, _) => None,
    };
    Ok(counted.map(|counted| Count { order, counted, changes }))
}

/// Walks to a page that is far, and leaves stones on the way for who comes next; unless all on the way is to be told.
fn come_nearer(
    db: &Db<'_>,
    places: &Places,
    order: ListOrder,
    query: &SlipperQuery,
    way: &Way,
    from: Option<Place>,
) -> Result<Option<Place>, StoreError> {
    let hops = hops(query, from);
    if hops == 0 || !way.is_walked(query.sort) || matches!(way, Way::Walk(_)) {
        return Ok(from);
    }
    let statement = stones_statement(query, way, from, hops);
    let values = rusqlite::params_from_iter(&statement.values);
    let stones = db.all(&statement.sql, values, |row| row.int(0).map(SlipperId::new))?;
    Ok(places.lay_stones(order, query, from, &stones).or(from))
}

/// Walking looks at some `products / matches` rows for each one found; collecting looks at every match once. Where the
/// matches are found in the order wanted, collecting stops as early as walking does, and looks at matches only.
fn choose_way(query: &SlipperQuery, counted: &Counted, from: Option<Place>) -> (Way, Option<Place>) {
    let Some(search) = &query.search else { return (Way::All, from) };
    let term = search.as_str().to_owned();
    let is_by_id = matches!(query.sort, Sort::IdAsc | Sort::IdDesc) && query.category.is_none();
    if let Some(joint) =
        counted.joint.and_then(|place| search.joints().get(place).map(|&joint| joint.to_owned()))
    {
        return (Way::Collect(Matches { by: By::Joint(joint), term }), from.filter(|_| is_by_id));
    }
    if query.category.is_some() && counted.products <= SMALL_CATEGORY {
        return (Way::Walk(term), from);
    }
    let matches = Matches { by: By::Term(lookup(search)), term };
    if is_by_id {
        return (Way::Collect(matches), from);
    }
    let walked = Stretch::passed(query.page, from).end() - from.map_or(0, |place| place.position);
    let walked = walked.saturating_mul(counted.products);
    let is_exact = counted.matches <= EXACT_SEARCH_TOTAL;
    if is_exact && walked / counted.matches.max(1) > counted.matches {
        (Way::Collect(matches), None)
    } else {
        (Way::Walk(matches.term), from)
    }
}

#[cfg(test)]
mod tests;
