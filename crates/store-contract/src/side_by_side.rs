//! The stories of a room, side by side: much of a story is waiting.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Stories at once: each has a store with a pool of connections.
const AT_ONCE: usize = 4;

/// A story and its name.
type Named = (&'static str, fn());

/// Tells stories on threads that bear their names, and fails with the names of those that did.
pub fn tell_side_by_side(stories: &[Named]) {
    let (next, broken) = (Mutex::new(stories.iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((name, story)) = locked(&next).next() {
                    let told = thread::Builder::new().name((*name).to_owned()).spawn(*story);
                    if told.expect("a thread").join().is_err() {
                        locked(&broken).push(*name);
                    }
                }
            });
        }
    });
    let broken = locked(&broken);
    assert!(broken.is_empty(), "these promises are broken, each as its thread has told: {broken:?}");
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells a story on a runtime of its own.
pub fn block_on(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(story);
}
