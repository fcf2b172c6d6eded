//! The statements of a page.

use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::types::Value;
use slippers_core::catalog::places::{ListOrder, Place};
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SlipperQuery, Sort};
use slippers_core::types::{CategoryId, SlipperId};

use super::super::rows::{images_of_slipper, slipper_columns};
use super::super::search::{Lookup, lookup};
use super::{Patience, SMALL_CATEGORY};

const ORDER: &str = "(SELECT value FROM shop_counters WHERE name = 'list_order')";
const COUNT_ALL: &str = "(SELECT value FROM shop_counters WHERE name = 'slippers')";

/// One row for each match, without a look at the product.
const MATCH: &str = "SELECT 1";

/// How the inner query of a page finds its ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Every product of the list.
    All,
    /// In the order wanted, looking at each product.
    Walk(String),
    /// By looking the term up, then in order.
    Collect(Matches),
    /// It was read before: these.
    Known(Arc<[SlipperId]>),
}

/// A term that is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matches {
    pub(super) lookup: Lookup,
    pub(super) term: String,
}

/// The order of the lists; how many the search finds, up to one more than [`EXACT_SEARCH_TOTAL`], or NULL where the order
/// is the `known` one or there is no patience to count; how many products the list has.
pub(super) fn count_statement(
    query: &SlipperQuery,
    known: Option<ListOrder>,
    patience: Patience,
) -> Statement {
    let mut count = Statement::default();
    count.push("SELECT ");
    count.push(ORDER);
    count.push(", ");
    match (&query.search, known) {
        (None, _) => count.products(query.category),
        (Some(_), _) if patience == Patience::Short => count.push("NULL"),
        (Some(term), known) => {
            if let Some(order) = known {
                count.push("CASE WHEN ");
                count.push(ORDER);
                count.push(" = ");
                count.bind(order.0);
                count.push(" THEN NULL ELSE ");
            }
            count.found(query.category, &Matches { lookup: lookup(term), term: term.as_str().to_owned() });
            if known.is_some() {
                count.push(" END");
            }
        }
    }
    count.push(", ");
    count.products(query.category);
    count
}

/// A page, walked to from a product on the way if there is one.
pub(super) fn page_statement(query: &SlipperQuery, way: &Way, from: Option<Place>) -> Statement {
    let mut page = Statement::default();
    page.push(concat!("SELECT ", slipper_columns!()));
    if query.with_images {
        page.push(concat!(", ", images_of_slipper!()));
    }
    page.push(" FROM (");
    page.inner(query, way, from);
    page.push(
        ") page CROSS JOIN slippers s ON s.id = page.id LEFT JOIN categories c ON c.id = s.category_id",
    );
    page.order("s", query.sort);
    page
}

