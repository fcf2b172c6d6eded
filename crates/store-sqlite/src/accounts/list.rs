//! Pages of users, newest first: two statements, however many users there are.
//!
//! What was found is remembered ([`Places`]) under the number of the lists' order, which the first statement reads in the page's
//! own snapshot: the next page starts where this one ended, and a search is counted once.

use slippers_core::StoreError;
use slippers_core::accounts::{UserPage, UserQuery};
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::places::{Counted, ListOrder, Places, Start};

use super::search::{Matches, matches};
use super::{read_user, user_columns};
use crate::db::{Db, json_list};

const OF_KNOWN: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM json_each(?1) page CROSS JOIN users u ON u.id = page.value ORDER BY u.id DESC"
);

/// Both statements must see the same state of the database.
pub(super) fn page(
    db: &Db<'_>,
    places: &Places<UserQuery>,
    query: &UserQuery,
) -> Result<UserPage, StoreError> {
    let matches = match &query.search {
        Some(term) => matches(query.is_admin, term),
        None => all(query.is_admin),
    };
    let (order, counted) = match &query.search {
        Some(term) => count_matches(db, places, query, term, &matches)?,
        None => count_all(db, query)?,
    };
    let total = counted.min(if query.search.is_some() { EXACT_SEARCH_TOTAL } else { i64::MAX });
    let total_is_exact = counted == total;
    if total_is_exact && query.page.skip() >= total {
        return Ok(UserPage { items: Vec::new(), total, total_is_exact });
    }
    let (from, passed) = match places.start(order, query) {
        Start::Known(ids) => {
            let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
            let items = db.all(OF_KNOWN, [json_list(&ids)?], read_user)?;
            return Ok(UserPage { items, total, total_is_exact });
        }
        Start::At(place) => (place.id.get(), place.position),
        Start::Unknown => (i64::MAX, 0),
    };
    // Ids come from an index alone, so that the rows that are skipped are not read.
    let page = format!(
        "SELECT {columns} FROM (SELECT m.id AS id {from} AND m.id <= ?5 ORDER BY m.id DESC LIMIT ?3 OFFSET ?4) page \
         CROSS JOIN users u ON u.id = page.id ORDER BY u.id DESC",
        columns = user_columns!(),
        from = matches.from,
    );
    let term = query.search.as_ref().map_or("", SearchTerm::as_str);
    let values = (matches.sought, term, query.page.limit(), query.page.skip() - passed, from);
    let items = db.all(&page, values, read_user)?;
    places.remember(order, query, items.iter().map(|user| user.id).collect());
    Ok(UserPage { items, total, total_is_exact })
}

/// Everybody, or one side.
fn all(is_admin: Option<bool>) -> Matches {
    let from = match is_admin {
        None => "FROM users m INDEXED BY users_present WHERE m.wiped_at IS NULL",
        Some(true) => "FROM users m INDEXED BY users_admins WHERE m.is_admin = 1",
        Some(false) => "FROM users m INDEXED BY users_customers WHERE m.is_admin = 0 AND m.wiped_at IS NULL",
    };
    Matches { from: from.to_owned(), sought: String::new() }
}

const COUNTS: &str = "
    SELECT (SELECT value FROM shop_counters WHERE name = 'user_order'),
           (SELECT value FROM shop_counters WHERE name = 'users'),
           (SELECT value FROM shop_counters WHERE name = 'admins')";

fn count_all(db: &Db<'_>, query: &UserQuery) -> Result<(ListOrder, i64), StoreError> {
    let (order, users, admins) = db.one(COUNTS, [], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))?;
    let total = match query.is_admin {
        None => users,
        Some(true) => admins,
        Some(false) => users - admins,
    };
    Ok((ListOrder(order), total))
}

/// The order of the lists, and how many are found, up to one more than [`EXACT_SEARCH_TOTAL`].
fn count_matches(
    db: &Db<'_>,
    places: &Places<UserQuery>,
    query: &UserQuery,
    term: &SearchTerm,
    matches: &Matches,
) -> Result<(ListOrder, i64), StoreError> {
    let known = places.latest().and_then(|order| Some((order, places.counted(order, query)?.matches)));
    let count = format!(
        "SELECT value, CASE WHEN value = ?4 THEN NULL ELSE (SELECT count(*) FROM (SELECT 1 {} LIMIT ?3)) END
         FROM shop_counters WHERE name = 'user_order'",
        matches.from
    );
    // No order is below zero.
    let guess = known.map_or(-1, |(order, _)| order.0);
    let (order, found) =
        db.one(&count, (&matches.sought, term.as_str(), EXACT_SEARCH_TOTAL + 1, guess), |row| {
            Ok((ListOrder(row.int(0)?), row.get::<Option<i64>>(1)?))
        })?;
    let found = match (found, known) {
        (Some(found), _) | (None, Some((_, found))) => found,
        (None, None) => return Err(StoreError::Corrupt("a search was not counted".to_owned())),
    };
    places.remember_count(order, query, Counted { matches: found, products: 0, joint: None });
    Ok((order, found))
}
