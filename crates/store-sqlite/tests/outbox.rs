//! What payments leave to be told: it is written with what happened, once.
#![expect(clippy::expect_used, reason = "a test that can't go on has failed")]

use std::sync::Arc;

use slippers_core::orders::Order;
use slippers_core::payments::{
    Attempt, EventKey, Gateway, Name, OpenAttempt, PaymentEvent, PaymentStore as _, Report, Source,
};
use slippers_core::types::Money;
use slippers_store_contract::given::{NOW, Shop};
use slippers_store_sqlite::SqliteStore;

async fn open(store: &SqliteStore, order: &Order, reference: &str, at: i64) -> Attempt {
    let open = OpenAttempt {
        buyer: order.user,
        source: Source::Order(order.id),
        gateway: Gateway::Octo,
        reference: Name::parse(reference).expect("a name"),
        claimed: None,
        expires_at: Some(NOW.plus_seconds(at + 60)),
        max_open: 0,
        max_quantity: 500,
    };
    store.open_attempt(open, NOW.plus_seconds(at)).await.expect("it is opened").attempt
}

async fn tell(store: &SqliteStore, attempt: &Attempt, report: Report) {
    let key = EventKey::new(&[report.as_str(), attempt.reference.as_str()]);
    let event = PaymentEvent { key, ..PaymentEvent::own(Gateway::Octo, attempt.id, report) };
    for _ in 0..2 {
        store.apply_event(event.clone(), NOW).await.expect("the store answers");
    }
}

#[tokio::test]
async fn each_step_of_an_order_and_each_review_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.db");
    let store = SqliteStore::open(&path).expect("a store");
    let shop = Shop::with_payments(Arc::new(store.clone()));
    let slipper = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    let first = open(&store, &order, "ours-1", 0).await;
    let second = open(&store, &order, "ours-2", 60).await;
    tell(&store, &first, Report::Waiting { link: None }).await;
    tell(&store, &first, Report::Succeeded).await;
    tell(&store, &second, Report::Succeeded).await;
    tell(&store, &first, Report::Refunded { total: Money::from_minor(10_000) }).await;
    let database = rusqlite::Connection::open(&path).expect("the database");
    let mut statement = database
        .prepare("SELECT kind, order_id, payment_id FROM outbox WHERE payment_id IS NOT NULL ORDER BY id")
        .expect("the outbox");
    let told: Vec<(String, i64, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    let row = |kind: &str, attempt: &Attempt| (kind.to_owned(), order.id.get(), attempt.id.get());
    let expected =
        [row("payment.paid", &first), row("payment.needs_review", &second), row("payment.refunded", &first)];
    assert_eq!(told, expected);
}
