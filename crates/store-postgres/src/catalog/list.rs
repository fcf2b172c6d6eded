//! Pages of the catalogue: one statement without a search, two with one, whatever a page holds; one more for the first who goes
//! far, another if they search for something, and one for the first who searches for the same after a change.
//!
//! A page is a deferred join: an inner query finds the ids, on an index that has nothing else, and only the rows that are
//! shown are read. Its total comes with it from maintained counts.
//!
//! With a search the first statement looks the term up and counts to 10,001, which tells which of two ways the inner query
//! takes: *collect* the matches and sort them (good for rare terms), or *walk* the products in the order wanted and look
//! at each (good for common ones). A term in which words meet as in few products is collected by that alone
//! ([`parts`](slippers_core::catalog::search::parts)).
//!
//! What was found is remembered ([`Places`]) under the number of the lists' order, which comes with every page from its own
//! snapshot: the next page starts where this one ended, and neither it nor its total is looked for twice. Which order a
//! snapshot will have is a guess before it is read; where it was wrong, a page without a search is read once more. Who goes
//! far leaves a stone every 200 products, from which others start. The rows of a page whose products are known are looked for
//! where they were seen ([`Memory`]).

mod counting;
mod memory;
mod statement;
mod stretch;

use std::sync::Arc;

use slippers_core::StoreError;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SearchTerm, Slipper, SlipperPage, SlipperQuery, Sort};
use slippers_core::places::{Counted, ListOrder, Place, Places, Start, Stretch, hops};
use slippers_core::types::SlipperId;

pub(crate) use self::memory::Memory;
use self::memory::read_item;
use self::statement::{By, Statement, THE_ORDER, Way};
use self::stretch::stretch;
use super::search::{Lookup, lookup};
use super::seen::Spot;
use crate::db::{Cells, Db};
use crate::params::params;

/// A category of so many products is walked and never looked up: that takes some 2 ms at most, while the lookup of a term
/// that is common elsewhere could take long.
const SMALL_CATEGORY: i64 = 2_000;

/// Reads a page. With a search, both statements must see the same state of the database.
pub(super) async fn page(db: &Db, memory: &Memory, query: &SlipperQuery) -> Result<SlipperPage, StoreError> {
    match &query.search {
        None => page_of_all(db, memory, query).await,
        Some(term) => page_of_matches(db, memory, query, term).await,
    }
}

async fn page_of_all(db: &Db, memory: &Memory, query: &SlipperQuery) -> Result<SlipperPage, StoreError> {
    let places = &memory.places;
    let mut guess = places.latest();
    let mut start = guess.map_or(Start::Unknown, |order| places.start(order, query));
    let from = match start {
        Start::At(place) => Some(place),
        _ => None,
    };
    if !matches!(start, Start::Known(_)) && hops(query, from) > 0 {
        // From the beginning, so that no guess can mislead.
        if let Some((order, stone)) = lay_stones(db, places, query, &Way::All, None).await? {
            (guess, start) = (Some(order), Start::At(stone));
        }
    }
    let is_guess = start != Start::Unknown;
    let (way, from) = match start {
        Start::Known(ids) => (memory.known(db, ids), None),
        Start::At(place) => (Way::All, Some(place)),
        Start::Unknown => (Way::All, None),
    };
    let mut read = read_all(db, query, &way, from).await?;
    if is_guess && Some(read.order) != guess {
        read = read_all(db, query, &Way::All, None).await?;
    }
    let items = memory.remember(read.order, query, read.items);
    Ok(SlipperPage { items, total: read.total, total_is_exact: true })
}

/// Walks to a page that is far, leaves stones on the way for who comes next, and answers the last with the order of the lists.
async fn lay_stones(
    db: &Db,
    places: &Places,
    query: &SlipperQuery,
    way: &Way,
    from: Option<Place>,
) -> Result<Option<(ListOrder, Place)>, StoreError> {
    let statement = Statement::stones(query, way, from, hops(query, from));
    let read = |row: &Cells<'_>| Ok((ListOrder(row.int(0)?), SlipperId::new(row.int(1)?)));
    let (orders, ids): (Vec<_>, Vec<_>) =
        db.all(&statement.sql, statement.values, read).await?.into_iter().unzip();
    let Some(order) = orders.first() else { return Ok(None) };
    Ok(places.lay_stones(*order, query, from, &ids).map(|stone| (*order, stone)))
}

/// A page without a search, as one statement reads it.
struct Read {
    order: ListOrder,
    total: i64,
    items: Vec<(Slipper, Spot)>,
}

async fn read_all(db: &Db, query: &SlipperQuery, way: &Way, from: Option<Place>) -> Result<Read, StoreError> {
    let statement = Statement::page(query, way, from);
    let rows = db.all(&statement.sql, statement.values, |row| {
        Ok((ListOrder(row.int(0)?), row.int(1)?, read_item(row, query)?))
    });
    let rows = rows.await?;
    let (order, total) = rows
        .first()
        .map(|(order, total, _)| (*order, *total))
        .ok_or_else(|| StoreError::Corrupt("the count of products is gone".to_owned()))?;
    Ok(Read { order, total, items: rows.into_iter().filter_map(|(_, _, item)| item).collect() })
}

