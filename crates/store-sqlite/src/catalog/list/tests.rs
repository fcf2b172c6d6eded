//! How pages are found: by which plan, in how many statements, and the same whichever way.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use slippers_core::catalog::{
    Assortment, NewCategory, NewSlipper, SearchTerm, Slipper, SlipperChange, StockedSlipper,
};
use slippers_core::types::{CategoryId, Money, Page, SlipperId, Timestamp, UserId};

use super::statement::{Statement, direction, index, key};
use super::*;
use crate::catalog::{slippers, stock};
use crate::connection::open_writer;
use crate::migrations::migrate;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const PRODUCTS: i64 = 4_500;
const SORTS: [Sort; 8] = [
    Sort::IdAsc,
    Sort::IdDesc,
    Sort::NameAsc,
    Sort::NameDesc,
    Sort::PriceAsc,
    Sort::PriceDesc,
    Sort::CreatedAsc,
    Sort::CreatedDesc,
];

/// Two large categories and a small one; "тапки" in two of three names, "редкие" in one of 97.
struct Goods;

impl Assortment for Goods {
    fn categories(&self) -> Vec<NewCategory> {
        let category = |name: &str| NewCategory { name: name.to_owned(), description: None, is_active: true };
        ["Мужские", "Женские", "Детские"].map(category).into()
    }

    fn len(&self) -> u64 {
        PRODUCTS.unsigned_abs()
    }

    fn slipper(&self, index: u64) -> StockedSlipper {
        let i = i64::try_from(index).expect("small");
        let kind = if i % 3 == 0 { "Slides" } else { "Тапки" };
        let rarity = if i % 97 == 0 { " редкие" } else { "" };
        let slipper = NewSlipper {
            name: format!("{kind}{rarity} {}", i * 7919 % 50),
            size: (36 + i % 13).to_string(),
            price: Money::from_minor(1 + i * 31 % 700),
            quantity: i % 5,
            category: Some(CategoryId::new(if i % 449 == 0 { 3 } else { i % 2 + 1 })),
        };
        StockedSlipper { slipper, images: vec![format!("/{i}-a.png"), format!("/{i}-b.png")] }
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    conn: Connection,
    statements: AtomicU64,
    lists: Remembered,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shop.db");
        let mut conn = open_writer(&path).expect("a connection");
        migrate(&mut conn, &path, NOW).expect("a schema");
        let fixture =
            Self { _folder: folder, conn, statements: AtomicU64::new(0), lists: Remembered::default() };
        fixture.conn.execute_batch("BEGIN").expect("a transaction");
        stock::fill(&fixture.db(), &Goods, NOW).expect("a stocked shop");
        fixture.conn.execute_batch("COMMIT").expect("a commit");
        fixture
    }

    fn db(&self) -> Db<'_> {
        Db::new(&self.conn, &self.statements)
    }

    fn plan(&self, statement: &Statement) -> Vec<String> {
        let mut explain =
            self.conn.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).expect(&statement.sql);
        let values = rusqlite::params_from_iter(&statement.values);
        let rows = explain.query_map(values, |row| row.get(3)).expect("a plan");
        rows.map(|line| line.expect("a line")).collect()
    }

    fn read(&self, query: &SlipperQuery, way: &Way) -> Vec<Slipper> {
        let (db, statement) = (self.db(), ids_of(query, way, None));
        let values = rusqlite::params_from_iter(&statement.values);
        let ids = db.all(&statement.sql, values, |row| row.int(0).map(SlipperId::new)).expect("ids");
        let never = Moment::default();
        let changes = Changes { since: never, mark_of_since: None, last: never, slippers: Vec::new() };
        RowCache::default().read(&db, &changes, &ids, query.with_images).expect("a page")
    }

    fn page(&self, query: &SlipperQuery) -> SlipperPage {
        let page = page(&self.db(), &self.lists, query, Patience::Long);
        page.expect("an answer").expect("a page")
    }

    /// The statements of a page.
    fn cost(&self, query: &SlipperQuery) -> u64 {
        let before = self.statements.load(Ordering::Relaxed);
        self.page(query);
        self.statements.load(Ordering::Relaxed) - before
    }

    fn all_slippers(&self) -> Vec<Slipper> {
        let ids = 1..=PRODUCTS;
        let db = self.db();
        ids.map(|id| slippers::find(&db, SlipperId::new(id)).expect("a product").expect("a product"))
            .collect()
    }
}