/// A statement under construction, with the values it is run with.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
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

    /// How many products there are without a search.
    fn products(&mut self, category: Option<CategoryId>) {
        match category {
            None => self.push(COUNT_ALL),
            Some(category) => {
                self.push("coalesce((SELECT slipper_count FROM categories WHERE id = ");
                self.bind(category.get());
                self.push("), 0)");
            }
        }
    }

    /// How many products match.
    fn found(&mut self, category: Option<CategoryId>, matches: &Matches) {
        let Some(category) = category else {
            return self.counting(|inner| inner.matches(MATCH, matches, None));
        };
        self.push("CASE WHEN ");
        self.products(Some(category));
        let _ = write!(self.sql, " <= {SMALL_CATEGORY} THEN ");
        self.counting(|inner| {
            inner.push("SELECT 1 FROM slippers s INDEXED BY slippers_by_category_id WHERE s.category_id = ");
            inner.bind(category.get());
            inner.push(" AND ");
            inner.contains(&matches.term);
        });
        self.push(" ELSE ");
        self.counting(|inner| inner.matches(MATCH, matches, Some(category.get())));
        self.push(" END");
    }

    /// The ids of a page.
    fn inner(&mut self, query: &SlipperQuery, way: &Way, from: Option<Place>) {
        let category = query.category.map(CategoryId::get);
        match way {
            Way::Known(ids) => {
                self.push("SELECT value AS id FROM json_each(");
                let ids: Vec<String> = ids.iter().map(|id| id.get().to_string()).collect();
                self.bind(format!("[{}]", ids.join(",")));
                self.push(")");
                return;
            }
            Way::Collect(matches) => {
                self.matches("SELECT s.id AS id", matches, category);
                if let Some(place) = from {
                    self.push(if matches.must_look() { " AND m.id " } else { " WHERE m.id " });
                    self.push(onwards(query.sort));
                    self.push("= ");
                    self.bind(place.id.get());
                }
            }
            Way::All | Way::Walk(_) => match (from, key(query.sort)) {
                // The rest of those with its key, then the keys beyond: SQLite looks up a row value, `(key, id) > (…)`, by the
                // key alone where the id is the row's number, and would walk past all that share it.
                (Some(place), Some(key)) => {
                    self.push("SELECT id FROM (");
                    self.walk(query, way, Some((key, "=", place)));
                    self.push(" AND s.id ");
                    self.push(onwards(query.sort));
                    self.push("= ");
                    self.bind(place.id.get());
                    self.push(" UNION ALL ");
                    self.walk(query, way, Some((key, onwards(query.sort), place)));
                    let direction = direction(query.sort);
                    let _ = write!(self.sql, " ORDER BY 2{direction}, 1{direction}");
                    self.limit(query, from);
                    self.push(")");
                    return;
                }
                (from, _) => {
                    self.walk(query, way, from.map(|place| ("id", onwards(query.sort), place)));
                }
            },
        }
        match way {
            // In the lookup's own order, which is by id: no sorting.
            Way::Collect(_) if matches!(query.sort, Sort::IdAsc | Sort::IdDesc) => {
                self.push(" ORDER BY m.id");
                self.push(direction(query.sort));
            }
            _ => self.order("s", query.sort),
        }
        self.limit(query, from);
    }

    fn limit(&mut self, query: &SlipperQuery, from: Option<Place>) {
        self.push(" LIMIT ");
        self.bind(query.page.limit());
        self.push(" OFFSET ");
        self.bind(query.page.skip() - from.map_or(0, |place| place.position));
    }

    /// The ids of a list, and what it is ordered by, as far as they compare so with a product's.
    fn walk(&mut self, query: &SlipperQuery, way: &Way, from: Option<(&str, &str, Place)>) {
        // The index is named, so that no statistics ever talk SQLite into sorting the table instead.
        let index = index(query.sort, query.category.is_some());
        let key = key(query.sort).unwrap_or("id");
        let _ = write!(self.sql, "SELECT s.id AS id, s.{key} FROM slippers s INDEXED BY {index} WHERE ");
        match query.category {
            Some(category) => {
                self.push("s.category_id = ");
                self.bind(category.get());
            }
            None => self.push("true"),
        }
        if let Way::Walk(term) = way {
            self.push(" AND ");
            self.contains(term);
        }
        if let Some((column, compares, place)) = from {
            let _ = if column == "id" {
                write!(self.sql, " AND s.id {compares}= ")
            } else {
                write!(self.sql, " AND s.{column} {compares} (SELECT {column} FROM slippers WHERE id = ")
            };
            self.bind(place.id.get());
            self.push(if column == "id" { "" } else { ")" });
        }
    }

    /// `select` from the products that match: `m` has their ids, and unless it is [`MATCH`], `s` their rows.
    fn matches(&mut self, select: &str, matches: &Matches, category: Option<i64>) {
        self.push(select);
        match &matches.lookup {
            Lookup::Gram => {
                self.push(" FROM (SELECT slipper_id AS id FROM slipper_grams WHERE gram = ");
                self.bind(matches.term.clone());
            }
            Lookup::Trigrams { phrase, .. } => {
                self.push(" FROM (SELECT rowid AS id FROM slipper_search WHERE slipper_search MATCH ");
                self.bind(phrase.clone());
            }
            Lookup::Nowhere => self.push(" FROM (SELECT id FROM slippers"),
        }
        self.push(") m");
        if let Some(category) = category {
            // By the index alone: the rows of other categories are not read.
            self.push(" CROSS JOIN slippers k INDEXED BY slippers_by_category_id ON k.category_id = ");
            self.bind(category);
            self.push(" AND k.id = m.id");
        }
        if matches.must_look() || select != MATCH {
            self.push(" CROSS JOIN slippers s ON s.id = m.id");
        }
        if matches.must_look() {
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

    /// A scalar query that counts the rows of `inner`.
    fn counting(&mut self, inner: impl FnOnce(&mut Self)) {
        self.push("(SELECT count(*) FROM (");
        inner(self);
        let _ = write!(self.sql, " LIMIT {}))", EXACT_SEARCH_TOTAL + 1);
    }

    fn order(&mut self, table: &str, sort: Sort) {
        let direction = direction(sort);
        let _ = match key(sort) {
            Some(key) => write!(self.sql, " ORDER BY {table}.{key}{direction}, {table}.id{direction}"),
            None => write!(self.sql, " ORDER BY {table}.id{direction}"),
        };
    }
}

impl Matches {
    /// Whether what is looked up may hold more than what matches.
    const fn must_look(&self) -> bool {
        !matches!(self.lookup, Lookup::Gram | Lookup::Trigrams { is_whole: true, .. })
    }
}

/// How what comes later in a list compares with what comes before it.
const fn onwards(sort: Sort) -> &'static str {
    if direction(sort).is_empty() { ">" } else { "<" }
}

pub(super) const fn direction(sort: Sort) -> &'static str {
    match sort {
        Sort::IdAsc | Sort::NameAsc | Sort::PriceAsc | Sort::CreatedAsc => "",
        Sort::IdDesc | Sort::NameDesc | Sort::PriceDesc | Sort::CreatedDesc => " DESC",
    }
}

pub(super) const fn key(sort: Sort) -> Option<&'static str> {
    match sort {
        Sort::IdAsc | Sort::IdDesc => None,
        Sort::NameAsc | Sort::NameDesc => Some("name_key"),
        Sort::PriceAsc | Sort::PriceDesc => Some("price_minor"),
        Sort::CreatedAsc | Sort::CreatedDesc => Some("created_at"),
    }
}

pub(super) const fn index(sort: Sort, of_category: bool) -> &'static str {
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
