//! The cache's files once more, over other primitives.

pub(super) use super::super::{clock, horizons, key, redis};

#[path = "../flights.rs"]
pub(super) mod flights;
#[path = "../generations.rs"]
pub(super) mod generations;
#[path = "../page.rs"]
pub(super) mod page;
#[path = "../pages.rs"]
pub(super) mod pages;

/// There are no other instances.
pub(super) mod shared {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::horizons::Sharing;
    use super::key::PageKey;
    use super::redis::Redis;

    #[derive(Debug)]
    pub(in super::super) struct SharedPages;

    impl SharedPages {
        pub(super) fn new(_: Arc<Redis>, _: Duration) -> Self {
            Self
        }

        pub(super) async fn get(&self, _: &PageKey, _: &Sharing) -> Option<Bytes> {
            None
        }

        pub(super) fn put(&self, _: &PageKey, _: &Sharing, _: &[u8]) {}
    }
}

pub(super) mod sync {
    use std::cell::Cell;
    use std::sync::atomic::{self, Ordering};
    use std::time::Duration;

    pub(in super::super) use shuttle::sync::Mutex;

    thread_local! {
        static IS_EXPLORING: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs something in so many orders.
    pub(in super::super) fn explore(orders: usize, run: impl Fn() + Send + Sync + 'static) {
        IS_EXPLORING.set(true);
        shuttle::check_random(run, orders);
        IS_EXPLORING.set(false);
    }

    /// Another thread may go on here.
    pub(in super::super) fn step() {
        if IS_EXPLORING.get() {
            shuttle::thread::yield_now();
        }
    }

    #[derive(Debug, Default)]
    pub(in super::super) struct AtomicU64(atomic::AtomicU64);

    impl AtomicU64 {
        pub(in super::super) const fn new(value: u64) -> Self {
            Self(atomic::AtomicU64::new(value))
        }

        pub(in super::super) fn load(&self, order: Ordering) -> u64 {
            step();
            self.0.load(order)
        }

        pub(in super::super) fn store(&self, value: u64, order: Ordering) {
            step();
            self.0.store(value, order);
        }

        pub(in super::super) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            step();
            self.0.fetch_add(value, order)
        }

        pub(in super::super) fn fetch_min(&self, value: u64, order: Ordering) -> u64 {
            step();
            self.0.fetch_min(value, order)
        }

        pub(in super::super) fn compare_exchange(
            &self,
            present: u64,
            new: u64,
            well: Ordering,
            ill: Ordering,
        ) -> Result<u64, u64> {
            step();
            self.0.compare_exchange(present, new, well, ill)
        }
    }

    pub(in super::super) fn spawn(work: impl Future<Output = impl Send + 'static> + Send + 'static) {
        drop(shuttle::future::spawn(work));
    }

    /// Time stands still.
    pub(in super::super) async fn timeout<T>(_: Duration, work: impl Future<Output = T>) -> Result<T, ()> {
        Ok(work.await)
    }
}
