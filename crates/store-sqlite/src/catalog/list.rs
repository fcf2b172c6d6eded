//! Pages of the catalogue: two statements, whatever a page holds.
//!
//! The first counts: from maintained counts without a search, else by looking the term up and counting to 10,001. The
//! second reads the page as a deferred join: an inner query finds the ids, on an index that has nothing else, and only
//! the rows that are shown are read (half-way through 100,000 products 0.7 ms against 39 ms).
//!
//! With a search the inner query has two ways, and the count tells which is shorter: *collect* the matches and sort
//! them (good for rare terms), or *walk* the products in the order wanted and look at each (good for common ones).

use std::fmt::Write as _;

use rusqlite::types::Value;
use slippers_core::StoreError;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SearchTerm, SlipperPage, SlipperQuery, Sort};
use slippers_core::types::CategoryId;

use super::rows::{images_of_slipper, read_slipper, read_slipper_alone, slipper_columns};
use super::search::{Lookup, lookup};
use crate::db::Db;

/// A page without a search that starts no later is read inline: it walks an index past so many ids at 0.05 µs each.
const SHORT_SKIP: i64 = 1_000;
/// A category of so many products is walked and never looked up: that takes some 2 ms at most, while the lookup of a term
/// that is common elsewhere could take long.
const SMALL_CATEGORY: i64 = 2_000;

/// Whether the page is so cheap that it is not worth a hop to another thread.
pub(super) fn is_short(query: &SlipperQuery) -> bool {
    query.search.is_none() && query.page.skip() <= SHORT_SKIP
}

/// Reads a page. Both statements must see the same state of the database.
pub(super) fn page(db: &Db<'_>, query: &SlipperQuery) -> Result<SlipperPage, StoreError> {
    let (total, total_is_exact, way) = match &query.search {
        None => (count_all(db, query)?, true, Way::All),
        Some(term) => {
            let counted = count_matches(db, query, term)?;
            let is_exact = counted.matches <= EXACT_SEARCH_TOTAL;
            (counted.matches.min(EXACT_SEARCH_TOTAL), is_exact, choose_way(query, term, &counted))
        }
    };
    if total_is_exact && query.page.skip() >= total {
        return Ok(SlipperPage { items: Vec::new(), total, total_is_exact });
    }
    let statement = page_statement(query, &way);
    let read = if query.with_images { read_slipper } else { read_slipper_alone };
    let items = db.all(&statement.sql, rusqlite::params_from_iter(&statement.values), read)?;
    Ok(SlipperPage { items, total, total_is_exact })
}

const COUNT_ALL: &str = "SELECT value FROM shop_counters WHERE name = 'slippers'";
const COUNT_CATEGORY: &str = "SELECT slipper_count FROM categories WHERE id = ?1";

fn count_all(db: &Db<'_>, query: &SlipperQuery) -> Result<i64, StoreError> {
    match query.category {
        None => db.one(COUNT_ALL, [], |row| row.int(0)),
        Some(category) => Ok(db.first(COUNT_CATEGORY, [category.get()], |row| row.int(0))?.unwrap_or(0)),
    }
}

/// One row for each match, without a look at the product.
const MATCH: &str = "SELECT 1";

/// How the inner query of a page finds its ids.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// Every product of the list.
    All,
    /// In the order wanted, looking at each product.
    Walk(String),
    /// By looking the term up, then in order.
    Collect(Matches),
}

/// A term that is looked up.
#[derive(Debug, PartialEq, Eq)]
struct Matches {
    lookup: Lookup,
    term: String,
}

struct Counted {
    /// Up to one more than [`EXACT_SEARCH_TOTAL`].
    matches: i64,
    /// Products of the list without the search.
    products: i64,
}

