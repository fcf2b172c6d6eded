use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use slippers_core::Store as _;
use slippers_core::catalog::CatalogStore as _;
use slippers_testbed::postgres::shared;
use slippers_testbed::proxy::Faults;
use slippers_testbed::{PgBouncer, wait};

use super::{PATIENCE, is_refused, stage, stage_by_proxy, stage_by_way_of};

/// A statement of the store's that waits for a lock or sleeps.
const AT_WORK: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
     AND application_name = 'slippers' AND state <> 'idle'";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_frees_the_server_and_its_connection() {
    let stage = stage(|settings| settings.pool_size = 1).await;
    let product = stage.shop.product("Тапки", 1).await;
    let stranger = stage.stranger().await;
    stranger.batch_execute("BEGIN; LOCK TABLE slippers IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    let pid = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'slippers'";
    let before = stage.ask(pid).await;
    let store = stage.store.clone();
    let asking = tokio::spawn(async move { store.find_slipper(product).await });
    stage.until(AT_WORK, "1").await;
    asking.abort();
    // The lock is still held: only a cancel ends the statement.
    stage.until(AT_WORK, "0").await;
    stage.store.list_categories(0, 10).await.expect("its connection serves the next");
    assert_eq!(stage.ask(pid).await, before, "and is the same");
    stranger.batch_execute("ROLLBACK").await.expect("an end");
    assert!(stage.store.find_slipper(product).await.expect("a read").is_some());
}

/// PgBouncer from 1.18 on may end at a word that cancels: https://github.com/pgbouncer/pgbouncer/issues/801.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_waits_for_is_waited_for_behind_a_pooler() {
    let pooler = PgBouncer::to(shared().expect("PostgreSQL")).start().expect("a PgBouncer");
    let (stage, proxy) = stage_by_way_of(pooler.port(), |settings, database| {
        settings.pool_size = 1;
        settings.prepared_statements = false;
        settings.direct_url = Some(database.url());
    })
    .await;
    let product = stage.shop.product("Тапки", 1).await;
    let stranger = stage.stranger().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let before = proxy.connections();
    for _ in 0..5 {
        stranger.batch_execute("BEGIN; LOCK TABLE slippers IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
        let store = stage.store.clone();
        let asking = tokio::spawn(async move { store.find_slipper(product).await });
        stage.until(waiting, "1").await;
        asking.abort();
        assert!(asking.await.is_err(), "nobody waits for it any more");
        stranger.batch_execute("ROLLBACK").await.expect("an end");
        assert!(stage.store.find_slipper(product).await.expect("its connection serves the next").is_some());
    }
    assert_eq!(proxy.connections() - before, 0, "who cancels comes on a connection of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_is_replaced() {
    let young = stage(|settings| settings.pool_size = 1).await;
    let old = stage(|settings| {
        settings.pool_size = 1;
        settings.max_lifetime = Duration::ZERO;
    })
    .await;
    let pids = "SELECT count(DISTINCT pid) FROM seen";
    for (stage, expected) in [(&young, "1"), (&old, "3")] {
        let note = "CREATE TABLE seen (pid int);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN INSERT INTO seen VALUES (pg_backend_pid()); RETURN NULL; END $$;
            CREATE TRIGGER note AFTER INSERT ON categories EXECUTE FUNCTION note()";
        stage.stranger().await.batch_execute(note).await.expect("a trigger");
        for name in ["Домашние", "Уличные", "Детские"] {
            stage.shop.category(name).await;
        }
        assert_eq!(stage.ask(pids).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_not_be_reached_is_tried_by_few_and_found_again() {
    let (stage, proxy) = stage_by_proxy(|settings| settings.pool_size = 8).await;
    proxy.set(Faults { refuse: true, ..Faults::default() });
    proxy.reset_all();
    let before = proxy.connections();
    let answers = join_all((0..200).map(|_| stage.store.list_categories(0, 10))).await;
    assert!(answers.iter().all(is_refused), "{answers:?}");
    let tried = proxy.connections() - before;
    assert!(tried <= 20, "{tried} attempts for 200 calls");
    proxy.heal();
    let found = wait::until_async(PATIENCE, async || {
        (!is_refused(&stage.store.list_categories(0, 10).await)).then_some(())
    });
    assert!(found.await.is_some(), "it is found again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_those_of_the_server() {
    let stage = stage(|settings| {
        settings.pool_size = 3;
        settings.max_overflow = 5;
    })
    .await;
    let product = stage.shop.product("Тапки", 1).await;
    let stranger = stage.stranger().await;
    stranger.batch_execute("BEGIN; LOCK TABLE slippers IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    let mut calls: Vec<_> = (0..4).map(|_| Box::pin(stage.store.find_slipper(product))).collect();
    let all = join_all(calls.iter_mut());
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name = 'slippers' AND wait_event_type = 'Lock'";
    tokio::select! {
        _ = all => unreachable!("the table is locked"),
        () = stage.until(count, "4") => {}
    }
    let status = stage.store.pool_status();
    // The store itself looks for others' changes now and then, for a moment.
    assert_eq!((status.size, status.max_overflow), (3, 5), "{status:?}");
    assert!((4..=5).contains(&status.in_use), "{status:?}");
    stranger.batch_execute("ROLLBACK").await.expect("an end");
    drop(stranger);
    for answer in join_all(calls).await {
        answer.expect("a read");
    }
    // A connection beyond the three takes a moment until it is gone at the server too.
    let since = std::time::Instant::now();
    loop {
        let status = stage.store.pool_status();
        assert!(status.in_use <= 1, "{status:?}");
        let (open, counted) = (status.idle + status.in_use, stage.connections().await);
        if usize::try_from(open).is_ok_and(|open| open == counted) {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{status:?}, {counted} at the server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_need_no_permit_of_the_shoppers() {
    let stage = stage(|settings| settings.pool_size = 4).await;
    let product = stage.shop.product("Тапки", 1).await;
    let stranger = stage.stranger().await;
    stranger.batch_execute("BEGIN; LOCK TABLE slippers IN ACCESS EXCLUSIVE MODE").await.expect("a lock");
    let crowd: Vec<_> = (0..300)
        .map(|_| {
            let store = stage.store.clone();
            tokio::spawn(async move { store.find_slipper(product).await })
        })
        .collect();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name = 'slippers' AND wait_event_type = 'Lock'";
    // One of four is kept for those who pay, one for signs of life.
    stage.until(count, "2").await;
    stage.store.ping().await.expect("it lives");
    let refused = stage.store.find_slipper(product).now_or_never();
    assert!(refused.is_none_or(|answer| is_refused(&answer)));
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
    stranger.batch_execute("ROLLBACK").await.expect("an end");
}
