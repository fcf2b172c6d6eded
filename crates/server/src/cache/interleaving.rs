//! The cache among threads in thousands of orders: every look at a counter or a lock of its own is a moment in which another
//! thread may go on. The code is the cache's own, over primitives of [`shuttle`] that choose who goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use slippers_core::Change;
use slippers_core::types::{CategoryId, SlipperId};

use self::checked::pages::PageCache;
use self::checked::sync::{AtomicU64, explore};
use super::key::PageKey;
use super::key::tests::{list, slipper};
use crate::http::errors::ApiError;
use crate::settings::CacheSettings;

const ORDERS: usize = 3_000;

#[expect(clippy::duplicate_mod, reason = "the same code is held under another scheduler")]
#[expect(dead_code, reason = "not everything is called here")]
mod checked;

/// A page that shows one number of the database, its cache, and what was answered.
struct Shop {
    cache: Arc<PageCache>,
    stored: AtomicU64,
    answered: AtomicU64,
    asked: AtomicU64,
}

impl Shop {
    fn new() -> Arc<Self> {
        let cache = Arc::new(PageCache::new(&CacheSettings::default(), None));
        let [stored, answered, asked] = [0; 3].map(AtomicU64::new);
        Arc::new(Self { cache, stored, answered, asked })
    }

    fn write(&self, change: Change) {
        self.stored.fetch_add(1, Ordering::SeqCst);
        self.cache.listener().upgrade().expect("it is there").changed(&[change]);
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    async fn ask(self: Arc<Self>) -> Result<Vec<u8>, ApiError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let seen = self.stored.load(Ordering::SeqCst);
        // The answer is under way.
        shuttle::future::yield_now().await;
        Ok(seen.to_string().into_bytes())
    }

    async fn read(self: Arc<Self>, key: PageKey) {
        let at_least = self.answered.load(Ordering::SeqCst);
        let page = match self.cache.get(&key, self.cache.at(Instant::now())) {
            Some(page) => page,
            None => self.cache.fetch(key, self.clone().ask()).await.expect("a page"),
        };
        let seen = std::str::from_utf8(page.form(false).body).expect("text");
        let seen: u64 = seen.parse().expect("a number");
        assert!(seen >= at_least, "{seen} was seen after {at_least} was answered");
    }
}

fn race(page: PageKey, changes: [Change; 2]) {
    explore(ORDERS, move || {
        let shop = Shop::new();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (shop, page) = (shop.clone(), page.clone());
                shuttle::future::spawn(async move {
                    for _ in 0..3 {
                        shop.clone().read(page.clone()).await;
                    }
                })
            })
            .collect();
        let writer = {
            let shop = shop.clone();
            shuttle::thread::spawn(move || changes.into_iter().for_each(|change| shop.write(change)))
        };
        writer.join().expect("it writes");
        shuttle::future::block_on(async {
            for reader in readers {
                reader.await.expect("it reads");
            }
            shop.clone().read(page.clone()).await;
        });
    });
}

#[test]
fn a_fill_that_races_a_change_is_never_kept_as_new() {
    let one = SlipperId::new(1);
    race(slipper(1), [Change::Slipper(one), Change::Stock(one)]);
    race(list(0), [Change::Slipper(one), Change::Category(CategoryId::new(1))]);
}

#[test]
fn of_many_one_asks_and_its_leaving_leaves_nobody_waiting() {
    explore(ORDERS, || {
        let shop = Shop::new();
        let leader = {
            let shop = shop.clone();
            shuttle::thread::spawn(move || {
                let mut fetch = Box::pin(shop.cache.fetch(list(0), shop.clone().ask()));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                // Asks, and goes away.
                let _ = fetch.as_mut().poll(&mut context);
            })
        };
        let waiters: Vec<_> = (0..2).map(|_| shuttle::future::spawn(shop.clone().read(list(0)))).collect();
        shuttle::future::block_on(async {
            for waiter in waiters {
                waiter.await.expect("it is answered");
            }
        });
        leader.join().expect("it has left");
        assert_eq!(shop.asked.load(Ordering::SeqCst), 1, "one question for all");
    });
}
