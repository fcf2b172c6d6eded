//! The statement that counts what a list holds.

use std::fmt::Write as _;

use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SearchTerm, SlipperQuery};
use slippers_core::places::ListOrder;
use slippers_core::types::CategoryId;

use super::super::row_cache::Moment;
use super::super::search::lookup;
use super::statement::{By, Matches, Statement};
use super::{Patience, SMALL_CATEGORY};

const ORDER: &str = "(SELECT value FROM shop_counters WHERE name = 'list_order')";
const COUNT_ALL: &str = "(SELECT value FROM shop_counters WHERE name = 'slippers')";

/// What so few products have is looked up, whatever else a search finds: to look at them all takes some milliseconds at most.
const FEW: i64 = 1_000;

/// One row for each match, without a look at the product.
pub(super) const MATCH: &str = "SELECT 1";

/// The order of the lists; how many the search finds, up to one more than [`EXACT_SEARCH_TOTAL`], or NULL where the order
/// is the `known` one or there is no patience to count; how many products the list has; the last change of a row, and what
/// changed after `since`; which of the search's joints the fewest products have, if they are few.
pub(super) fn count_statement(
    query: &SlipperQuery,
    known: Option<ListOrder>,
    patience: Patience,
    since: Moment,
) -> Statement {
    let mut count = Statement::default();
    count.push("SELECT ");
    count.push(ORDER);
    count.push(", ");
    let mut joints = Vec::new();
    match (&query.search, known) {
        (None, _) => count.products(query.category),
        (Some(_), _) if patience == Patience::Short => count.push("NULL"),
        (Some(term), known) => {
            joints = term.joints();
            if let Some(order) = known {
                count.push("CASE WHEN ");
                count.push(ORDER);
                count.push(" = ");
                count.bind(order.0);
                count.push(" THEN NULL ELSE ");
            }
            count.found_by_any(query, term, &joints);
            if known.is_some() {
                count.push(" END");
            }
        }
    }
    count.push(", ");
    count.products(query.category);
    count.changes(since);
    if joints.is_empty() {
        count.push(", NULL");
    } else {
        count.push(", rare.place FROM (SELECT 1) LEFT JOIN (");
        count.rarest(&joints, known);
        count.push(") rare");
    }
    count
}

impl Statement {
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

    /// The number of the last change of a row and its mark, the mark of the change `since`, and the ids of the products that
    /// changed after it, as JSON.
    fn changes(&mut self, since: Moment) {
        self.push(", (SELECT max(number) FROM slipper_changes)");
        self.push(", (SELECT mark FROM slipper_changes ORDER BY number DESC LIMIT 1)");
        self.push(", (SELECT mark FROM slipper_changes WHERE number = ");
        self.bind(since.number);
        let place = self.values.len();
        self.push("), (SELECT json_group_array(slipper_id) FROM slipper_changes WHERE number > ");
        let _ = write!(self.sql, "?{place})");
    }

    /// The joint that the fewest products have, if they are few; none in the order that is `known`.
    fn rarest(&mut self, joints: &[&str], known: Option<ListOrder>) {
        // Materialized: each joint is counted once, not again for the order.
        self.push("WITH joints (place, gram, found) AS MATERIALIZED (");
        for (place, joint) in joints.iter().enumerate() {
            self.push(if place > 0 { " UNION ALL SELECT " } else { "SELECT " });
            let _ = write!(self.sql, "{place}, ");
            self.bind((*joint).to_owned());
            let bound = self.values.len();
            let _ = write!(
                self.sql,
                ", (SELECT count(*) FROM (SELECT 1 FROM slipper_grams WHERE gram = ?{bound} LIMIT {FEW} + 1))"
            );
        }
        let _ = write!(self.sql, ") SELECT place, gram FROM joints WHERE found <= {FEW}");
        if let Some(order) = known {
            self.push(" AND ");
            self.push(ORDER);
            self.push(" <> ");
            self.bind(order.0);
        }
        self.push(" ORDER BY found LIMIT 1");
    }

    /// How many products match, by the rare joint if there is one.
    fn found_by_any(&mut self, query: &SlipperQuery, term: &SearchTerm, joints: &[&str]) {
        let matches = |by| Matches { by, term: term.as_str().to_owned() };
        let by_term = matches(By::Term(lookup(term)));
        let category = query.category.map(CategoryId::get);
        if joints.is_empty() {
            return self.found(query.category, &by_term);
        }
        self.push("CASE WHEN rare.place IS NULL THEN ");
        self.found(query.category, &by_term);
        self.push(" ELSE ");
        self.counting(|inner| inner.matches(MATCH, &matches(By::RareJoint), category));
        self.push(" END");
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

    /// A scalar query that counts the rows of `inner`.
    fn counting(&mut self, inner: impl FnOnce(&mut Self)) {
        self.push("(SELECT count(*) FROM (");
        inner(self);
        let _ = write!(self.sql, " LIMIT {}))", EXACT_SEARCH_TOTAL + 1);
    }
}
