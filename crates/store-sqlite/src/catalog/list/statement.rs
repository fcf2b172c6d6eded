//! The statements of a page.

use std::fmt::Write as _;

use rusqlite::types::Value;
use slippers_core::catalog::{SlipperQuery, Sort};
use slippers_core::places::{Place, STRIDE, Stretch};
use slippers_core::types::{CategoryId, SlipperId};

use super::super::search::Lookup;
use super::counting::MATCH;

/// How the ids of a page are found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Every product of the list.
    All,
    /// In the order wanted, looking at each product.
    Walk(String),
    /// By looking the term up, then in order.
    Collect(Matches),
}

impl Way {
    /// Whether its ids come in the order wanted, so that what is skipped was passed.
    pub(super) const fn is_walked(&self, sort: Sort) -> bool {
        match self {
            Self::All | Self::Walk(_) => true,
            Self::Collect(_) => matches!(sort, Sort::IdAsc | Sort::IdDesc),
        }
    }
}

/// A term that is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matches {
    pub(super) by: By,
    pub(super) term: String,
}

/// By what it is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Itself.
    Term(Lookup),
    /// One of its joints, which few products have. Each of them is looked at.
    Joint(String),
    /// The one that the statement itself finds to be rare.
    RareJoint,
}

/// What stands on a stretch of a list, in order, walked to from a product on the way if there is one.
pub(super) fn ids_statement(
    query: &SlipperQuery,
    way: &Way,
    from: Option<Place>,
    stretch: Stretch,
) -> Statement {
    let offset = stretch.begin - from.map_or(0, |place| place.position);
    let mut ids = Statement::default();
    ids.ids(query, way, from.map(|place| Origin::Product(place.id)), [stretch.length, offset]);
    ids
}

/// The products that lie [`STRIDE`] apart behind `from`, or behind the beginning of the list, in order: so many at most.
pub(super) fn stones_statement(query: &SlipperQuery, way: &Way, from: Option<Place>, hops: i64) -> Statement {
    let mut stones = Statement::default();
    stones.push("WITH RECURSIVE stones (place, id) AS (SELECT 0, ");
    match from {
        Some(place) => stones.bind(place.id.get()),
        None => {
            stones.push("(SELECT id FROM (");
            stones.ids(query, way, None, [1, 0]);
            stones.push("))");
        }
    }
    stones.push(" UNION ALL SELECT place + 1, (SELECT id FROM (");
    stones.ids(query, way, Some(Origin::Stone), [1, STRIDE]);
    stones.push(")) FROM stones WHERE id IS NOT NULL AND place < ");
    stones.bind(hops);
    stones.push(") SELECT id FROM stones WHERE place > 0 AND id IS NOT NULL ORDER BY place");
    stones
}

/// A product from which on a list is read.
#[derive(Clone, Copy)]
enum Origin {
    Product(SlipperId),
    /// The last one that [`stones_statement`] has come to.
    Stone,
}

/// A statement under construction, with the values it is run with.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(super) fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        // Writing to a String can't fail.
        let _ = write!(self.sql, "?{}", self.values.len());
    }

    /// Ids in the order of the list.
    fn ids(&mut self, query: &SlipperQuery, way: &Way, from: Option<Origin>, part: [i64; 2]) {
        let category = query.category.map(CategoryId::get);
        match way {
            Way::Collect(matches) => {
                self.matches("SELECT s.id AS id", matches, category);
                if let Some(origin) = from {
                    self.push(if matches.must_look() { " AND m.id " } else { " WHERE m.id " });
                    self.push(onwards(query.sort));
                    self.push("= ");
                    self.origin(origin);
                }
            }
            Way::All | Way::Walk(_) => match (from, key(query.sort)) {
                // The rest of those with its key, then the keys beyond: SQLite looks up a row value, `(key, id) > (…)`, by the
                // key alone where the id is the row's number, and would walk past all that share it.
                (Some(origin), Some(key)) => {
                    self.push("SELECT id FROM (");
                    self.walk(query, way, Some((key, "=", origin)));
                    self.push(" AND s.id ");
                    self.push(onwards(query.sort));
                    self.push("= ");
                    self.origin(origin);
                    self.push(" UNION ALL ");
                    self.walk(query, way, Some((key, onwards(query.sort), origin)));
                    let direction = direction(query.sort);
                    let _ = write!(self.sql, " ORDER BY 2{direction}, 1{direction}");
                    self.limit(part);
                    self.push(")");
                    return;
                }
                (from, _) => {
                    self.walk(query, way, from.map(|origin| ("id", onwards(query.sort), origin)));
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
        self.limit(part);
    }

    fn limit(&mut self, [limit, offset]: [i64; 2]) {
        self.push(" LIMIT ");
        self.bind(limit);
        self.push(" OFFSET ");
        self.bind(offset);
    }

    fn origin(&mut self, origin: Origin) {
        match origin {
            Origin::Product(id) => self.bind(id.get()),
            Origin::Stone => self.push("stones.id"),
        }
    }

    /// The ids of a list, and what it is ordered by, as far as they compare so with a product's.
    fn walk(&mut self, query: &SlipperQuery, way: &Way, from: Option<(&str, &str, Origin)>) {
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
            self.is_found_on_the_way(term);
        }
        if let Some((column, compares, origin)) = from {
            let _ = if column == "id" {
                write!(self.sql, " AND s.id {compares}= ")
            } else {
                write!(self.sql, " AND s.{column} {compares} (SELECT {column} FROM slippers WHERE id = ")
            };
            self.origin(origin);
            self.push(if column == "id" { "" } else { ")" });
        }
    }

    /// `select` from the products that match: `m` has their ids, and unless it is [`MATCH`], `s` their rows.
    pub(super) fn matches(&mut self, select: &str, matches: &Matches, category: Option<i64>) {
        self.push(select);
        match &matches.by {
            By::Term(Lookup::Gram { gram, .. }) | By::Joint(gram) => {
                self.push(" FROM (SELECT slipper_id AS id FROM slipper_grams WHERE gram = ");
                self.bind(gram.clone());
            }
            By::RareJoint => {
                self.push(" FROM (SELECT slipper_id AS id FROM slipper_grams WHERE gram = rare.gram");
            }
            By::Term(Lookup::Trigrams { phrase, .. }) => {
                self.push(" FROM (SELECT rowid AS id FROM slipper_search WHERE slipper_search MATCH ");
                self.bind(phrase.clone());
            }
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

    /// The same as [`Statement::contains`], for many products of which few match: what the grams tell is near, while each product's row is
    /// somewhere else in the file. Not EXISTS, which SQLite is free to make a join of, in another order.
    fn is_found_on_the_way(&mut self, term: &str) {
        if term.chars().count() > 2 {
            return self.contains(term);
        }
        self.push("(SELECT 1 FROM slipper_grams WHERE gram = ");
        self.bind(term.to_owned());
        self.push(" AND slipper_id = s.id)");
    }

    /// What [`SearchTerm::matches`] says, in SQL.
    pub(super) fn contains(&mut self, term: &str) {
        self.push("(instr(s.name_key, ");
        self.bind(term.to_owned());
        let place = self.values.len();
        let _ = write!(self.sql, ") > 0 OR instr(s.size_key, ?{place}) > 0)");
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
        !matches!(
            self.by,
            By::Term(Lookup::Gram { is_whole: true, .. } | Lookup::Trigrams { is_whole: true, .. })
        )
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
