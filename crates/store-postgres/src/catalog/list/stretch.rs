//! What is read of a list beside a page: the stones on the way to it, and what stands around it.

use slippers_core::catalog::SlipperQuery;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::places::{Place, STRIDE, Stretch};
use slippers_core::types::MAX_PAGE_LIMIT;

use super::statement::{ORDER, Origin, Statement, Way};

/// The most that is passed over from one stone to the next and read there.
const MOST: i64 = 2 * STRIDE + MAX_PAGE_LIMIT;

/// The part of a list that is read for a page. Only a search's: without one, to read more than the page takes another statement, which
/// costs as much as to walk to it.
pub(super) fn stretch(query: &SlipperQuery, way: &Way, from: Option<Place>) -> Stretch {
    let begun = from.map_or(0, |place| place.position);
    match way {
        Way::Collect(..) => Stretch::sorted(query.page),
        Way::Walk(_) | Way::Gram(_) => {
            let around = Stretch::around(query.page, from);
            if around.end() - begun <= MOST { around } else { Stretch::of(query.page) }
        }
        Way::All | Way::Known(_) | Way::Seen(..) => Stretch::of(query.page),
    }
}

impl Statement {
    /// The order of the lists with each of the products that lie [`STRIDE`] apart behind `from`, or behind the beginning of the
    /// list: so many at most.
    pub(super) fn stones(query: &SlipperQuery, way: &Way, from: Option<Place>, hops: i64) -> Self {
        let mut stones = Self::default();
        stones.push("WITH RECURSIVE stones (place, id) AS (SELECT 0::bigint, ");
        match from {
            Some(place) => stones.bind(place.id.get()),
            None => {
                stones.push("(");
                stones.ids(query, way, None, [1, 0]);
                stones.push(")");
            }
        }
        stones.push("::bigint UNION ALL SELECT place + 1, (");
        stones.ids(query, way, Some(Origin::Stone), [1, STRIDE]);
        stones.push(") FROM stones WHERE id IS NOT NULL AND place < ");
        stones.bind(hops);
        stones.push(") SELECT ");
        stones.push(ORDER);
        stones.push(", id FROM stones WHERE place > 0 AND id IS NOT NULL ORDER BY place");
        stones
    }

    /// What stands on a [`stretch`], in order, from a place before it or at its beginning.
    pub(super) fn stretch(query: &SlipperQuery, way: &Way, from: Option<Place>, stretch: Stretch) -> Self {
        let mut ids = Self::default();
        if !way.is_walked() {
            ids.ids(query, way, None, [EXACT_SEARCH_TOTAL, 0]);
            return ids;
        }
        // As in ids_nearby: the planner must know that it is few, and not for each length anew.
        ids.push("SELECT id FROM (");
        ids.ids(query, way, from.map(|place| Origin::Product(place.id)), [MOST, 0]);
        ids.push(") AS nearby LIMIT ");
        ids.bind(stretch.length);
        ids.push(" OFFSET ");
        ids.bind(stretch.begin - from.map_or(0, |place| place.position));
        ids
    }
}
