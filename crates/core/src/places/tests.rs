//! What is remembered is true.

use proptest::prelude::*;

use super::stretch::DEEPEST;
use super::*;
use crate::catalog::rules::EXACT_SEARCH_TOTAL;

fn query(skip: i64, limit: i64, search: Option<&str>) -> SlipperQuery {
    SlipperQuery {
        page: Page::new(skip, limit),
        category: None,
        search: search.and_then(SearchTerm::new),
        sort: Sort::PriceAsc,
        with_images: false,
    }
}

fn ids(numbers: impl IntoIterator<Item = i64>) -> Arc<[SlipperId]> {
    numbers.into_iter().map(SlipperId::new).collect()
}

const ORDER: ListOrder = ListOrder(7);

#[test]
fn stones_lead_to_a_far_page() {
    let places = Places::<SlipperQuery>::default();
    let far = query(3 * STRIDE + 50, 20, None);
    assert_eq!((hops(&far, None), hops(&query(10_020, 20, None), None)), (3, 0));
    let last = places.lay_stones(ORDER, &far, None, &ids([50, 100, 150]));
    assert_eq!(last, Some(Place { id: SlipperId::new(150), position: 3 * STRIDE }));
    assert_eq!(places.start(ORDER, &far), Start::At(last.expect("a stone")));
    assert_eq!(hops(&far, last), 0);
    let nearer = query(2 * STRIDE + 50, 20, None);
    assert_eq!(
        places.start(ORDER, &nearer),
        Start::At(Place { id: SlipperId::new(100), position: 2 * STRIDE })
    );
    // From a place on the way; and what is known of a page is kept.
    places.remember(ORDER, &query(6 * STRIDE, 20, None), ids(301..=320));
    let from = Place { id: SlipperId::new(200), position: 4 * STRIDE };
    let last = places.lay_stones(ORDER, &query(6 * STRIDE + 50, 20, None), Some(from), &ids([250, 301]));
    assert_eq!(last.map(|place| place.position), Some(6 * STRIDE));
    assert_eq!(places.start(ORDER, &query(6 * STRIDE, 20, None)), Start::Known(ids(301..=320)));
}

#[test]
fn the_next_page_starts_at_the_end_of_the_one_before() {
    let places = Places::<SlipperQuery>::default();
    let read = query(1000, 20, None);
    assert_eq!(places.start(ORDER, &read), Start::Unknown);
    places.remember(ORDER, &read, ids(1..=20));
    assert_eq!(places.start(ORDER, &read), Start::Known(ids(1..=20)));
    assert_eq!(places.start(ORDER, &query(1005, 10, None)), Start::Known(ids(6..=15)));
    let at = |id, position| Start::At(Place { id: SlipperId::new(id), position });
    assert_eq!(places.start(ORDER, &query(1005, 20, None)), at(6, 1005));
    assert_eq!(places.start(ORDER, &query(1020, 20, None)), at(20, 1019));
    assert_eq!(places.start(ORDER, &query(5000, 20, None)), at(20, 1019));
    assert_eq!(places.start(ORDER, &query(999, 20, None)), Start::Unknown);
    assert_eq!(places.start(ListOrder(8), &read), Start::Unknown, "another order");
    assert_eq!(places.latest(), Some(ORDER));
}

#[test]
fn a_short_piece_hides_no_long_one() {
    let places = Places::<SlipperQuery>::default();
    let page = |skip| query(skip, 20, Some("t"));
    for skip in [0, 20] {
        places.remember(ORDER, &page(skip), ids(skip..skip + 20));
    }
    places.remember_stretch(ORDER, &page(500), Stretch { begin: 0, length: 1_000 }, ids(0..1_000));
    assert_eq!(places.start(ORDER, &page(500)), Start::Known(ids(500..520)));
    places.remember(ORDER, &page(500), ids(500..520));
    assert_eq!(places.start(ORDER, &page(510)), Start::Known(ids(510..530)));
    assert_eq!(places.halves().young.values().map(|found| found.young.pages.len()).sum::<usize>(), 1);
    // What is nearest may be of what came before.
    let found = Found { counted: None, young: Pages::default(), old: Pages::default() };
    let mut found =
        Found { old: places.halves().young.remove(&(ORDER, page(0).list())).expect("a list").young, ..found };
    found.keep(500, Known { ids: ids(500..520), is_last: false });
    assert_eq!(found.before(515).map(|(begin, known)| (begin, known.ids.len())), Some((0, 1_000)));
    // Of two that end at the same, the one that knows that the list does too.
    found.keep(990, Known { ids: ids(990..1_000), is_last: true });
    assert_eq!(found.before(995).map(|(begin, known)| (begin, known.is_last)), Some((990, true)));
}

