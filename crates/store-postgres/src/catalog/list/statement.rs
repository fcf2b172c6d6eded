//! The statements of a page.

use std::fmt::Write as _;
use std::sync::Arc;

use slippers_core::catalog::{SlipperQuery, Sort};
use slippers_core::places::{Place, STRIDE};
use slippers_core::types::{CategoryId, SlipperId};

use super::super::rows::slipper_columns;
use super::super::search::Lookup;
use super::super::seen::Spot;
use super::counting::FEW;
use crate::params::{Bind, Param, param};

/// How the inner query of a page finds its ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Every product of the list.
    All,
    /// In the order wanted, looking at each product for this term.
    Walk(String),
    /// By looking the term up, then in order.
    Collect(By, String),
    /// In the grams, which are in the order wanted.
    Gram(String),
    /// It was read before: these.
    Known(Arc<[SlipperId]>),
    /// These, which were seen there.
    Seen(Arc<[SlipperId]>, Vec<Spot>),
}

/// By what a term is looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Itself.
    Term(Lookup),
    /// One of its joints, which few products have. Each of them is looked at.
    Joint(String),
    /// The one that the statement itself finds to be rare.
    RareJoint,
}

impl Way {
    /// Whether its ids come in the order wanted, so that what is skipped was passed.
    pub(super) const fn is_walked(&self) -> bool {
        matches!(self, Self::All | Self::Walk(_) | Self::Gram(_))
    }
}

/// A product from which on a list is read.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// With itself.
    Product(SlipperId),
    /// Without.
    Behind(SlipperId),
    /// The last one that [`Statement::stones`] has come to.
    Stone,
}

macro_rules! the_order {
    () => {
        "SELECT value FROM shop_counters WHERE name = 'list_order'"
    };
}
pub(super) const THE_ORDER: &str = the_order!();
pub(super) const ORDER: &str = concat!("(", the_order!(), ")");
/// A row where it was seen; only if it is there no more by its number, by which the rows of a page of a large shop take two thirds longer
/// (bench/PROFILES.md).
const WHERE_IT_LAY: &str = "LATERAL ( \
    SELECT *, ctid AS tid FROM slippers WHERE ctid = page.tid AND id = page.id \
    UNION ALL SELECT *, ctid AS tid FROM slippers WHERE id = page.id LIMIT 1) AS s ON TRUE";
const WHERE_ITS_PICTURES_LAY: &str = "\
    SELECT pictures, ctid AS tid FROM slipper_galleries WHERE ctid = page.gallery AND slipper_id = page.id \
    UNION ALL SELECT pictures, ctid AS tid FROM slipper_galleries WHERE slipper_id = page.id LIMIT 1";
/// OFFSET 0: each product's for itself. A join would be free to read those of all products of a small shop for a page.
const PICTURES: &str = "SELECT pictures, ctid AS tid FROM slipper_galleries WHERE slipper_id = s.id OFFSET 0";
const COUNT_OF_SHOP: &str = "(SELECT value FROM shop_counters WHERE name = 'slippers')";

/// A statement under construction, with the values it is run with.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Param<'static>>,
}

impl Statement {
    /// A page, walked to from a product on the way if there is one: the order of the lists and the total of this one in the
    /// first columns (0 with a search, which is counted apart), then the product, its pictures if they are wanted, and where both lie.
    pub(super) fn page(query: &SlipperQuery, way: &Way, from: Option<Place>) -> Self {
        let mut page = Self::default();
        page.push("SELECT list.ordered, list.total, ");
        page.push(slipper_columns!());
        let is_seen = matches!(way, Way::Seen(..));
        page.push(if query.with_images { ", coalesce(g.pictures, '[]')" } else { "" });
        page.push(if is_seen { ", s.tid" } else { ", s.ctid" });
        page.push(if query.with_images { ", g.tid" } else { "" });
        page.push(" FROM (SELECT ");
        if query.search.is_none() {
            page.push(ORDER);
            page.push(" AS ordered, ");
            page.products_of(query);
        } else {
            page.push("0::bigint AS ordered, 0::bigint");
        }
        page.push(" AS total) AS list LEFT JOIN (");
        page.inner(query, way, from);
        page.push(") AS page ON TRUE LEFT JOIN ");
        page.push(if is_seen { WHERE_IT_LAY } else { "slippers s ON s.id = page.id" });
        if query.with_images {
            page.push(" LEFT JOIN LATERAL (");
            page.push(if is_seen { WHERE_ITS_PICTURES_LAY } else { PICTURES });
            page.push(") AS g ON TRUE");
        }
        page.push(" LEFT JOIN categories c ON c.id = s.category_id");
        page.order("s", query.sort);
        page
    }

    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(super) fn bind(&mut self, value: impl Bind + 'static) {
        self.values.push(param(value));
        // Writing to a String can't fail.
        let _ = write!(self.sql, "${}", self.values.len());
    }