fn query(sort: Sort, category: Option<i64>, search: Option<&str>) -> SlipperQuery {
    SlipperQuery {
        page: Page::new(0, 20),
        category: category.map(CategoryId::new),
        search: search.and_then(SearchTerm::new),
        sort,
        with_images: true,
    }
}

/// What stands on the page alone.
fn ids_of(query: &SlipperQuery, way: &Way, from: Option<Place>) -> Statement {
    ids_statement(query, way, from, Stretch::of(query.page))
}

fn collect(term: &str) -> Way {
    let term = SearchTerm::new(term).expect("not empty");
    Way::Collect(Matches { by: By::Term(lookup(&term)), term: term.as_str().to_owned() })
}

#[test]
fn no_list_scans_or_sorts_the_table() {
    let fixture = Fixture::new();
    for sort in SORTS {
        for category in [None, Some(2)] {
            let query = query(sort, category, None);
            for way in [Way::All, Way::Walk("42".to_owned()), Way::Walk("тапки".to_owned())] {
                let plan = fixture.plan(&ids_of(&query, &way, None));
                let text = plan.join("\n");
                let index = index(sort, category.is_some());
                assert!(text.contains(index), "{sort:?} {category:?} {way:?}:\n{text}");
                let scanned = plan.iter().filter(|l| l.starts_with("SCAN") && !l.contains("INDEX"));
                assert_eq!(scanned.count(), 0, "{sort:?} {category:?} {way:?}:\n{text}");
                assert!(!text.contains("TEMP B-TREE"), "{sort:?} {category:?} {way:?}:\n{text}");
                if way != Way::Walk("тапки".to_owned()) {
                    assert!(text.contains(&format!("COVERING INDEX {index}")), "{sort:?}:\n{text}");
                }
            }
        }
    }
}

#[test]
fn a_page_begins_at_a_product_before_it() {
    let fixture = Fixture::new();
    let from = Place { id: SlipperId::new(700), position: 600 };
    for sort in SORTS {
        for category in [None, Some(2)] {
            let query = SlipperQuery { page: Page::new(620, 20), ..query(sort, category, None) };
            for way in [Way::All, Way::Walk("42".to_owned()), Way::Walk("тапки".to_owned())] {
                let plan = fixture.plan(&ids_of(&query, &way, Some(from))).join("\n");
                let index = index(sort, category.is_some());
                let category = if category.is_some() { "category_id=? AND " } else { "" };
                let beyond = if direction(sort).is_empty() { '>' } else { '<' };
                let sought = match key(sort) {
                    None if category.is_empty() => vec![format!("{index} (id{beyond}?)")],
                    None => vec![format!("{index} ({category}id{beyond}?)")],
                    Some(key) => vec![
                        format!("{index} ({category}{key}=? AND id{beyond}?)"),
                        format!("{index} ({category}{key}{beyond}?)"),
                    ],
                };
                for sought in sought {
                    assert!(plan.contains(&sought), "{sort:?} {way:?}: no {sought} in\n{plan}");
                }
            }
        }
    }
    for (term, sought) in [("42", "gram=? AND slipper_id>?"), ("тапки", "VIRTUAL TABLE INDEX 64:M2>")] {
        let query = SlipperQuery { page: Page::new(620, 20), ..query(Sort::IdAsc, None, Some(term)) };
        let plan = fixture.plan(&ids_of(&query, &collect(term), Some(from))).join("\n");
        assert!(plan.contains(sought), "{term}: no {sought} in\n{plan}");
    }
}

#[test]
fn a_search_by_number_comes_in_order_from_the_lookup() {
    let fixture = Fixture::new();
    for term in ["42", "тапки"] {
        for sort in [Sort::IdAsc, Sort::IdDesc] {
            let plan = fixture.plan(&ids_of(&query(sort, None, None), &collect(term), None));
            let text = plan.join("\n");
            assert!(!text.contains("TEMP B-TREE"), "{term}:\n{text}");
            assert!(!plan.iter().any(|line| line.starts_with("SCAN s ")), "{term}:\n{text}");
        }
    }
}

