//! Two stores on one database: what another instance of the shop writes is told too.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::{Arc, Weak};
use std::time::Duration;

use slippers_core::accounts::{AccountStore as _, NewUser, PasswordHash};
use slippers_core::audit::By;
use slippers_core::catalog::{CatalogStore as _, NewCategory};
use slippers_core::types::{CategoryId, Phone, Timestamp};
use slippers_core::{Change, ChangeListener, Store as _};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_postgres::NoTls;

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

/// A store, and what it is told.
async fn open(database: &Database) -> (PostgresStore, Arc<Ear>, UnboundedReceiver<Change>) {
    let settings = PostgresSettings { pool_size: 6, ..PostgresSettings::new(database.url()) };
    let store = PostgresStore::open(&settings).await.expect("a store");
    let (tell, mut told) = unbounded_channel();
    let ear = Arc::new(Ear(tell));
    let listener: Weak<Ear> = Arc::downgrade(&ear);
    store.listen(listener);
    // The first look knows nothing of before, and says so.
    expect(&mut told, Change::Catalog).await;
    (store, ear, told)
}

/// Waits until this is told; other things may be.
async fn expect(told: &mut UnboundedReceiver<Change>, change: Change) {
    let heard = async {
        while let Some(heard) = told.recv().await {
            if heard == change {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.expect("it is told");
}

async fn make_category(store: &PostgresStore, name: &str) -> CategoryId {
    let new = NewCategory { name: name.to_owned(), description: None, is_active: true };
    store.create_category(new, By::CommandLine, NOW).await.expect("a category").id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_writes_is_told() {
    let database = support::database().await;
    let (ours, _ear, mut told) = open(&database).await;
    let (theirs, _other, mut told_theirs) = open(&database).await;
    for number in 0..3 {
        let made = make_category(&theirs, &format!("Theirs {number}")).await;
        expect(&mut told, Change::Category(made)).await;
        let made = make_category(&ours, &format!("Ours {number}")).await;
        expect(&mut told_theirs, Change::Category(made)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_fails_spoils_nothing_for_the_next_verb() {
    let database = support::database().await;
    let settings = PostgresSettings { pool_size: 1, ..PostgresSettings::new(database.url()) };
    let store = PostgresStore::open(&settings).await.expect("a store");
    let (tell, mut told) = unbounded_channel();
    let ear = Arc::new(Ear(tell));
    let listener: Weak<Ear> = Arc::downgrade(&ear);
    store.listen(listener);
    expect(&mut told, Change::Catalog).await;
    database.psql("ALTER TABLE changes RENAME TO hidden").expect("it can be renamed");
    // Who can't look says so, and the one connection has had a failed statement by then.
    expect(&mut told, Change::Catalog).await;
    let new = NewUser {
        name: "Nodira".to_owned(),
        surname: "Karimova".to_owned(),
        phone: Phone::parse("+998901112233").expect("a phone"),
        password: PasswordHash::new("hash".to_owned()),
        is_admin: false,
    };
    store.create_user(new, NOW).await.expect("a user, who is nobody's business elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_committed_late_is_not_missed() {
    let database = support::database().await;
    let (ours, _ear, mut told) = open(&database).await;
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    let driver = tokio::spawn(connection);
    let record = |id: i64| format!("BEGIN; INSERT INTO changes (instance, what) VALUES (1, 'c{id}')");
    client.batch_execute(&record(77)).await.expect("a transaction that stays open");
    // Looks go by that see later transactions: the first, begun before them, is not committed yet.
    let (theirs, _other, _) = open(&database).await;
    for number in 0..2 {
        let made = make_category(&theirs, &format!("Later {number}")).await;
        expect(&mut told, Change::Category(made)).await;
    }
    client.batch_execute("COMMIT").await.expect("committed");
    expect(&mut told, Change::Category(CategoryId::new(77))).await;
    drop((ours, client));
    driver.await.expect("a task").expect("a connection that ended well");
}
