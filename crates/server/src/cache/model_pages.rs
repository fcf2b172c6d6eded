//! The kept pages of one instance against a model: answers that arrive late, in any order and twice asked for, writes that are
//! told in another order than they were committed in, and twice, readers that leave, questions that fail, memory for a
//! few pages only, and restarts. Nobody sees what was there before an answer that they could know of.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Instant;

use futures_util::poll;
use proptest::prelude::*;
use slippers_core::types::{CategoryId, SlipperId};
use slippers_core::{Change, ChangeListener as _};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::key::tests::{list, slipper};
use super::{Page, PageCache, PageKey};
use crate::http::errors::{ApiError, Code};
use crate::settings::CacheSettings;

const PRODUCTS: usize = 3;
/// The products' own pages, two lists and a category.
const PAGES: usize = PRODUCTS + 3;
/// Less than all pages take together.
const MAX_BYTES: u64 = 4 * 800;

/// What a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    /// An admin's change of a product, or the sale of its last pair.
    Product(usize),
    /// An order: lists may show the count from before for a moment.
    Stock(usize),
    /// A category, whose name every page may show.
    Category,
}

/// A step. What is under way is named by its place, modulo how much there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Read(usize),
    /// The database answers a question; the answer is still on its way.
    Query(usize),
    /// The answer arrives, or a failure does.
    Arrive {
        at: usize,
        well: bool,
    },
    /// Somebody goes away.
    Leave(usize),
    Commit(Write),
    /// Any of the commits is told and answered.
    Answer(usize),
    /// One that was told before is told again.
    Repeat(usize),
    Evict,
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    let at = || 0..8_usize;
    let write = prop_oneof![
        3 => (0..PRODUCTS).prop_map(Write::Product),
        3 => (0..PRODUCTS).prop_map(Write::Stock),
        1 => Just(Write::Category),
    ];
    prop_oneof![
        8 => (0..PAGES).prop_map(Step::Read),
        6 => at().prop_map(Step::Query),
        6 => (at(), prop::bool::weighted(0.9)).prop_map(|(at, well)| Step::Arrive { at, well }),
        1 => at().prop_map(Step::Leave),
        4 => write.prop_map(Step::Commit),
        4 => at().prop_map(Step::Answer),
        1 => at().prop_map(Step::Repeat),
        1 => Just(Step::Evict),
        1 => Just(Step::Restart),
    ]
}

fn key(page: usize) -> PageKey {
    match page {
        PRODUCTS => list(0),
        page if page == PRODUCTS + 1 => list(20),
        page if page > PRODUCTS => PageKey::Category(CategoryId::new(1)),
        page => slipper(id(page).get()),
    }
}

fn id(product: usize) -> SlipperId {
    SlipperId::new(i64::try_from(product).expect("small"))
}

/// Whether a page must show a write as soon as it was answered.
fn shows(page: usize, write: Write) -> bool {
    match write {
        Write::Category => true,
        Write::Product(product) => page == product || page == PRODUCTS || page == PRODUCTS + 1,
        Write::Stock(product) => page == product,
    }
}

type Fetch = Pin<Box<dyn Future<Output = Result<Arc<Page>, ApiError>>>>;

struct Reading {
    fetch: Option<Fetch>,
    page: usize,
    at_least: u128,
    query: Option<oneshot::Sender<()>>,
    arrive: Option<oneshot::Sender<bool>>,
}

/// A page's number tells which writes it shows: each is a bit.
struct Model {
    cache: Arc<PageCache>,
    stored: Arc<Mutex<[u128; PAGES]>>,
    answered: [u128; PAGES],
    writes: u32,
    commits: Vec<(u32, Write)>,
    told: Vec<Write>,
    readings: Vec<Reading>,
    hits: usize,
}

fn cache() -> Arc<PageCache> {
    Arc::new(PageCache::new(&CacheSettings { max_bytes: MAX_BYTES, ..CacheSettings::default() }, None))
}

fn number(page: &Page) -> u128 {
    let text = std::str::from_utf8(page.form(false).body).expect("text");
    text.trim_start().parse().expect("a number")
}

fn tell(cache: &PageCache, write: Write) {
    let change = match write {
        Write::Product(product) => Change::Slipper(id(product)),
        Write::Stock(product) => Change::Stock(id(product)),
        Write::Category => Change::Category(CategoryId::new(1)),
    };
    cache.generations.changed(&[change]);
}

impl Model {
    fn new() -> Self {
        Self {
            cache: cache(),
            stored: Arc::default(),
            answered: [0; PAGES],
            writes: 0,
            commits: Vec::new(),
            told: Vec::new(),
            readings: Vec::new(),
            hits: 0,
        }
    }

