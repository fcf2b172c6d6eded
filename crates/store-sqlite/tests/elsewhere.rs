//! Two stores on one file: what another process writes is told too.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

use std::sync::{Arc, Weak};
use std::time::Duration;

use slippers_core::audit::By;
use slippers_core::catalog::{CatalogStore as _, NewCategory};
use slippers_core::types::Timestamp;
use slippers_core::{Change, ChangeListener, Store as _};
use slippers_store_sqlite::SqliteStore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const PATIENCE: Duration = Duration::from_secs(30);

struct Ear(UnboundedSender<Change>);

impl ChangeListener for Ear {
    fn changed(&self, changes: &[Change]) {
        for change in changes {
            // The test may be over.
            let _ = self.0.send(*change);
        }
    }
}

fn listen(store: &SqliteStore) -> (Arc<Ear>, UnboundedReceiver<Change>) {
    let (tell, told) = unbounded_channel();
    let ear = Arc::new(Ear(tell));
    let listener: Weak<Ear> = Arc::downgrade(&ear);
    store.listen(listener);
    (ear, told)
}

async fn make_category(store: &SqliteStore, name: &str) {
    let new = NewCategory { name: name.to_owned(), description: None, is_active: true };
    store.create_category(new, By::CommandLine, NOW).await.expect("a category");
}

async fn next(told: &mut UnboundedReceiver<Change>) -> Change {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("it is told").expect("the ear is there")
}

#[tokio::test]
async fn what_another_process_writes_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || SqliteStore::open(&folder.path().join("shop.db")).expect("a store");
    let (ours, theirs) = (open(), open());
    let (_ear, mut told) = listen(&ours);
    for number in 0..3 {
        make_category(&theirs, &format!("Theirs {number}")).await;
        assert_eq!(next(&mut told).await, Change::Catalog);
    }
    // Also when it comes between our own writes.
    make_category(&ours, "Ours").await;
    assert!(matches!(next(&mut told).await, Change::Category(_)));
    make_category(&theirs, "Theirs again").await;
    make_category(&ours, "Ours again").await;
    let both = [next(&mut told).await, next(&mut told).await];
    assert!(both.contains(&Change::Catalog), "{both:?}");
}

#[tokio::test]
async fn our_own_writes_are_not_taken_for_anothers() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = SqliteStore::open(&folder.path().join("shop.db")).expect("a store");
    let theirs = SqliteStore::open(&folder.path().join("shop.db")).expect("a store");
    let (_ear, mut told) = listen(&ours);
    for number in 0..50 {
        make_category(&ours, &format!("Ours {number}")).await;
        assert!(matches!(next(&mut told).await, Change::Category(_)));
    }
    // Theirs comes next: no look in between has taken ours for something else.
    make_category(&theirs, "Theirs").await;
    assert_eq!(next(&mut told).await, Change::Catalog);
}

/// Who reads while nobody writes keeps nobody from folding the log in and beginning it anew.
#[tokio::test]
async fn an_idle_store_does_not_hold_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let store = SqliteStore::open(&path).expect("a store");
    let other = rusqlite::Connection::open(&path).expect("another process");
    other.busy_timeout(PATIENCE).expect("patience");
    for number in 0..3 {
        make_category(&store, &format!("Number {number}")).await;
        let fold = || other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        assert_eq!(fold(), Ok(0), "it is not busy");
        let log = std::fs::metadata(folder.path().join("shop.db-wal")).expect("a log").len();
        assert_eq!(log, 0);
    }
    drop(other);
    store.close();
    assert!(!folder.path().join("shop.db-wal").exists());
}
