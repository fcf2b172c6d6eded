//! A page that is kept is never older than the last change that was answered, whatever overtakes what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::poll;
use slippers_core::types::SlipperId;
use slippers_core::{Change, ChangeListener as _};
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};

use super::clock::Coarse;
use super::flights::Flights;
use super::generations::Generations;
use super::key::tests::{list, search, slipper};
use super::{Page, PageCache, PageKey};
use crate::http::errors::{ApiError, Code};
use crate::settings::CacheSettings;

const ONE: SlipperId = SlipperId::new(1);
const MIB: u64 = 1024 * 1024;

fn cache(max_bytes: u64) -> Arc<PageCache> {
    Arc::new(PageCache::new(&CacheSettings { max_bytes, ..CacheSettings::default() }, None))
}

fn number(page: &Page) -> u64 {
    std::str::from_utf8(page.form(false).body).expect("text").parse().expect("a number")
}

fn tell(cache: &PageCache, change: Change) {
    cache.generations.changed(&[change]);
}

async fn fetch_number(cache: &Arc<PageCache>, key: PageKey, number: u64) -> u64 {
    let page = cache.fetch(key, async move { Ok(number.to_string().into_bytes()) }).await.expect("a page");
    self::number(&page)
}

#[tokio::test]
async fn a_page_is_kept_until_what_it_shows_is_changed() {
    let cache = cache(MIB);
    assert_eq!(fetch_number(&cache, slipper(1), 5).await, 5);
    assert_eq!(fetch_number(&cache, slipper(1), 6).await, 5);
    tell(&cache, Change::Slipper(SlipperId::new(2)));
    assert_eq!(fetch_number(&cache, slipper(1), 7).await, 5, "it is another product");
    tell(&cache, Change::Slipper(ONE));
    assert!(cache.get(&slipper(1), cache.at(Instant::now())).is_none());
    assert_eq!(fetch_number(&cache, slipper(1), 8).await, 8);
}