    async fn take(&mut self, step: Step) {
        let readings = self.readings.len().max(1);
        let reading = |at: usize| at % readings;
        match step {
            Step::Read(page) => self.read(page),
            Step::Query(at) => {
                let query = self.readings.get_mut(reading(at)).and_then(|one| one.query.take());
                query.map(|go| go.send(()));
            }
            Step::Arrive { at, well } => {
                let arrive = self.readings.get_mut(reading(at)).and_then(|one| one.arrive.take());
                arrive.map(|go| go.send(well));
            }
            Step::Leave(at) => {
                if let Some(one) = self.readings.get_mut(reading(at)) {
                    one.fetch = None;
                }
            }
            Step::Commit(write) => {
                let mut stored = self.stored.lock().expect("no poison");
                (0..PAGES)
                    .filter(|page| shows(*page, write))
                    .for_each(|page| stored[page] |= 1 << self.writes);
                self.commits.push((self.writes, write));
                self.writes += 1;
            }
            Step::Answer(at) => {
                let commits = self.commits.len();
                if commits > 0 {
                    let (number, write) = self.commits.swap_remove(at % commits);
                    tell(&self.cache, write);
                    self.told.push(write);
                    let shown = (0..PAGES).filter(|page| shows(*page, write));
                    shown.for_each(|page| self.answered[page] |= 1 << number);
                }
            }
            Step::Repeat(at) => {
                if let Some(write) = self.told.get(at % self.told.len().max(1)) {
                    tell(&self.cache, *write);
                }
            }
            Step::Evict => self.cache.pages.as_ref().expect("it keeps pages").clear(),
            Step::Restart => self.cache = cache(),
        }
        for _ in 0..3 {
            yield_now().await;
        }
        self.look_at_answers().await;
        let figures = self.cache.figures();
        assert!(figures.bytes <= MAX_BYTES, "{figures:?}");
    }

    fn read(&mut self, page: usize) {
        let at_least = self.answered[page];
        if let Some(kept) = self.cache.get(&key(page), self.cache.at(Instant::now())) {
            self.hits += 1;
            assert_shown(page, number(&kept), at_least);
            return;
        }
        let (query, queried) = oneshot::channel();
        let (arrive, arrived) = oneshot::channel();
        let stored = self.stored.clone();
        let ask = async move {
            // A model that ends lets everything go on.
            let _ = queried.await;
            let seen = stored.lock().expect("no poison")[page];
            if !arrived.await.unwrap_or(true) {
                return Err(ApiError::from(Code::Overloaded));
            }
            // Pages of different weights, so that some make room for several others.
            Ok(format!("{seen:>width$}", width = 40 + 90 * page).into_bytes())
        };
        let cache = self.cache.clone();
        let fetch: Fetch = Box::pin(async move { cache.fetch(key(page), ask).await });
        let (query, arrive) = (Some(query), Some(arrive));
        self.readings.push(Reading { fetch: Some(fetch), page, at_least, query, arrive });
    }

    async fn look_at_answers(&mut self) {
        for reading in &mut self.readings {
            let Some(fetch) = &mut reading.fetch else { continue };
            if let Poll::Ready(answer) = poll!(fetch.as_mut()) {
                let Reading { page, at_least, .. } = reading;
                match answer.map(|shown| number(&shown)) {
                    Ok(seen) => assert_shown(*page, seen, *at_least),
                    Err(error) => assert_eq!(error.code(), Code::Overloaded),
                }
                reading.fetch = None;
            }
        }
    }

    /// Everybody who waits is answered, and after a pause of writes a page is asked for once.
    async fn settle(&mut self) {
        for at in 0..self.readings.len() {
            self.take(Step::Query(at)).await;
            self.take(Step::Arrive { at, well: true }).await;
        }
        assert!(self.readings.iter().all(|reading| reading.fetch.is_none()), "somebody waits for ever");
        assert_eq!(self.cache.flights.len(), 0);
        while !self.commits.is_empty() {
            self.take(Step::Answer(0)).await;
        }
        for page in 0..PAGES {
            self.cache.pages.as_ref().expect("it keeps pages").clear();
            let now = self.stored.lock().expect("no poison")[page];
            let ask = async move { Ok(now.to_string().into_bytes()) };
            self.cache.fetch(key(page), ask).await.expect("a page");
            let before = self.hits;
            self.read(page);
            assert_eq!(self.hits, before + 1, "page {page} was not kept");
        }
    }
}

/// What was answered must be shown; what was only committed may be.
#[track_caller]
fn assert_shown(page: usize, shown: u128, at_least: u128) {
    assert_eq!(shown & at_least, at_least, "page {page} shows {shown:b}, {at_least:b} were answered before");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_shows_what_was_there_before_an_answer(steps in proptest::collection::vec(any_step(), 0..120)) {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let mut model = Model::new();
            for step in steps {
                model.take(step).await;
            }
            model.settle().await;
        });
    }
}