#[test]
fn what_is_known_from_a_longer_piece_takes_no_room_again() {
    let places = Places::<SlipperQuery>::default();
    let page = query(1_040, 20, None);
    places.remember_stretch(ORDER, &page, Stretch { begin: 1_000, length: 200 }, ids(1..=200));
    let held = |places: &Places| places.halves().held;
    let before = held(&places);
    places.remember(ORDER, &page, ids(41..=60));
    assert_eq!(held(&places), before);
    assert_eq!(places.start(ORDER, &query(1_180, 20, None)), Start::Known(ids(181..=200)));
    // What is new of it is kept: the list ends there.
    places.remember(ORDER, &query(1_190, 20, None), ids(191..=200));
    assert_eq!(places.start(ORDER, &query(1_195, 20, None)), Start::Known(ids(196..=200)));
}

#[test]
fn a_list_that_ended_is_known_beyond_its_end() {
    let places = Places::<SlipperQuery>::default();
    places.remember(ORDER, &query(0, 20, Some("rare")), ids(1..=3));
    assert_eq!(places.start(ORDER, &query(0, 100, Some("rare"))), Start::Known(ids(1..=3)));
    assert_eq!(places.start(ORDER, &query(2, 20, Some("rare"))), Start::Known(ids([3])));
    assert_eq!(places.start(ORDER, &query(3, 20, Some("rare"))), Start::Known(Arc::new([])));
    assert_eq!(places.start(ORDER, &query(1 << 40, 20, Some("rare"))), Start::Known(Arc::new([])));
}

#[test]
fn what_is_near_is_not_remembered_unless_it_was_searched() {
    let places = Places::<SlipperQuery>::default();
    places.remember(ORDER, &query(0, 20, None), ids(1..=20));
    assert_eq!(places.start(ORDER, &query(0, 20, None)), Start::Unknown);
    let counted = Counted { matches: 20, products: 1000, joint: None };
    places.remember_count(ORDER, &query(0, 20, Some("a")), counted);
    places.remember(ORDER, &query(0, 20, Some("a")), ids(1..=20));
    assert_eq!(places.start(ORDER, &query(0, 20, Some("a"))), Start::Known(ids(1..=20)));
    assert_eq!(places.counted(ORDER, &query(300, 20, Some("a"))), Some(counted));
    assert_eq!(places.counted(ORDER, &query(300, 20, Some("b"))), None);
}

#[test]
fn the_memory_is_bounded_and_keeps_what_is_used() {
    let places = Places::<SlipperQuery>::default();
    let used = query(0, 20, Some("used"));
    places.remember(ORDER, &used, ids(1..=20));
    for number in 0..40_000_i64 {
        let counted = Counted { matches: number, products: 0, joint: None };
        places.remember_count(ORDER, &used, counted);
        let other = query(0, 20, Some(&format!("term {number}")));
        places.remember(ORDER, &other, ids(1..=20));
        assert_eq!(places.start(ORDER, &other), Start::Known(ids(1..=20)), "{number}");
        assert_eq!(places.start(ORDER, &used), Start::Known(ids(1..=20)), "{number}");
        assert_eq!(places.counted(ORDER, &used), Some(counted), "{number}");
    }
    let halves = places.halves();
    let lists = halves.young.len() + halves.old.len();
    assert!(lists <= 2 * HALF / (LIST_COST + PAGE_COST + 20) + 2, "{lists}");
    drop(halves);
    assert_eq!(places.start(ORDER, &query(0, 20, Some("term 0"))), Start::Unknown, "it is forgotten");
}

#[test]
fn a_list_that_is_read_everywhere_takes_no_more_than_its_share() {
    let places = Places::<SlipperQuery>::default();
    let bystander = query(0, 20, Some("bystander"));
    places.remember(ORDER, &bystander, ids(1..=20));
    for skip in 1_000..6_000 {
        places.remember(ORDER, &query(skip, 100, None), ids(skip..skip + 100));
    }
    let numbers = |found: &Found<SlipperId>| -> usize {
        let pages = found.young.pages.values().chain(found.old.pages.values());
        pages.map(|page| PAGE_COST + page.ids.len()).sum()
    };
    let halves = places.halves();
    let held: usize = halves.young.values().chain(halves.old.values()).map(numbers).sum();
    assert!(held <= 2 * OF_LIST, "{held} numbers");
    drop(halves);
    // What was read last is known, and what lies behind it is begun there.
    assert_eq!(places.start(ORDER, &query(5_999, 100, None)), Start::Known(ids(5_999..6_099)));
    let last = Place { id: SlipperId::new(6_098), position: 6_098 };
    assert_eq!(places.start(ORDER, &query(6_099, 100, None)), Start::At(last));
    assert_eq!(places.start(ORDER, &query(1_000, 100, None)), Start::Unknown, "it is forgotten");
    // Others have lost nothing for it, and what is held is reckoned right.
    assert!(places.halves().young.contains_key(&(ORDER, bystander.list())), "nobody has asked for it since");
    assert_eq!(places.halves().held, held + 2 * LIST_COST + 1);
}