#[test]
fn no_term_however_odd_has_every_product_looked_at() {
    let fixture = Fixture::new();
    let long = "ж".repeat(70);
    for term in
        ["ж", "zq", "zqz", &long, "\u{fffd}\u{fffd}\u{fffd}", "тапки\u{fffe}", "\u{ffff}редкие", "т\0а"]
    {
        for category in [None, Some(1)] {
            let query = query(Sort::PriceAsc, category, Some(term));
            let counting = count_statement(&query, None, Patience::Long, Moment::default());
            let mut plan = fixture.plan(&counting);
            let counted = count(&fixture.db(), &fixture.lists, &query, Patience::Long).expect("an answer");
            let (way, from) = choose_way(&query, &counted.expect("a count").counted, None);
            plan.extend(fixture.plan(&ids_of(&query, &way, from)));
            let scanned = plan.iter().filter(|line| {
                ["SCAN slippers", "SCAN s", "SCAN k"].iter().any(|table| {
                    line.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                })
            });
            assert_eq!(scanned.count(), 0, "{term:?} {category:?}:\n{}", plan.join("\n"));
        }
    }
}

#[test]
fn every_way_finds_what_a_scan_finds() {
    let fixture = Fixture::new();
    let all = fixture.all_slippers();
    for term in ["42", "п", "тапки", "ТАПКИ редкие", "нет такого"] {
        for category in [None, Some(1), Some(3)] {
            for sort in SORTS {
                let query = SlipperQuery { page: Page::new(3, 20), ..query(sort, category, Some(term)) };
                let (expected, total) = scan(&all, &query);
                let folded = query.search.as_ref().expect("a term").as_str().to_owned();
                for way in [Way::Walk(folded), collect(term)] {
                    assert_eq!(fixture.read(&query, &way), expected, "{term} {category:?} {sort:?} {way:?}");
                }
                let found = fixture.page(&query);
                assert_eq!((found.items, found.total, found.total_is_exact), (expected, total, true));
            }
        }
    }
}

/// The page and the total as the trait describes them.
fn scan(all: &[Slipper], query: &SlipperQuery) -> (Vec<Slipper>, i64) {
    use slippers_core::catalog::search::fold;
    let term = query.search.as_ref().expect("a term");
    let mut found: Vec<&Slipper> = all
        .iter()
        .filter(|s| term.matches(&fold(&s.name), &fold(&s.size)))
        .filter(|s| query.category.is_none_or(|id| s.category.as_ref().is_some_and(|c| c.id == id)))
        .collect();
    found.sort_by_key(|s| match query.sort {
        Sort::IdAsc | Sort::IdDesc => (String::new(), 0, s.id),
        Sort::NameAsc | Sort::NameDesc => (fold(&s.name), 0, s.id),
        Sort::PriceAsc | Sort::PriceDesc => (String::new(), s.price.minor(), s.id),
        Sort::CreatedAsc | Sort::CreatedDesc => (String::new(), s.created_at.micros(), s.id),
    });
    if direction(query.sort) == " DESC" {
        found.reverse();
    }
    let total = i64::try_from(found.len()).expect("small");
    let skip = usize::try_from(query.page.skip()).expect("small");
    (found.into_iter().skip(skip).take(20).cloned().collect(), total)
}

#[test]
fn a_page_costs_three_statements_fewer_when_its_rows_are_in_memory_and_one_past_its_end() {
    let mut fixture = Fixture::new();
    for search in [None, Some("42"), Some("тапки"), Some("редкие"), Some("тапки редкие")]
    {
        for category in [None, Some(1)] {
            // Each with products that no page had before.
            fixture.lists = Remembered::default();
            let at =
                |skip| SlipperQuery { page: Page::new(skip, 20), ..query(Sort::PriceAsc, category, search) };
            assert_eq!(fixture.cost(&at(0)), 3, "{search:?} {category:?}");
            // What stands on it is known then, or found anew at the beginning of a list.
            let again = if search.is_some() { 1 } else { 2 };
            assert_eq!(fixture.cost(&at(0)), again, "{search:?} {category:?}");
            assert_eq!(fixture.cost(&at(1_000_000)), 1, "{search:?} {category:?}");
        }
    }
}

