//! The statement that counts what a search finds.

use std::fmt::Write as _;

use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::catalog::{SearchTerm, SlipperQuery};
use slippers_core::types::CategoryId;

use super::super::search::Lookup;
use super::SMALL_CATEGORY;
use super::statement::{By, ORDER, Statement};

/// What so few products have is looked up, whatever else a search finds: to look at them all takes some milliseconds at most.
pub(super) const FEW: i64 = 1_000;

impl Statement {
    /// The order of the lists; how many match, up to one more than [`EXACT_SEARCH_TOTAL`]; how many the list has without the
    /// search; which of the search's joints the fewest products have, if they are few.
    pub(super) fn count(query: &SlipperQuery, term: &SearchTerm, lookup: &Lookup) -> Self {
        let mut count = Self::default();
        count.push("SELECT ");
        count.push(ORDER);
        count.push(", ");
        let joints = term.joints();
        if !joints.is_empty() {
            count.push("CASE WHEN rare.place IS NOT NULL THEN ");
            let category = query.category.map(CategoryId::get);
            count.counting(|inner| inner.matches(&By::RareJoint, term.as_str(), category));
            count.push(" ELSE ");
        }
        count.found(query, term.as_str(), lookup);
        count.push(if joints.is_empty() { "" } else { " END" });
        count.push(", ");
        count.products_of(query);
        if joints.is_empty() {
            count.push(", NULL::bigint");
        } else {
            count.push(", rare.place FROM (SELECT 1) AS one LEFT JOIN (");
            count.rarest(&joints);
            count.push(") AS rare ON TRUE");
        }
        count
    }

    /// The joint that the fewest products have, if they are few.
    fn rarest(&mut self, joints: &[&str]) {
        self.push("SELECT place, gram FROM (SELECT place, gram, (SELECT count(*) FROM (SELECT 1 FROM slipper_grams g WHERE ");
        let _ = write!(self.sql, "g.gram = joints.gram LIMIT {FEW} + 1) AS found) AS found FROM unnest(");
        self.bind(joints.iter().map(|joint| (*joint).to_owned()).collect::<Vec<_>>());
        self.push(") WITH ORDINALITY AS joints (gram, place) OFFSET 0) AS joints WHERE ");
        let _ = write!(self.sql, "found <= {FEW} ORDER BY found LIMIT 1");
    }

    /// How many products match.
    fn found(&mut self, query: &SlipperQuery, term: &str, lookup: &Lookup) {
        let by = &By::Term(lookup.clone());
        match query.category.map(CategoryId::get) {
            None => self.counting(|inner| inner.matches(by, term, None)),
            Some(category) => {
                self.push("CASE WHEN (SELECT slipper_count FROM categories WHERE id = ");
                self.bind(category);
                let _ = write!(self.sql, ") <= {SMALL_CATEGORY} THEN ");
                self.counting(|inner| {
                    inner.push("SELECT s.id FROM slippers s WHERE s.category_id = ");
                    inner.bind(category);
                    inner.push(" AND ");
                    inner.contains(term);
                });
                self.push(" ELSE ");
                self.counting(|inner| inner.matches(by, term, Some(category)));
                self.push(" END");
            }
        }
    }

    /// A scalar query that counts the rows of `inner`.
    fn counting(&mut self, inner: impl FnOnce(&mut Self)) {
        self.push("(SELECT count(*) FROM (");
        inner(self);
        let _ = write!(self.sql, " LIMIT {}) AS found)", EXACT_SEARCH_TOTAL + 1);
    }
}