#[tokio::test]
async fn nothing_is_kept_for_longer_than_told() {
    let settings = CacheSettings { ttl: Duration::ZERO, ..CacheSettings::default() };
    let brief = Arc::new(PageCache::new(&settings, None));
    assert_eq!(fetch_number(&brief, list(0), 1).await, 1);
    assert_eq!(fetch_number(&brief, list(0), 2).await, 2);
    let none = cache(0);
    assert_eq!(fetch_number(&none, list(0), 1).await, 1);
    assert_eq!(fetch_number(&none, list(0), 2).await, 2);
    assert_eq!(none.figures().pages, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_want_a_page_at_once_ask_once() {
    let (cache, asked, go) = (cache(MIB), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (cache, asked, go) = (cache.clone(), asked.clone(), go.clone());
            tokio::spawn(async move {
                let ask = async move {
                    asked.fetch_add(1, Ordering::SeqCst);
                    go.notified().await;
                    Ok(b"7".to_vec())
                };
                number(&cache.fetch(list(0), ask).await.expect("a page"))
            })
        })
        .collect();
    go.notify_one();
    for task in tasks {
        assert_eq!(task.await.expect("no panic"), 7);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(cache.flights.len(), 0);
}

#[tokio::test]
async fn a_question_goes_on_when_whoever_asked_it_is_gone() {
    let cache = cache(MIB);
    let (go, gone) = oneshot::channel::<()>();
    let mut first = Box::pin(cache.fetch(list(0), async move {
        gone.await.expect("told to go on");
        Ok(b"1".to_vec())
    }));
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(cache.fetch(list(0), async { Ok(b"2".to_vec()) }));
    assert!(poll!(second.as_mut()).is_pending(), "it waits for the first one's answer");
    drop(first);
    go.send(()).expect("the question stands");
    assert_eq!(number(&second.await.expect("a page")), 1);
    assert!(cache.get(&list(0), cache.at(Instant::now())).is_some(), "and it is kept");
}

#[tokio::test]
async fn an_error_is_for_those_who_wait_and_for_nobody_after() {
    let cache = cache(MIB);
    let (go, gone) = oneshot::channel::<()>();
    let ask = async move {
        gone.await.expect("told to go on");
        Err(ApiError::from(Code::Overloaded))
    };
    let mut first = Box::pin(cache.fetch(list(0), ask));
    assert!(poll!(first.as_mut()).is_pending());
    let mut second = Box::pin(cache.fetch(list(0), async { Ok(b"2".to_vec()) }));
    assert!(poll!(second.as_mut()).is_pending());
    go.send(()).expect("the question stands");
    assert_eq!(first.await.expect_err("an error").code(), Code::Overloaded);
    assert_eq!(second.await.expect_err("the same").code(), Code::Overloaded);
    assert_eq!(fetch_number(&cache, list(0), 3).await, 3);
    let panicked = cache.fetch(list(20), async { panic!("a defect") }).await.expect_err("an error");
    assert_eq!(panicked.code(), Code::Internal);
    assert_eq!(fetch_number(&cache, list(20), 4).await, 4);
}

#[tokio::test]
async fn a_question_without_an_answer_is_given_up() {
    let flights = Arc::new(Flights::ending_after(Duration::from_millis(5)));
    let stamp = Generations::new(Coarse::start()).stamp(&list(0), 0);
    let hanging = flights.join(list(0), stamp, || None, std::future::pending());
    assert_eq!(hanging.await.expect_err("no page").code(), Code::TimedOut);
    assert_eq!(flights.len(), 0);
}

#[tokio::test]
async fn who_comes_after_a_change_does_not_wait_for_an_answer_from_before() {
    let cache = cache(MIB);
    let (go, gone) = oneshot::channel::<()>();
    let old = async move {
        gone.await.expect("told to go on");
        Ok(b"1".to_vec())
    };
    let mut late = Box::pin(cache.fetch(slipper(1), old));
    assert!(poll!(late.as_mut()).is_pending());
    tell(&cache, Change::Slipper(ONE));
    assert_eq!(fetch_number(&cache, slipper(1), 2).await, 2);
    go.send(()).expect("the question stands");
    assert_eq!(number(&late.await.expect("a page")), 1, "who came before may see what was before");
    assert_eq!(fetch_number(&cache, slipper(1), 3).await, 2, "but puts it back for nobody");
}

/// What a page of so many bytes weighs, which is too short for two forms.
async fn weight_of(bytes: usize) -> u64 {
    let cache = cache(MIB);
    cache.fetch(list(0), async move { Ok(vec![b'1'; bytes]) }).await.expect("a page");
    cache.figures().bytes
}

#[tokio::test]
async fn the_bound_is_kept_to_the_byte() {
    let each = weight_of(300).await;
    assert!(each > 300, "a page takes more than its text");
    for (max_bytes, fit) in [(3 * each, 3), (3 * each - 1, 2), (4 * each - 1, 3), (each - 1, 0)] {
        let cache = cache(max_bytes);
        for at in 0..40 {
            cache.fetch(list(at), async { Ok(vec![b'1'; 300]) }).await.expect("a page");
            assert!(cache.figures().bytes <= max_bytes, "{:?} of {max_bytes}", cache.figures());
        }
        assert_eq!(cache.figures().pages, fit, "{max_bytes} bytes hold {fit} pages of {each}");
    }
}

#[tokio::test]
async fn junk_stays_within_the_bound_and_leaves_real_pages_alone() {
    let cache = cache(2 * MIB);
    let real = |at: i64| list(at * 20);
    let warm = || async {
        for at in 0..20 {
            cache.fetch(real(at), async { Ok(vec![b'1'; 6000]) }).await.expect("a page");
        }
    };
    for _ in 0..3 {
        warm().await;
    }
    let before = cache.figures();
    let mut missed = 0;
    for junk in 0..10_000 {
        let key = search(&format!("{junk:0>400}"));
        cache.fetch(key, async { Ok(vec![b'2'; 900]) }).await.expect("a page");
        assert!(cache.figures().bytes <= 2 * MIB, "{:?}", cache.figures());
        if junk % 10 == 0 && cache.get(&real(junk / 10 % 20), cache.at(Instant::now())).is_none() {
            missed += 1;
            warm().await;
        }
    }
    assert!(missed <= 20, "{missed} of 1000 real pages were pushed out, before: {before:?}");
}

#[test]
fn readers_beside_a_writer_never_see_what_was_there_before_an_answer() {
    const WRITES: u64 = 20_000;
    let cache = cache(MIB);
    let (stored, answered) = (AtomicU64::new(0), AtomicU64::new(0));
    let stored: &'static AtomicU64 = Box::leak(Box::new(stored));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in 1..=WRITES {
                stored.store(version, Ordering::SeqCst);
                tell(&cache, Change::Slipper(ONE));
                answered.store(version, Ordering::SeqCst);
                std::thread::yield_now();
            }
        });
        for key in [slipper(1), list(0), slipper(1)] {
            let (cache, answered) = (&cache, &answered);
            scope.spawn(move || {
                let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
                while answered.load(Ordering::SeqCst) < WRITES {
                    let at_least = answered.load(Ordering::SeqCst);
                    let seen = match cache.get(&key, cache.at(Instant::now())) {
                        Some(page) => number(&page),
                        None => {
                            let ask = async {
                                let seen = stored.load(Ordering::SeqCst).to_string().into_bytes();
                                // The writer may overtake the answer here.
                                std::thread::yield_now();
                                Ok(seen)
                            };
                            number(&runtime.block_on(cache.fetch(key.clone(), ask)).expect("a page"))
                        }
                    };
                    assert!(seen >= at_least, "{seen} was seen after {at_least} was answered");
                }
            });
        }
    });
    assert_eq!(answered.into_inner(), WRITES);
}

#[tokio::test]
async fn a_smaller_capacity_counts_at_once_and_a_larger_one_again() {
    let cache = cache(MIB);
    for id in 0..400 {
        cache.fetch(slipper(id), async { Ok(vec![b'1'; 1000]) }).await.expect("a page");
    }
    let before = cache.figures();
    assert!(before.pages > 300 && before.bytes <= MIB, "{before:?}");
    cache.set_capacity(MIB / 8);
    let after = cache.figures();
    assert!(after.bytes <= MIB / 8 && after.pages > 0, "{after:?}");
    cache.set_capacity(MIB);
    assert_eq!(cache.figures().capacity, MIB);
    assert_eq!(fetch_number(&cache, slipper(1000), 5).await, 5);
}