fn count_matches(db: &Db<'_>, query: &SlipperQuery, term: &SearchTerm) -> Result<Counted, StoreError> {
    let mut count = Statement::default();
    let matches = Matches { lookup: lookup(term), term: term.as_str().to_owned() };
    let limit = EXACT_SEARCH_TOTAL + 1;
    count.push("SELECT ");
    match query.category {
        None => count.counting(limit, |inner| inner.matches(MATCH, &matches, None)),
        Some(category) => {
            let category = category.get();
            count.push("CASE WHEN (SELECT slipper_count FROM categories WHERE id = ");
            count.bind(category);
            count.push(") <= ");
            count.bind(SMALL_CATEGORY);
            count.push(" THEN ");
            count.counting(limit, |inner| {
                inner.push(
                    "SELECT 1 FROM slippers s INDEXED BY slippers_by_category_id WHERE s.category_id = ",
                );
                inner.bind(category);
                inner.push(" AND ");
                inner.contains(&matches.term);
            });
            count.push(" ELSE ");
            count.counting(limit, |inner| inner.matches(MATCH, &matches, Some(category)));
            count.push(" END");
        }
    }
    count.push(", coalesce((");
    match query.category {
        None => count.push(COUNT_ALL),
        Some(category) => {
            count.push("SELECT slipper_count FROM categories WHERE id = ");
            count.bind(category.get());
        }
    }
    count.push("), 0)");
    db.one(&count.sql, rusqlite::params_from_iter(&count.values), |row| {
        Ok(Counted { matches: row.int(0)?, products: row.int(1)? })
    })
}

/// Walking looks at some `products / matches` rows for each one found; collecting looks at every match once. Where the
/// matches are found in the order wanted, collecting stops as early as walking does, and looks at matches only.
fn choose_way(query: &SlipperQuery, term: &SearchTerm, counted: &Counted) -> Way {
    let lookup = lookup(term);
    let term = term.as_str().to_owned();
    let is_small = query.category.is_some() && counted.products <= SMALL_CATEGORY;
    if is_small || lookup == Lookup::Nowhere {
        return Way::Walk(term);
    }
    let in_order = matches!(query.sort, Sort::IdAsc | Sort::IdDesc) && query.category.is_none();
    let wanted = query.page.skip().saturating_add(query.page.limit());
    let walked = wanted.saturating_mul(counted.products) / counted.matches.max(1);
    let is_exact = counted.matches <= EXACT_SEARCH_TOTAL;
    if in_order || (is_exact && walked > counted.matches) {
        Way::Collect(Matches { lookup, term })
    } else {
        Way::Walk(term)
    }
}

fn page_statement(query: &SlipperQuery, way: &Way) -> Statement {
    let mut page = Statement::default();
    page.push(concat!("SELECT ", slipper_columns!()));
    if query.with_images {
        page.push(concat!(", ", images_of_slipper!()));
    }
    page.push(" FROM (");
    page.inner(query, way);
    page.push(
        ") page CROSS JOIN slippers s ON s.id = page.id LEFT JOIN categories c ON c.id = s.category_id",
    );
    page.order("s", query.sort);
    page
}

