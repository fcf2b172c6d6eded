//! The table of kept pages, and how one gets into it.

use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use slippers_core::ChangeListener;

use super::clock::Coarse;
use super::flights::Flights;
use super::generations::{Generations, Stamp};
use super::key::PageKey;
use super::page::Page;
use super::redis::Redis;
use super::shared::SharedPages;
use crate::http::errors::ApiError;
use crate::settings::CacheSettings;
use crate::stripes::Counter;

/// What a page takes, roughly: from this the table's own size is reckoned.
const USUAL_PAGE_BYTES: u64 = 8 * 1024;

/// The kept pages.
pub(crate) struct PageCache {
    /// `None` = nothing is kept.
    pub(super) pages: Option<Cache<PageKey, Arc<Page>, ByWeight>>,
    pub(super) generations: Arc<Generations>,
    pub(super) flights: Arc<Flights>,
    clock: Coarse,
    ttl: Duration,
    hasher: RandomState,
    /// Pages of other instances.
    shared: Option<SharedPages>,
    capacity: AtomicU64,
    hits: Counter,
    shared_hits: AtomicU64,
    misses: AtomicU64,
}

/// What the cache did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Pages that were there.
    pub(crate) hits: u64,
    /// Pages that other instances had made.
    pub(crate) shared_hits: u64,
    /// Pages that were made.
    pub(crate) misses: u64,
    /// Pages that are kept.
    pub(crate) pages: u64,
    /// Bytes that they take at most.
    pub(crate) bytes: u64,
    /// Bytes that they may take now.
    pub(crate) capacity: u64,
}

impl PageCache {
    /// Keeps pages of at most `max_bytes` in all, and shares them where there is a Redis.
    pub(crate) fn new(settings: &CacheSettings, redis: Option<Arc<Redis>>) -> Self {
        let clock = Coarse::start();
        Self {
            pages: table(settings.max_bytes),
            generations: Arc::new(Generations::new(clock)),
            flights: Arc::default(),
            clock,
            ttl: settings.ttl,
            hasher: RandomState::new(),
            // Where nothing is kept, nothing is shared either.
            shared: redis
                .filter(|_| settings.max_bytes > 0)
                .map(|redis| SharedPages::new(redis, settings.ttl)),
            capacity: AtomicU64::new(settings.max_bytes),
            hits: Counter::default(),
            shared_hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Whom to tell what was changed: here, in another process, on another machine.
    pub(crate) fn listener(&self) -> Weak<dyn ChangeListener> {
        let listener: Weak<Generations> = Arc::downgrade(&self.generations);
        listener
    }

    /// A moment in nanoseconds of the cache's clock, which began with it.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        self.clock.at(moment)
    }

    /// The page, if it is kept and still true at this moment.
    pub(crate) fn get(&self, key: &PageKey, now: u64) -> Option<Arc<Page>> {
        let found = self.look(key, self.generations.stamp(key, now), now);
        if found.is_some() {
            self.hits.count();
        }
        found
    }

    /// The page, from here or made of what `ask` brings: its JSON. Of many who want it at once one asks.
    ///
    /// # Errors
    /// That of `ask`, told to those who wait for it now and not kept; 503 when it takes too long.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        key: PageKey,
        ask: impl Future<Output = Result<Vec<u8>, ApiError>> + Send + 'static,
    ) -> Result<Arc<Page>, ApiError> {
        // Before the database is asked.
        let now = self.clock.now();
        let stamp = self.generations.stamp(&key, now);
        let sharing = self.shared.as_ref().and_then(|_| self.generations.sharing(&key));
        let make = {
            let (cache, key) = (self.clone(), key.clone());
            async move {
                let shared = cache.shared.as_ref().zip(sharing);
                if let Some((pages, sharing)) = &shared
                    && let Some(json) = pages.get(&key, sharing).await
                {
                    cache.shared_hits.fetch_add(1, Ordering::Relaxed);
                    return Ok(cache.keep(key, json.into(), stamp));
                }
                let json = ask.await?;
                cache.misses.fetch_add(1, Ordering::Relaxed);
                if let Some((pages, sharing)) = &shared {
                    pages.put(&key, sharing, &json);
                }
                Ok(cache.keep(key, json, stamp))
            }
        };
        let look = || self.look(&key, stamp, now);
        self.flights.join(key.clone(), stamp, look, make).await
    }

    /// A page that nobody else would ask for: it is not kept.
    pub(crate) fn once(&self, key: &PageKey, json: Vec<u8>) -> Arc<Page> {
        let now = self.clock.now();
        Arc::new(Page::new(key, json, self.generations.stamp(key, now), now))
    }

    pub(crate) fn figures(&self) -> Figures {
        let pages = self.pages.as_ref();
        Figures {
            hits: self.hits.sum(),
            shared_hits: self.shared_hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            pages: pages.map_or(0, |pages| u64::try_from(pages.len()).unwrap_or(u64::MAX)),
            bytes: pages.map_or(0, Cache::weight),
            capacity: self.capacity(),
        }
    }

    /// Bytes that kept pages may take now.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Lets them take so many from now on; what is too much is dropped at once.
    pub(crate) fn set_capacity(&self, bytes: u64) {
        if let Some(pages) = &self.pages {
            pages.set_capacity(bytes);
            self.capacity.store(bytes, Ordering::Relaxed);
        }
    }

    fn look(&self, key: &PageKey, stamp: Stamp, now: u64) -> Option<Arc<Page>> {
        self.pages.as_ref()?.get(key).filter(|page| page.stamp == stamp && now < page.expires_at)
    }

    fn keep(&self, key: PageKey, json: Vec<u8>, stamp: Stamp) -> Arc<Page> {
        // Nine to eleven tenths of the time, so that pages made together don't all end together.
        let life = self.ttl.mul_f64(0.9 + 0.2 * key.spread(&self.hasher));
        let now = self.clock.now();
        let expires_at = now.saturating_add(u64::try_from(life.as_nanos()).unwrap_or(u64::MAX));
        let page = Arc::new(Page::new(&key, json, stamp, expires_at));
        // What has become old on its way would only take the place of something that is true.
        if let Some(pages) = &self.pages
            && self.generations.stamp(&key, now) == stamp
        {
            pages.insert(key, page.clone());
        }
        page
    }
}

impl std::fmt::Debug for PageCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageCache").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

fn table(max_bytes: u64) -> Option<Cache<PageKey, Arc<Page>, ByWeight>> {
    let pages = usize::try_from(max_bytes / USUAL_PAGE_BYTES).unwrap_or(usize::MAX).max(1);
    let options = OptionsBuilder::new().weight_capacity(max_bytes).estimated_items_capacity(pages).build();
    let options = options.ok().filter(|_| max_bytes > 0)?;
    Some(Cache::with_options(options, ByWeight, DefaultHashBuilder::default(), DefaultLifecycle::default()))
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ByWeight;

impl Weighter<PageKey, Arc<Page>> for ByWeight {
    fn weight(&self, _: &PageKey, page: &Arc<Page>) -> u64 {
        page.weight()
    }
}
