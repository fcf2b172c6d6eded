//! Rows that are kept in memory are those of the snapshot that a page is read in, whoever writes.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use slippers_core::Store as _;
use slippers_core::audit::By;
use slippers_core::catalog::{
    CatalogStore as _, NewCategory, NewSlipper, SearchTerm, SlipperPage, SlipperQuery, Sort,
};
use slippers_core::types::{CategoryId, Money, Page, SlipperId, Timestamp};
use slippers_store_sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const PRODUCTS: i64 = 30;

struct Shop {
    store: SqliteStore,
    folder: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("shop.db")).expect("a store");
        for name in ["Men", "Women"] {
            let new = NewCategory { name: name.to_owned(), description: None, is_active: true };
            store.create_category(new, By::CommandLine, NOW).await.expect("a category");
        }
        for number in 1..=PRODUCTS {
            let new = NewSlipper {
                name: format!("Slides {number}"),
                size: "42".to_owned(),
                price: Money::from_minor(100 + number),
                quantity: 1_000,
                category: Some(CategoryId::new(1 + number % 2)),
            };
            store.create_slipper(new, By::CommandLine, NOW).await.expect("a product");
        }
        Self { store, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.db")
    }

    /// Another program on the same file.
    fn other_program(&self) -> Connection {
        let conn = Connection::open(self.file()).expect("a connection");
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 30000; PRAGMA synchronous = OFF")
            .expect("settings");
        conn
    }

    async fn page(&self, query: &SlipperQuery) -> SlipperPage {
        self.store.list_slippers(query.clone()).await.expect("a page")
    }

    /// The same read by who remembers nothing.
    async fn page_anew(&self, query: &SlipperQuery) -> SlipperPage {
        let store = SqliteStore::open(&self.file()).expect("a store");
        store.list_slippers(query.clone()).await.expect("a page")
    }

    async fn statements(&self, query: &SlipperQuery) -> u64 {
        let before = self.store.statements_run();
        self.page(query).await;
        self.store.statements_run() - before
    }
}

fn query(search: &str, sort: Sort, with_images: bool) -> SlipperQuery {
    SlipperQuery {
        page: Page::new(0, 100),
        category: None,
        search: SearchTerm::new(search),
        sort,
        with_images,
    }
}

fn queries() -> Vec<SlipperQuery> {
    let mut all = Vec::new();
    for search in ["slides", "42", "1"] {
        for sort in [Sort::IdDesc, Sort::PriceAsc, Sort::NameAsc] {
            all.extend([true, false].map(|with_images| query(search, sort, with_images)));
        }
    }
    all.push(SlipperQuery { search: None, ..query("", Sort::PriceDesc, true) });
    all
}

#[tokio::test]
async fn a_page_of_rows_in_memory_costs_one_statement_and_one_more_when_a_row_has_changed() {
    let shop = Shop::open().await;
    let page = query("slides", Sort::PriceAsc, true);
    assert_eq!(shop.statements(&page).await, 3);
    assert_eq!(shop.statements(&page).await, 1);
    shop.other_program().execute("UPDATE slippers SET quantity = 7 WHERE id = 3", []).expect("a change");
    assert_eq!(shop.statements(&page).await, 2);
    assert_eq!(shop.page(&page).await.items[2].quantity, 7);
    assert_eq!(shop.statements(&page).await, 1);
}