#[test]
fn who_reads_a_deep_page_has_found_those_beside_it() {
    let walk = |term: &str| Way::Walk(term.to_owned());
    for (search, way, first, cost) in [
        // What is counted, the stones on the way, what stands there, and the rows.
        (None, Way::All, 1_200, 4),
        // No stones: all on the way is told; and all that had to be sorted.
        (Some("тапки"), walk("тапки"), 200, 3),
        (Some("42"), walk("42"), 0, 3),
    ] {
        let fixture = Fixture::new();
        let at = |skip| SlipperQuery { page: Page::new(skip, 20), ..query(Sort::PriceAsc, None, search) };
        let deep = if search == Some("42") { 300 } else { 1_300 };
        // What was read near the beginning hides nothing of what comes.
        fixture.page(&at(20));
        assert_eq!(fixture.cost(&at(deep)), cost, "{search:?}");
        for skip in (first..deep + 20).step_by(20) {
            // What is counted, and the rows unless they are in memory.
            assert_eq!(
                fixture.cost(&at(skip)),
                if [20, deep].contains(&skip) { 1 } else { 2 },
                "{search:?} {skip}"
            );
            assert_eq!(fixture.page(&at(skip)).items, fixture.read(&at(skip), &way), "{search:?} {skip}");
        }
        let next = at(deep + 100);
        let places = &fixture.lists.places;
        let order = places.latest().expect("an order");
        match places.start(order, &next) {
            // Nothing is passed twice: it begins at the last that is known.
            Start::At(place) => assert_eq!(place.position, deep + 99, "{search:?}"),
            start => {
                assert!(matches!(start, Start::Known(_)) && search == Some("42"), "{start:?} {search:?}");
            }
        }
        assert_eq!(fixture.page(&next).items, fixture.read(&next, &way), "{search:?}");
    }
}

#[test]
fn where_words_meet_in_few_products_nothing_else_is_looked_up() {
    let fixture = Fixture::new();
    let query = query(Sort::PriceAsc, None, Some("тапки редкие"));
    let counted = count(&fixture.db(), &fixture.lists, &query, Patience::Long).expect("an answer");
    let counted = counted.expect("a count").counted;
    assert_eq!(counted, Counted { matches: 31, products: PRODUCTS, joint: Some(0) });
    let (way, from) = choose_way(&query, &counted, None);
    assert!(matches!(&way, Way::Collect(Matches { by: By::Joint(joint), .. }) if joint == "пки ред"));
    let plan = fixture.plan(&ids_of(&query, &way, from)).join("\n");
    assert!(plan.contains("slipper_grams USING PRIMARY KEY (gram=?)"), "{plan}");
    // In most products "пки 1" and the like are: too short for a joint.
    let common = SlipperQuery { search: SearchTerm::new("тапки 1"), ..query };
    let counted = count(&fixture.db(), &fixture.lists, &common, Patience::Long).expect("an answer");
    assert_eq!(counted.expect("a count").counted.joint, None);
}

#[test]
fn the_search_index_agrees_with_the_products() {
    let fixture = Fixture::new();
    let check = "INSERT INTO slipper_search (slipper_search, rank) VALUES ('integrity-check', 1)";
    fixture.conn.execute(check, []).expect("an index that agrees");
    let db = fixture.db();
    let id = SlipperId::new(10);
    let change = SlipperChange { name: Some("Шлёпанцы".to_owned()), ..SlipperChange::default() };
    let by = UserId::new(1);
    slippers::update(&db, id, &change, by, NOW).expect("a change");
    slippers::delete(&db, SlipperId::new(11), slippers_core::audit::By::CommandLine, NOW)
        .expect("a deletion");
    fixture.conn.execute(check, []).expect("an index that agrees");
    let orphans = "SELECT count(*) FROM slipper_grams WHERE slipper_id NOT IN (SELECT id FROM slippers)";
    assert_eq!(fixture.conn.query_row(orphans, [], |row| row.get::<_, i64>(0)), Ok(0));
}
