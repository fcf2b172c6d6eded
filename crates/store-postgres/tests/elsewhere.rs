//! Two stores on one database: what another instance of the shop writes is told too.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::{Arc, Weak};
use std::time::Duration;

use slippers_core::accounts::{AccountStore as _, NewUser, PasswordHash};
use slippers_core::audit::By;
use slippers_core::catalog::{CatalogStore as _, NewCategory};
use slippers_core::types::{CategoryId, Phone, Timestamp};
use slippers_core::{Change, ChangeListener, Horizon, Store as _};
use slippers_store_contract::given::Shop;
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Database;
use slippers_testbed::wait;
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
async fn what_orders_take_of_a_product_is_told_to_other_instances() {
    let database = support::database().await;
    let (ours, _ear, mut told) = open(&database).await;
    let (theirs, _other, _told_theirs) = open(&database).await;
    let shop = Shop::new(Arc::new(theirs));
    let product = shop.product("Mu Comfort", 5).await;
    expect(&mut told, Change::Slipper(product)).await;
    let buyer = shop.buyer_of(&[(product, 2)]).await;
    shop.buy(buyer).await.expect("an order");
    expect(&mut told, Change::Stock(product)).await;
    assert_eq!(ours.find_slipper(product).await.expect("an answer").map(|found| found.quantity), Some(3));
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
    database.query("ALTER TABLE changes RENAME TO hidden").expect("it can be renamed");
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

/// The connections on which stores hear and tell.
const TALKING: &str = "SELECT coalesce(string_agg(pid::text, ' ' ORDER BY pid), '') FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'slippers-listen' AND query LIKE '%slippers_changes%'";

/// Asks until it is so.
async fn until(database: &Database, sql: &str, is_so: impl Fn(&str) -> bool) -> String {
    let asked = wait::until_async(PATIENCE, async || {
        let answer = database.query(sql).expect("an answer").trim().to_owned();
        is_so(&answer).then_some(answer)
    });
    asked.await.expect("it becomes so")
}

#[tokio::test(flavor = "multi_thread")]
async fn word_of_a_commit_goes_out_at_once_and_only_after_it() {
    let database = support::database().await;
    let (client, mut connection) =
        tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    let (tell, mut words) = unbounded_channel();
    let driver = tokio::spawn(async move {
        while let Some(Ok(message)) =
            futures_util::future::poll_fn(|context| connection.poll_message(context)).await
        {
            if let tokio_postgres::AsyncMessage::Notification(word) = message {
                let _ = tell.send(word.payload().to_owned());
            }
        }
    });
    client.batch_execute("LISTEN slippers_changes").await.expect("it listens");
    let (ours, _ear, _told) = open(&database).await;
    until(&database, TALKING, |pids| !pids.is_empty()).await;
    let made = make_category(&ours, "Told").await;
    let word = tokio::time::timeout(PATIENCE, words.recv()).await.expect("a word").expect("a word");
    let sql = format!("SELECT what FROM changes WHERE instance = {word}");
    assert_eq!(
        database.query(&sql).expect("rows").trim(),
        format!("c{made}"),
        "the word names who has committed"
    );
    drop((ours, client));
    driver.await.expect("a task");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_for_word_costs_no_change_and_comes_back() {
    let database = support::database().await;
    let (ours, _ear, mut told) = open(&database).await;
    let (theirs, _other, mut told_theirs) = open(&database).await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'slippers-listen'";
    let mut before = until(&database, TALKING, |pids| pids.contains(' ')).await;
    for number in 0..3 {
        database.query(cut).expect("they are cut");
        let made = make_category(&theirs, &format!("Theirs {number}")).await;
        expect(&mut told, Change::Category(made)).await;
        let made = make_category(&ours, &format!("Ours {number}")).await;
        expect(&mut told_theirs, Change::Category(made)).await;
        let old = before.clone();
        before = until(&database, TALKING, |pids| pids.contains(' ') && pids != old).await;
    }
    theirs.close().await;
    until(&database, TALKING, |pids| !pids.is_empty() && !pids.contains(' ')).await;
}

/// Remembers how far looks have seen.
struct Eye(UnboundedSender<Horizon>);

impl ChangeListener for Eye {
    fn changed(&self, _: &[Change]) {}

    fn looked(&self, horizon: &Horizon) {
        let _ = self.0.send(horizon.clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_sees_as_far_as_the_oldest_transaction_that_is_open() {
    let database = support::database().await;
    let (ours, _ear, _told) = open(&database).await;
    let (theirs, _other, _) = open(&database).await;
    let see = |store: &PostgresStore| {
        let (tell, seen) = unbounded_channel();
        let eye = Arc::new(Eye(tell));
        let listener: Weak<Eye> = Arc::downgrade(&eye);
        store.listen(listener);
        (eye, seen)
    };
    let ((_eye, mut seen), (_their_eye, mut seen_theirs)) = (see(&ours), see(&theirs));
    let next = async |seen: &mut UnboundedReceiver<Horizon>| {
        tokio::time::timeout(PATIENCE, seen.recv()).await.expect("a look").expect("a horizon")
    };
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let begun = client.query_one("SELECT pg_current_xact_id()::text::bigint", &[]).await.expect("a number");
    let committed = u64::try_from(begun.get::<_, i64>(0)).expect("positive");
    client.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.expect("it stays open");
    // The cluster is everybody's: an older transaction of another test may still be open.
    let past = async |seen: &mut UnboundedReceiver<Horizon>| loop {
        let horizon = next(seen).await;
        assert!(horizon.settled <= horizon.next, "{horizon:?}");
        if horizon.settled > committed {
            return horizon.database;
        }
    };
    assert_eq!(past(&mut seen).await, past(&mut seen_theirs).await, "it is the same for everybody");
    make_category(&theirs, "Later").await;
    // What was seen before it may still wait to be heard.
    while seen.try_recv().is_ok() {}
    let _ = next(&mut seen).await;
    let stuck = next(&mut seen).await;
    assert!(stuck.next > stuck.settled, "{stuck:?}: one is open since before the category");
    client.batch_execute("COMMIT").await.expect("it ends");
    while next(&mut seen).await.settled < stuck.next {}
}