    /// How many products the list has without a search.
    pub(super) fn products_of(&mut self, query: &SlipperQuery) {
        match query.category {
            None => self.push(COUNT_OF_SHOP),
            Some(category) => {
                self.push("coalesce((SELECT slipper_count FROM categories WHERE id = ");
                self.bind(category.get());
                self.push("), 0)");
            }
        }
    }

    /// The ids of a page.
    fn inner(&mut self, query: &SlipperQuery, way: &Way, from: Option<Place>) {
        let (origin, offset) = match from {
            None => (None, query.page.skip()),
            Some(place) => match query.page.skip() - place.position {
                0 => (Some(Origin::Product(place.id)), 0),
                // The page behind one that was read passes over nothing, and so is planned once.
                further => (Some(Origin::Behind(place.id)), further - 1),
            },
        };
        self.ids_nearby(query, way, origin, [query.page.limit(), offset]);
    }

    /// Ids in the order of the list; `offset` of them are passed over.
    pub(super) fn ids(
        &mut self,
        query: &SlipperQuery,
        way: &Way,
        from: Option<Origin>,
        [limit, offset]: [i64; 2],
    ) {
        let category = query.category.map(CategoryId::get);
        match way {
            Way::Known(ids) => {
                self.push("SELECT id FROM unnest(");
                self.bind(ids.iter().map(|id| id.get()).collect::<Vec<i64>>());
                self.push(") AS id");
                return;
            }
            Way::Seen(ids, spots) => {
                self.push("SELECT id, tid, gallery FROM unnest(");
                self.bind(ids.iter().map(|id| id.get()).collect::<Vec<i64>>());
                self.push(", ");
                self.bind(spots.iter().map(|spot| spot.row).collect::<Vec<_>>());
                self.push(", ");
                self.bind(spots.iter().map(|spot| spot.gallery).collect::<Vec<_>>());
                self.push(") AS seen (id, tid, gallery)");
                return;
            }
            Way::Gram(gram) => {
                self.push("SELECT slipper_id AS id FROM slipper_grams WHERE gram = ");
                self.bind(gram.clone());
                if let Some(origin) = from {
                    self.push(" AND slipper_id ");
                    self.push(onwards(query.sort, origin));
                    self.origin(origin);
                }
                self.push(" ORDER BY slipper_id");
                self.push(direction(query.sort));
            }
            Way::Collect(by, term) => {
                // Materialized: never the order first and the matches then.
                self.push("WITH m AS MATERIALIZED (");
                self.matches(by, term, category);
                // OFFSET 0: and each is looked up, never all products joined with the few.
                self.push(
                    ") SELECT s.id FROM m, LATERAL (SELECT * FROM slippers WHERE id = m.id OFFSET 0) AS s",
                );
                self.order("s", query.sort);
            }
            Way::All | Way::Walk(_) => {
                self.push("SELECT s.id FROM slippers s WHERE ");
                self.of_category(category);
                match way {
                    Way::Walk(term) => {
                        self.push(" AND ");
                        self.contains(term);
                    }
                    // Past the end nothing is walked.
                    _ if query.page.skip() > 0 => {
                        self.push(" AND ");
                        self.bind(query.page.skip());
                        self.push(" < ");
                        self.products_of(query);
                    }
                    _ => {}
                }
                if let Some(origin) = from {
                    self.push(" AND ");
                    self.from(query.sort, origin);
                }
                self.order("s", query.sort);
            }
        }
        // Written out: the planner must know that it is few.
        let _ = write!(self.sql, " LIMIT {limit}");
        match offset {
            0 => {}
            // And so for the next stone.
            STRIDE => {
                let _ = write!(self.sql, " OFFSET {STRIDE}");
            }
            _ => {
                self.push(" OFFSET ");
                self.bind(offset);
            }
        }
    }

