use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use slippers_core::catalog::CatalogStore as _;
use slippers_core::orders::{OrderStore as _, PlaceError};
use slippers_core::{Store as _, StoreError};
use slippers_store_contract::given::{NOW, Shop, buying};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use slippers_testbed::postgres::Postgres;

use super::{PATIENCE, is_refused};

/// How long nobody at the server does anything.
const FROZEN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_leaves_nobody_without_an_answer_and_serves_when_it_thaws() {
    let server = tokio::task::block_in_place(Postgres::start).expect("PostgreSQL");
    let database = tokio::task::block_in_place(|| server.database()).expect("a database");
    let settings = PostgresSettings {
        pool_size: 4,
        pool_timeout: Duration::from_secs(3),
        ..PostgresSettings::new(database.url())
    };
    let store = PostgresStore::open(&settings).await.expect("a store");
    let shop = Shop::new(Arc::new(store.clone()));
    let product = shop.product("Тапки", 100).await;
    let mut buyers = Vec::new();
    for _ in 0..20 {
        buyers.push(shop.buyer_of(&[(product, 1)]).await);
    }

    tokio::task::block_in_place(|| server.server().freeze()).expect("frozen");
    let (since, refusals) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let reads: Vec<_> = (0..40)
        .map(|_| {
            let (store, refusals) = (store.clone(), Arc::clone(&refusals));
            tokio::spawn(async move {
                let answer = store.find_slipper(product).await.map(drop);
                refusals.fetch_add(usize::from(is_refused(&answer)), Ordering::SeqCst);
                answer
            })
        })
        .collect();
    let orders: Vec<_> = buyers
        .iter()
        .map(|buyer| {
            let (store, place) = (store.clone(), buying(*buyer));
            tokio::spawn(async move { store.place_from_cart(place, NOW).await })
        })
        .collect();
    assert!(is_refused(&store.ping().await), "there is no sign of life");
    tokio::time::sleep_until((since + FROZEN).into()).await;
    // Two of four connections are for them; the rest did not wait for the thaw.
    assert!(refusals.load(Ordering::SeqCst) >= 38, "{refusals:?} of 40 were answered while it was frozen");
    tokio::task::block_in_place(|| server.server().thaw()).expect("thawed");

    let everybody = async {
        for read in reads {
            let answer = read.await.expect("no panic");
            assert!(answer.is_ok() || is_refused(&answer), "{answer:?}");
        }
        let mut placed = 0;
        for order in orders {
            match order.await.expect("no panic") {
                Ok(_) => placed += 1,
                Err(PlaceError::Store(StoreError::Unavailable(_))) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        placed
    };
    let placed = tokio::time::timeout(PATIENCE, everybody).await.expect("everybody is answered");
    shop.category("Уличные").await;
    store.ping().await.expect("it lives");
    let sold = 100 - shop.stock(product).await;
    assert_eq!(sold, placed, "what was refused was not placed");
}
