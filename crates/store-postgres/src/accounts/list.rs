//! Pages of users, newest first: two statements, however many users there are, and one more for the first who searches for the same
//! after a change.
//!
//! What was found is remembered ([`Places`]) under the number of the lists' order, which the first statement reads in the page's
//! own snapshot: the next page starts where this one ended, and a search is counted once.

use slippers_core::StoreError;
use slippers_core::accounts::{UserPage, UserQuery};
use slippers_core::catalog::SearchTerm;
use slippers_core::catalog::rules::EXACT_SEARCH_TOTAL;
use slippers_core::places::{Counted, ListOrder, Places, Start};
use slippers_core::types::UserId;

use super::search::matches;
use super::{read_user, user_columns};
use crate::db::Db;
use crate::params::{param, params};

const OF_KNOWN: &str = concat!(
    "SELECT ",
    user_columns!(),
    " FROM unnest($1::bigint[]) AS page (id) JOIN users u ON u.id = page.id ORDER BY u.id DESC"
);

/// Both statements must see the same state of the database.
pub(super) async fn page(
    db: &Db,
    places: &Places<UserQuery>,
    query: &UserQuery,
) -> Result<UserPage, StoreError> {
    let term = query.search.as_ref().map_or("", SearchTerm::as_str);
    if term.contains('\0') {
        // No text of PostgreSQL can hold one.
        return Ok(UserPage { items: Vec::new(), total: 0, total_is_exact: true });
    }
    let (from, (order, counted)) = match &query.search {
        Some(term) => {
            let from = matches(query.is_admin, term);
            let counted = count_matches(db, places, query, term, &from).await?;
            (from, counted)
        }
        None => (all(query.is_admin).to_owned(), count_all(db, query).await?),
    };
    let total = counted.min(if query.search.is_some() { EXACT_SEARCH_TOTAL } else { i64::MAX });
    let total_is_exact = counted == total;
    if total_is_exact && query.page.skip() >= total {
        return Ok(UserPage { items: Vec::new(), total, total_is_exact });
    }
    let start = places.start(order, query);
    if let Start::Known(ids) = &start {
        let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
        let items = db.all(OF_KNOWN, params![ids], read_user).await?;
        return Ok(UserPage { items, total, total_is_exact });
    }
    // Ids come from an index alone, so that the rows that are skipped are not read. As for products, what makes PostgreSQL plan a page
    // each time is written out or left out.
    let mut page = format!("SELECT {} FROM (SELECT m.id {from}", user_columns!());
    let mut values = Vec::from(params![term]);
    let first = begin(&start, query.page.skip());
    if let Some((behind, id)) = first.from {
        // Not where nothing is known: all numbers that there are would be read beside the few that are found.
        page.push_str(&format!(" AND m.id {behind} $2"));
        values.push(param(id));
    }
    page.push_str(&format!(" ORDER BY m.id DESC LIMIT {}", query.page.limit()));
    if first.offset > 0 {
        values.push(param(first.offset));
        page.push_str(&format!(" OFFSET ${}", values.len()));
    }
    page.push_str(") page JOIN users u ON u.id = page.id ORDER BY u.id DESC");
    let items = db.all(&page, values, read_user).await?;
    places.remember(order, query, items.iter().map(|user| user.id).collect());
    Ok(UserPage { items, total, total_is_exact })
}

/// Where a page begins.
#[derive(Debug, PartialEq, Eq)]
struct Begin {
    /// At or behind a number on the way, counted down; `None` = at the newest.
    from: Option<(&'static str, i64)>,
    /// How many stand from there on before the page.
    offset: i64,
}

const fn begin(start: &Start<UserId>, skip: i64) -> Begin {
    match start {
        Start::At(place) if place.position < skip => {
            Begin { from: Some(("<", place.id.get())), offset: skip - place.position - 1 }
        }
        Start::At(place) => Begin { from: Some(("<=", place.id.get())), offset: 0 },
        _ => Begin { from: None, offset: skip },
    }
}

/// Everybody, or one side.
const fn all(is_admin: Option<bool>) -> &'static str {
    match is_admin {
        None => "FROM users m WHERE m.wiped_at IS NULL",
        Some(true) => "FROM users m WHERE m.is_admin",
        Some(false) => "FROM users m WHERE NOT m.is_admin AND m.wiped_at IS NULL",
    }
}

const COUNTS: &str = "
    SELECT (SELECT value FROM shop_counters WHERE name = 'user_order'),
           (SELECT value FROM shop_counters WHERE name = 'users'),
           (SELECT value FROM shop_counters WHERE name = 'admins')";

async fn count_all(db: &Db, query: &UserQuery) -> Result<(ListOrder, i64), StoreError> {
    let counts = db.one(COUNTS, params![], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)));
    let (order, users, admins) = counts.await?;
    let total = match query.is_admin {
        None => users,
        Some(true) => admins,
        Some(false) => users - admins,
    };
    Ok((ListOrder(order), total))
}

const ORDER: &str = "SELECT value FROM shop_counters WHERE name = 'user_order'";

/// The order of the lists, and how many are found, up to one more than [`EXACT_SEARCH_TOTAL`].
async fn count_matches(
    db: &Db,
    places: &Places<UserQuery>,
    query: &UserQuery,
    term: &SearchTerm,
    from: &str,
) -> Result<(ListOrder, i64), StoreError> {
    let known = places.latest().and_then(|order| Some((order, places.counted(order, query)?.matches)));
    if let Some((order, found)) = known
        && db.one(ORDER, params![], |row| row.int(0)).await? == order.0
    {
        return Ok((order, found));
    }
    let count = format!(
        "SELECT value, (SELECT count(*) FROM (SELECT 1 {from} LIMIT {}) counted)
         FROM shop_counters WHERE name = 'user_order'",
        EXACT_SEARCH_TOTAL + 1
    );
    let (order, found) =
        db.one(&count, params![term.as_str()], |row| Ok((ListOrder(row.int(0)?), row.int(1)?))).await?;
    places.remember_count(order, query, Counted { matches: found, products: 0, joint: None });
    Ok((order, found))
}

#[cfg(test)]
mod tests {
    use slippers_core::places::Place;

    use super::*;

    #[test]
    fn a_page_may_be_as_deep_as_numbers_go() {
        assert_eq!(begin(&Start::Unknown, 0), Begin { from: None, offset: 0 });
        assert_eq!(begin(&Start::Unknown, i64::MAX), Begin { from: None, offset: i64::MAX });
        let place = Place { id: UserId::new(7), position: 200 };
        assert_eq!(begin(&Start::At(place), 200), Begin { from: Some(("<=", 7)), offset: 0 });
        assert_eq!(begin(&Start::At(place), 201), Begin { from: Some(("<", 7)), offset: 0 });
        assert_eq!(
            begin(&Start::At(place), i64::MAX),
            Begin { from: Some(("<", 7)), offset: i64::MAX - 201 }
        );
    }
}