    /// Ids of a page that may begin somewhat behind a place that is known. Where it does not know how many are passed over,
    /// PostgreSQL plans each page anew, which takes as long as to read it; here it knows that they are few.
    fn ids_nearby(
        &mut self,
        query: &SlipperQuery,
        way: &Way,
        from: Option<Origin>,
        [limit, offset]: [i64; 2],
    ) {
        if offset == 0 || offset >= STRIDE || !way.is_walked() {
            return self.ids(query, way, from, [limit, offset]);
        }
        self.push("SELECT id FROM (");
        self.ids(query, way, from, [STRIDE + limit, 0]);
        let _ = write!(self.sql, ") AS nearby LIMIT {limit} OFFSET ");
        self.bind(offset);
    }

    /// This product and what follows it.
    fn from(&mut self, sort: Sort, origin: Origin) {
        let onwards = onwards(sort, origin);
        let _ = match key(sort) {
            None => write!(self.sql, "s.id {onwards}"),
            Some(key) => {
                let _ = write!(self.sql, "(s.{key}, s.id) {onwards}((SELECT {key} FROM slippers WHERE id = ");
                self.origin(origin);
                write!(self.sql, "), ")
            }
        };
        self.origin(origin);
        self.push(if key(sort).is_some() { ")" } else { "" });
    }

    fn origin(&mut self, origin: Origin) {
        match origin {
            Origin::Product(id) | Origin::Behind(id) => self.bind(id.get()),
            Origin::Stone => self.push("stones.id"),
        }
    }

    fn of_category(&mut self, category: Option<i64>) {
        match category {
            Some(category) => {
                self.push("s.category_id = ");
                self.bind(category);
            }
            None => self.push("TRUE"),
        }
    }

    /// The ids of the products that match.
    pub(super) fn matches(&mut self, by: &By, term: &str, category: Option<i64>) {
        match by {
            By::Term(Lookup::Gram(gram)) => {
                self.push("SELECT g.slipper_id AS id FROM slipper_grams g");
                if let Some(category) = category {
                    self.push(" JOIN slippers k ON k.id = g.slipper_id AND k.category_id = ");
                    self.bind(category);
                }
                self.push(" WHERE g.gram = ");
                self.bind(gram.clone());
            }
            By::Joint(_) | By::RareJoint => {
                // OFFSET 0: each is looked up, however few the planner takes all products for.
                self.push("SELECT s.id FROM (SELECT slipper_id FROM slipper_grams WHERE gram = ");
                match by {
                    By::Joint(joint) => self.bind(joint.clone()),
                    _ => self.push("rare.gram"),
                }
                let _ = write!(
                    self.sql,
                    " LIMIT {FEW}) AS g, LATERAL (SELECT s.id FROM slippers s WHERE s.id = g.slipper_id AND "
                );
                self.contains(term);
                if category.is_some() {
                    self.push(" AND ");
                    self.of_category(category);
                }
                self.push(" OFFSET 0) AS s");
            }
            By::Term(Lookup::Trigrams(trigrams)) => {
                self.push("SELECT s.id FROM slippers s WHERE trigrams(s.name_key, s.size_key) @> ");
                self.bind(trigrams.clone());
                self.push(" AND ");
                self.contains(term);
                if category.is_some() {
                    self.push(" AND ");
                    self.of_category(category);
                }
            }
            By::Term(Lookup::Nowhere) => self.push("SELECT s.id FROM slippers s WHERE FALSE"),
        }
    }

    /// What [`SearchTerm::matches`] says, in SQL.
    pub(super) fn contains(&mut self, term: &str) {
        self.push("(strpos(s.name_key, ");
        self.bind(term.to_owned());
        let place = self.values.len();
        let _ = write!(self.sql, ") > 0 OR strpos(s.size_key, ${place}) > 0)");
    }

    fn order(&mut self, table: &str, sort: Sort) {
        let direction = direction(sort);
        let _ = match key(sort) {
            Some(key) => write!(self.sql, " ORDER BY {table}.{key}{direction}, {table}.id{direction}"),
            None => write!(self.sql, " ORDER BY {table}.id{direction}"),
        };
    }
}

/// Compares with a product that this one stands no earlier in the list, or behind it.
const fn onwards(sort: Sort, origin: Origin) -> &'static str {
    match (direction(sort).is_empty(), origin) {
        (true, Origin::Behind(_)) => "> ",
        (true, _) => ">= ",
        (false, Origin::Behind(_)) => "< ",
        (false, _) => "<= ",
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