async fn page_of_matches(
    db: &Db,
    memory: &Memory,
    query: &SlipperQuery,
    term: &SearchTerm,
) -> Result<SlipperPage, StoreError> {
    let places = &memory.places;
    let lookup = lookup(term);
    if lookup == Lookup::Nowhere {
        return Ok(SlipperPage { items: Vec::new(), total: 0, total_is_exact: true });
    }
    let (order, counted) = count(db, places, query, term, &lookup).await?;
    let total = counted.matches.min(EXACT_SEARCH_TOTAL);
    let total_is_exact = counted.matches == total;
    places.remember_count(order, query, counted);
    if total_is_exact && query.page.skip() >= total {
        return Ok(SlipperPage { items: Vec::new(), total, total_is_exact });
    }
    let from = match places.start(order, query) {
        Start::Known(ids) => {
            let items = read_matches(db, query, &memory.known(db, ids), None).await?;
            return Ok(SlipperPage { items: memory.remember(order, query, items), total, total_is_exact });
        }
        Start::At(place) => Some(place),
        Start::Unknown => None,
    };
    let (mut way, mut from) = choose_way(query, term, lookup, &counted, from);
    if way.is_walked() && hops(query, from) > 0 {
        from = lay_stones(db, places, query, &way, from).await?.map(|(_, stone)| stone).or(from);
    }
    let stretch = stretch(query, &way, from);
    if stretch != Stretch::of(query.page) {
        let ids = Statement::stretch(query, &way, from, stretch.of_all(counted.matches));
        let ids = db.all(&ids.sql, ids.values, |row| row.int(0).map(SlipperId::new)).await?;
        let ids: Arc<[SlipperId]> = ids.into();
        places.remember_stretch(order, query, stretch, Arc::clone(&ids));
        (way, from) = (memory.known(db, stretch.cut(query.page, ids)), None);
    }
    let items = read_matches(db, query, &way, from).await?;
    Ok(SlipperPage { items: memory.remember(order, query, items), total, total_is_exact })
}

async fn read_matches(
    db: &Db,
    query: &SlipperQuery,
    way: &Way,
    from: Option<Place>,
) -> Result<Vec<(Slipper, Spot)>, StoreError> {
    let page = Statement::page(query, way, from);
    let rows = db.all(&page.sql, page.values, |row| read_item(row, query)).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// The order of the lists, and what the search finds.
async fn count(
    db: &Db,
    places: &Places,
    query: &SlipperQuery,
    term: &SearchTerm,
    lookup: &Lookup,
) -> Result<(ListOrder, Counted), StoreError> {
    let known = places.latest().and_then(|order| Some((order, places.counted(order, query)?)));
    // A statement of its own: in a category PostgreSQL would plan the count each time, which takes longer than this.
    if let Some((order, counted)) = known
        && db.one(THE_ORDER, params![], |row| row.int(0)).await? == order.0
    {
        return Ok((order, counted));
    }
    let count = Statement::count(query, term, lookup);
    db.one(&count.sql, count.values, |row| {
        // Counted from 1.
        let joint = row.get::<Option<i64>>(3)?.and_then(|place| usize::try_from(place - 1).ok());
        Ok((ListOrder(row.int(0)?), Counted { matches: row.int(1)?, products: row.int(2)?, joint }))
    })
    .await
}

/// Walking looks at some `products / matches` rows for each one found; collecting looks at every match once. Grams are
/// kept in the order of the numbers, so there collecting stops as early as walking does, and looks at matches only.
fn choose_way(
    query: &SlipperQuery,
    term: &SearchTerm,
    lookup: Lookup,
    counted: &Counted,
    from: Option<Place>,
) -> (Way, Option<Place>) {
    let joint = counted.joint.and_then(|place| term.joints().get(place).map(|&joint| joint.to_owned()));
    let term = term.as_str().to_owned();
    if let Some(joint) = joint {
        return (Way::Collect(By::Joint(joint), term), None);
    }
    if query.category.is_some() && counted.products <= SMALL_CATEGORY {
        return (Way::Walk(term), from);
    }
    let by_id = matches!(query.sort, Sort::IdAsc | Sort::IdDesc) && query.category.is_none();
    if by_id && let Lookup::Gram(gram) = lookup {
        return (Way::Gram(gram), from);
    }
    let walked = Stretch::around(query.page, from).end() - from.map_or(0, |place| place.position);
    let walked = walked.saturating_mul(counted.products);
    let is_exact = counted.matches <= EXACT_SEARCH_TOTAL;
    if is_exact && walked / counted.matches.max(1) > counted.matches {
        (Way::Collect(By::Term(lookup), term), None)
    } else {
        (Way::Walk(term), from)
    }
}
