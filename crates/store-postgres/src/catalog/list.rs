//! Pages of the catalogue: one statement without a search, two with one, whatever a page holds.
//!
//! A page is a deferred join: an inner query finds the ids, on an index that has nothing else, and only the rows that are
//! shown are read. Its total comes with it from maintained counts.
//!
//! With a search the first statement looks the term up and counts to 10,001, which tells which of two ways the inner query
//! takes: *collect* the matches and sort them (good for rare terms), or *walk* the products in the order wanted and look
//! at each (good for common ones).

mod statement;

use slippers_core::StoreError;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SearchTerm, Slipper, SlipperPage, SlipperQuery, Sort};

use self::statement::{Statement, Way};
use super::rows::{read_slipper, read_slipper_alone};
use super::search::{Lookup, lookup};
use crate::db::{Cells, Db};

/// A category of so many products is walked and never looked up: that takes some 2 ms at most, while the lookup of a term
/// that is common elsewhere could take long.
const SMALL_CATEGORY: i64 = 2_000;

/// Reads a page. With a search, both statements must see the same state of the database.
pub(super) async fn page(db: &Db, query: &SlipperQuery) -> Result<SlipperPage, StoreError> {
    match &query.search {
        None => page_of_all(db, query).await,
        Some(term) => page_of_matches(db, query, term).await,
    }
}

async fn page_of_all(db: &Db, query: &SlipperQuery) -> Result<SlipperPage, StoreError> {
    let statement = Statement::page(query, &Way::All);
    let rows =
        db.all(&statement.sql, statement.values, |row| Ok((row.int(0)?, read_item(row, query.with_images)?)));
    let rows = rows.await?;
    let total = rows
        .first()
        .map(|(total, _)| *total)
        .ok_or_else(|| StoreError::Corrupt("the count of products is gone".to_owned()))?;
    let items = rows.into_iter().filter_map(|(_, item)| item).collect();
    Ok(SlipperPage { items, total, total_is_exact: true })
}

/// An empty page is one row without a product.
fn read_item(row: &Cells<'_>, with_images: bool) -> Result<Option<Slipper>, StoreError> {
    if row.get::<Option<i64>>(1)?.is_none() {
        return Ok(None);
    }
    if with_images { read_slipper(row, 1).map(Some) } else { read_slipper_alone(row, 1).map(Some) }
}

async fn page_of_matches(
    db: &Db,
    query: &SlipperQuery,
    term: &SearchTerm,
) -> Result<SlipperPage, StoreError> {
    let lookup = lookup(term);
    if lookup == Lookup::Nowhere {
        return Ok(SlipperPage { items: Vec::new(), total: 0, total_is_exact: true });
    }
    let count = Statement::count(query, term, &lookup);
    let counted = db
        .one(&count.sql, count.values, |row| Ok(Counted { matches: row.int(0)?, products: row.int(1)? }))
        .await?;
    let total = counted.matches.min(EXACT_SEARCH_TOTAL);
    let total_is_exact = counted.matches == total;
    if total_is_exact && query.page.skip() >= total {
        return Ok(SlipperPage { items: Vec::new(), total, total_is_exact });
    }
    let page = Statement::page(query, &choose_way(query, term, lookup, &counted));
    let rows = db.all(&page.sql, page.values, |row| read_item(row, query.with_images)).await?;
    Ok(SlipperPage { items: rows.into_iter().flatten().collect(), total, total_is_exact })
}

struct Counted {
    /// Up to one more than [`EXACT_SEARCH_TOTAL`].
    matches: i64,
    /// Products of the list without the search.
    products: i64,
}

/// Walking looks at some `products / matches` rows for each one found; collecting looks at every match once. Grams are
/// kept in the order of the numbers, so there collecting stops as early as walking does, and looks at matches only.
fn choose_way(query: &SlipperQuery, term: &SearchTerm, lookup: Lookup, counted: &Counted) -> Way {
    let walk = || Way::Walk(term.as_str().to_owned());
    if query.category.is_some() && counted.products <= SMALL_CATEGORY {
        return walk();
    }
    let by_id = matches!(query.sort, Sort::IdAsc | Sort::IdDesc) && query.category.is_none();
    if by_id && let Lookup::Gram(gram) = lookup {
        return Way::Gram(gram);
    }
    let wanted = query.page.skip().saturating_add(query.page.limit());
    let walked = wanted.saturating_mul(counted.products) / counted.matches.max(1);
    let is_exact = counted.matches <= EXACT_SEARCH_TOTAL;
    if is_exact && walked > counted.matches { Way::Collect(lookup, term.as_str().to_owned()) } else { walk() }
}