#[tokio::test]
async fn pages_are_the_same_with_and_without_memory_after_every_kind_of_change() {
    let shop = Shop::open().await;
    let changes = [
        "UPDATE slippers SET quantity = quantity - 1 WHERE id IN (4, 9)",
        "UPDATE slippers SET is_paused = 1 WHERE id = 5",
        "UPDATE slippers SET image = '/new.png', updated_at = updated_at + 1 WHERE id = 6",
        "UPDATE slippers SET price_minor = 5000 WHERE id = 7",
        "UPDATE slippers SET category_id = 2 WHERE id = 8",
        "UPDATE categories SET name = 'Мужские' WHERE id = 1",
        "INSERT INTO slipper_images (slipper_id, image_path, is_primary, order_index, created_at) VALUES (9, '/9.png', 1, 0, 0)",
        "UPDATE slipper_images SET alt_text = 'nine' WHERE slipper_id = 9",
        "DELETE FROM slipper_images WHERE slipper_id = 9",
        "DELETE FROM slippers WHERE id = 10",
        // The file says itself that it has no category any more.
        "DELETE FROM categories WHERE id = 2",
        // Rows that are put back, take another's number, or get another.
        "REPLACE INTO slippers (id, name, name_key, size, size_key, price_minor, quantity, created_at, updated_at)
         SELECT id, name, name_key, size, size_key, price_minor, 77, created_at, updated_at FROM slippers WHERE id = 12",
        "CREATE TEMP TABLE aside AS SELECT * FROM slippers WHERE id = 13; DELETE FROM slippers WHERE id = 13;
         UPDATE aside SET quantity = 78; INSERT INTO slippers SELECT * FROM aside",
        "UPDATE slippers SET id = 1000 WHERE id = 14; UPDATE slippers SET id = 14, quantity = 79 WHERE id = 15",
        "PRAGMA foreign_keys = OFF; REPLACE INTO categories (id, name, is_active, created_at, updated_at)
         VALUES (1, 'Men again', 1, 0, 0); PRAGMA foreign_keys = ON",
        "BEGIN; UPDATE slippers SET quantity = 3; ROLLBACK; UPDATE slippers SET quantity = quantity + 2 WHERE id = 11",
    ];
    let program = shop.other_program();
    for change in changes {
        for query in queries() {
            shop.page(&query).await;
        }
        program.execute_batch(change).expect(change);
        for query in queries() {
            assert_eq!(shop.page(&query).await, shop.page_anew(&query).await, "{change}\n{query:?}");
        }
    }
    // At each place of the numbers: names of categories, which leave numbers out, are no way past the end of old lines.
    for round in 0..700 {
        program.execute("UPDATE categories SET name = 'M' || ?1 WHERE id = 1", [round]).expect("a name");
    }
    for times in [200, 255, 256, 257, 600] {
        for round in 0..times {
            let id = 1 + round % 9;
            program
                .execute("UPDATE slippers SET quantity = quantity + 1 WHERE id = ?1", [id])
                .expect("a change");
        }
        for query in queries() {
            assert_eq!(shop.page(&query).await, shop.page_anew(&query).await, "{times} changes\n{query:?}");
        }
        let written: i64 =
            program.query_row("SELECT count(*) FROM slipper_changes", [], |row| row.get(0)).expect("a count");
        assert!(written < 512, "{written} changes are written down");
    }
}

/// Each change moves a pair from one shelf to another, so that all shelves together hold as many at every moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_page_shows_rows_of_two_moments() {
    let shop = Arc::new(Shop::open().await);
    let done = Arc::new(AtomicBool::new(false));
    let page = query("slides", Sort::PriceAsc, true);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (shop, done, page) = (Arc::clone(&shop), Arc::clone(&done), page.clone());
            tokio::spawn(async move {
                let mut read = 0_u32;
                while !done.load(Ordering::SeqCst) {
                    let seen: i64 = shop.page(&page).await.items.iter().map(|item| item.quantity).sum();
                    assert_eq!(seen, PRODUCTS * 1_000);
                    read += 1;
                }
                read
            })
        })
        .collect();
    let program = shop.other_program();
    let writer = std::thread::spawn(move || {
        for round in 0..1_500_i64 {
            let [from, to] = [round * 7 % PRODUCTS + 1, (round * 11 + 3) % PRODUCTS + 1];
            program
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; UPDATE slippers SET quantity = quantity - 1 WHERE id = {from};
                     UPDATE slippers SET quantity = quantity + 1 WHERE id = {to}; COMMIT"
                ))
                .expect("a move");
        }
    });
    while !writer.is_finished() {
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    writer.join().expect("all moves");
    for reader in readers {
        assert!(reader.await.expect("whole pages") > 0);
    }
    assert_eq!(shop.page(&page).await, shop.page_anew(&page).await);
    let found = shop.store.find_slipper(SlipperId::new(1)).await.expect("an answer").expect("a product");
    assert_eq!(shop.page(&page).await.items[0], found);
}
