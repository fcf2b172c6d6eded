//! The contract of the store traits as tests: every promise of their doc comments, for every database of the shop.
//!
//! A store's crate runs all of it with one line, [`contract_suite!`], and a factory that opens a fresh store for each test. A
//! story is an async function in the room of its feature that gets a [`given::Shop`] which holds nothing; it stands on its own,
//! at a fixed time, and waits for what it asserts and not for a while. The list of stories is written once, in `suite.rs` and
//! `suite_accounts.rs`; a test below fails when it lacks one.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test suite: a broken promise is a panic, and here is nothing but tests"
)]

pub mod accounts;
pub mod audit;
pub mod cart;
pub mod catalog;
mod expand;
pub mod given;
mod given_by;
pub mod images;
mod model;
pub mod orders;
pub mod outbox;
mod own_reads;
mod payment_suite;
pub mod payments;
pub mod search;
pub mod seeding;
mod side_by_side;
pub mod stock;
pub mod store;
mod suite;
mod suite_accounts;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use slippers_core::Store;
use slippers_core::payments::PaymentStore;
#[doc(hidden)]
pub use tokio;

use given::Shop;
#[doc(hidden)]
pub use side_by_side::{block_on, tell_side_by_side};

/// The longest that a story may take: no verb waits without a bound, so a story that hangs is a broken promise.
const STORY_LIMIT: Duration = Duration::from_secs(180);

/// A fresh store and what must outlive it, such as its directory.
pub struct TestStore {
    shop: Shop,
    // Dropped after the store, in the order of the fields.
    _kept: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStore").finish_non_exhaustive()
    }
}

impl TestStore {
    /// A store that holds nothing yet; `kept` is dropped after it.
    pub fn new(store: Arc<dyn Store>, kept: impl Any + Send + Sync) -> Self {
        Self { shop: Shop::new(store), _kept: Box::new(kept) }
    }

    /// The same of a store that keeps payments too; without, their stories fail.
    pub fn with_payments<S: Store + PaymentStore + 'static>(
        store: Arc<S>,
        kept: impl Any + Send + Sync,
    ) -> Self {
        Self { shop: Shop::with_payments(store), _kept: Box::new(kept) }
    }

    /// The shop over the store.
    pub const fn shop(&self) -> &Shop {
        &self.shop
    }
}

/// Runs a story and fails it when it does not end.
pub async fn tell(story: impl Future<Output = ()>) {
    let told = tokio::time::timeout(STORY_LIMIT, story).await;
    assert!(told.is_ok(), "the story did not end within {} s", STORY_LIMIT.as_secs());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// Every `pub async fn name(shop: &Shop)` under `src`, as (path without `.rs`, name).
    #[expect(clippy::disallowed_methods, reason = "a test that reads its own sources, on no async worker")]
    fn written(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        for path in entries {
            if path.is_dir() {
                written(&path, found);
                continue;
            }
            let room = path.strip_prefix(&src).expect("a source").with_extension("");
            let text = std::fs::read_to_string(&path).expect("a source");
            for line in text.lines() {
                let name =
                    line.strip_prefix("pub async fn ").and_then(|rest| rest.strip_suffix("(shop: &Shop) {"));
                if let Some(name) = name {
                    found.insert((room.to_string_lossy().replace('\\', "/"), name.to_owned()));
                }
            }
        }
    }

    #[test]
    fn every_story_is_in_the_list_once() {
        let mut sources = BTreeSet::new();
        written(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
        let names = [&crate::contract_suite!(@names)[..], &crate::payment_suite!(@names)[..]].concat();
        let listed: BTreeSet<(String, String)> =
            names.iter().map(|(room, story)| ((*room).to_owned(), (*story).to_owned())).collect();
        assert_eq!(listed.len(), names.len(), "a story is listed twice");
        let forgotten: Vec<_> = sources.difference(&listed).collect();
        assert!(forgotten.is_empty(), "not in suite.rs: {forgotten:?}");
        assert_eq!(sources, listed);
    }
}