/// A statement under construction, with the values it is run with.
#[derive(Default)]
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        // Writing to a String can't fail.
        let _ = write!(self.sql, "?{}", self.values.len());
    }

    /// The ids of a page.
    fn inner(&mut self, query: &SlipperQuery, way: &Way) {
        let category = query.category.map(CategoryId::get);
        match way {
            Way::Collect(matches) => self.matches("SELECT s.id AS id", matches, category),
            Way::All | Way::Walk(_) => {
                // Named, so that no statistics ever talk SQLite into sorting the table instead.
                self.push("SELECT s.id AS id FROM slippers s INDEXED BY ");
                self.push(index(query.sort, category.is_some()));
                self.push(" WHERE ");
                match category {
                    Some(category) => {
                        self.push("s.category_id = ");
                        self.bind(category);
                    }
                    None => self.push("true"),
                }
                if let Way::Walk(term) = way {
                    self.push(" AND ");
                    self.contains(term);
                }
            }
        }
        match way {
            // In the lookup's own order, which is by id: no sorting.
            Way::Collect(_) if matches!(query.sort, Sort::IdAsc | Sort::IdDesc) => {
                self.push(" ORDER BY m.id");
                self.push(direction(query.sort));
            }
            _ => self.order("s", query.sort),
        }
        self.push(" LIMIT ");
        self.bind(query.page.limit());
        self.push(" OFFSET ");
        self.bind(query.page.skip());
    }

    /// `select` from the products that match: `m` has their ids, and unless it is [`MATCH`], `s` their rows.
    fn matches(&mut self, select: &str, matches: &Matches, category: Option<i64>) {
        self.push(select);
        let mut must_look = false;
        match &matches.lookup {
            Lookup::Gram => {
                self.push(" FROM (SELECT slipper_id AS id FROM slipper_grams WHERE gram = ");
                self.bind(matches.term.clone());
            }
            Lookup::Trigrams { phrase, is_whole } => {
                must_look = !is_whole;
                self.push(" FROM (SELECT rowid AS id FROM slipper_search WHERE slipper_search MATCH ");
                self.bind(phrase.clone());
            }
            Lookup::Nowhere => {
                must_look = true;
                self.push(" FROM (SELECT id FROM slippers");
            }
        }
        self.push(") m");
        if let Some(category) = category {
            // By the index alone: the rows of other categories are not read.
            self.push(" CROSS JOIN slippers k INDEXED BY slippers_by_category_id ON k.category_id = ");
            self.bind(category);
            self.push(" AND k.id = m.id");
        }
        if must_look || select != MATCH {
            self.push(" CROSS JOIN slippers s ON s.id = m.id");
        }
        if must_look {
            self.push(" WHERE ");
            self.contains(&matches.term);
        }
    }

    /// What [`SearchTerm::matches`] says, in SQL.
    fn contains(&mut self, term: &str) {
        self.push("(instr(s.name_key, ");
        self.bind(term.to_owned());
        let place = self.values.len();
        let _ = write!(self.sql, ") > 0 OR instr(s.size_key, ?{place}) > 0)");
    }

    /// A scalar query that counts the rows of `inner`, up to `limit`.
    fn counting(&mut self, limit: i64, inner: impl FnOnce(&mut Self)) {
        self.push("(SELECT count(*) FROM (");
        inner(self);
        self.push(" LIMIT ");
        self.bind(limit);
        self.push("))");
    }

    fn order(&mut self, table: &str, sort: Sort) {
        let direction = direction(sort);
        let _ = match key(sort) {
            Some(key) => write!(self.sql, " ORDER BY {table}.{key}{direction}, {table}.id{direction}"),
            None => write!(self.sql, " ORDER BY {table}.id{direction}"),
        };
    }
}

const fn direction(sort: Sort) -> &'static str {
    match sort {
        Sort::IdAsc | Sort::NameAsc | Sort::PriceAsc | Sort::CreatedAsc => "",
        Sort::IdDesc | Sort::NameDesc | Sort::PriceDesc | Sort::CreatedDesc => " DESC",
    }
}

const fn key(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::IdAsc | Sort::IdDesc => None,
        Sort::NameAsc | Sort::NameDesc => Some("name_key"),
        Sort::PriceAsc | Sort::PriceDesc => Some("price_minor"),
        Sort::CreatedAsc | Sort::CreatedDesc => Some("created_at"),
    }
}

const fn index(sort: Sort, of_category: bool) -> &'static str {
    match (sort, of_category) {
        (Sort::IdAsc | Sort::IdDesc, false) => "slippers_by_id",
        (Sort::NameAsc | Sort::NameDesc, false) => "slippers_by_name",
        (Sort::PriceAsc | Sort::PriceDesc, false) => "slippers_by_price",
        (Sort::CreatedAsc | Sort::CreatedDesc, false) => "slippers_by_created",
        (Sort::IdAsc | Sort::IdDesc, true) => "slippers_by_category_id",
        (Sort::NameAsc | Sort::NameDesc, true) => "slippers_by_category_name",
        (Sort::PriceAsc | Sort::PriceDesc, true) => "slippers_by_category_price",
        (Sort::CreatedAsc | Sort::CreatedDesc, true) => "slippers_by_category_created",
    }
}

#[cfg(test)]
mod tests;