#[test]
fn a_deep_page_is_read_with_those_between_the_same_stones() {
    let around = |skip, limit, from: Option<i64>| {
        let from = from.map(|position| Place { id: SlipperId::new(1), position });
        let Stretch { begin, length } = Stretch::around(Page::new(skip, limit), from);
        (begin, begin.saturating_add(length))
    };
    assert_eq!(around(2 * STRIDE + 50, 20, Some(2 * STRIDE)), (2 * STRIDE, 3 * STRIDE));
    assert_eq!(around(2 * STRIDE + 50, 20, None), (2 * STRIDE, 3 * STRIDE));
    // From what is known on: nothing is read twice.
    assert_eq!(around(2 * STRIDE + 50, 20, Some(2 * STRIDE + 30)), (2 * STRIDE + 30, 3 * STRIDE));
    assert_eq!(around(2 * STRIDE + 50, 20, Some(30)), (2 * STRIDE, 3 * STRIDE));
    assert_eq!(around(3 * STRIDE - 10, 100, None), (2 * STRIDE, 3 * STRIDE + 90), "to its own end");
    let from = Place { id: SlipperId::new(1), position: 30 };
    let deep = Page::new(2 * STRIDE + 50, 20);
    assert_eq!(Stretch::passed(deep, Some(from)), Stretch { begin: 30, length: 3 * STRIDE - 30 });
    assert_eq!(Stretch::passed::<SlipperId>(deep, None), Stretch { begin: 0, length: 3 * STRIDE });
    assert_eq!(Stretch::sorted(deep), Stretch { begin: 0, length: EXACT_SEARCH_TOTAL });
    let near = Page::new(STRIDE - 20, 20);
    assert_eq!(Stretch::passed(near, Some(from)), Stretch::of(near));
    assert_eq!(Stretch::sorted(near), Stretch::of(near));
    // Near the beginning a page is read alone, and so deep that nobody is promised anything.
    assert_eq!(around(STRIDE - 20, 20, None), (STRIDE - 20, STRIDE));
    assert_eq!(around(DEEPEST + 1, 20, None), (DEEPEST + 1, DEEPEST + 21));
    assert_eq!(around(i64::MAX, 20, None).0, i64::MAX);
}

proptest! {
    /// Lists that change now and then, read in pieces of any size: what is said of them is always true.
    #[test]
    fn whatever_is_known_is_true(
        lengths in prop::collection::vec(0_i64..700, 1..4),
        reads in prop::collection::vec((0_usize..4, 0_i64..800, 1_i64..=100, any::<bool>()), 1..120),
    ) {
        let places = Places::<SlipperQuery>::default();
        for (list, skip, limit, is_search) in reads {
            let order = ListOrder(i64::try_from(list % lengths.len()).unwrap_or(0));
            let length = lengths[list % lengths.len()];
            // The product at position p of list n is n * 1000 + p.
            let id = |position: i64| SlipperId::new(order.0 * 1000 + position);
            let query = query(skip, limit, is_search.then_some("t"));
            let truth: Vec<SlipperId> = (skip..length.min(skip + limit)).map(id).collect();
            let mut from = None;
            match places.start(order, &query) {
                Start::Unknown => {}
                Start::At(place) => {
                    prop_assert!(place.position <= skip && place.position < length);
                    prop_assert_eq!(place.id, id(place.position));
                    from = Some(place);
                }
                Start::Known(ids) => prop_assert_eq!(&*ids, &*truth),
            }
            let stretch = match (is_search, skip % 3) {
                (true, 0) => Stretch::passed(query.page, from),
                (true, 1) => Stretch::sorted(query.page),
                _ => Stretch::around(query.page, from),
            };
            prop_assert!(stretch.begin <= skip);
            prop_assert!(stretch.begin + stretch.length >= skip + limit);
            let read: Arc<[_]> = (stretch.begin..length.min(stretch.begin + stretch.length)).map(id).collect();
            prop_assert_eq!(&*stretch.cut(query.page, Arc::clone(&read)), &*truth);
            let is_kept = places.remember_stretch(order, &query, stretch, read);
            if is_kept && skip < length {
                prop_assert_eq!(places.start(order, &query), Start::Known(truth.into()), "once is enough");
            }
        }
    }
}
