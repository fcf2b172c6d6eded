//! What payments leave in tables that no promise reads, and what they make of older ones.
#![expect(clippy::expect_used, reason = "helpers of tests: what fails here fails the test")]

mod support;

use std::sync::Arc;

use slippers_core::orders::{Order, OrderStatus};
use slippers_core::payments::ledger::expected;
use slippers_core::payments::{
    Attempt, AttemptStatus, EventKey, Gateway, Name, OpenAttempt, PaymentEvent, PaymentQuery,
    PaymentStore as _, Report, Source,
};
use slippers_core::types::{Money, OrderId, Timestamp, UserId};
use slippers_store_contract::given::{NOW, Shop};
use slippers_store_postgres::{PostgresSettings, PostgresStore};
use tokio_postgres::NoTls;

async fn open(store: &PostgresStore, order: &Order, reference: &str, at: i64) -> Attempt {
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

async fn tell(store: &PostgresStore, attempt: &Attempt, report: Report) {
    let key = EventKey::new(&[report.as_str(), attempt.reference.as_str()]);
    let event = PaymentEvent { key, ..PaymentEvent::own(Gateway::Octo, attempt.id, report) };
    for _ in 0..2 {
        store.apply_event(event.clone(), NOW).await.expect("the store answers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_of_an_order_and_each_review_is_told_once() {
    let database = support::database().await;
    let store = PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store");
    let shop = Shop::with_payments(Arc::new(store.clone()));
    let slipper = shop.product("Mu", 9).await;
    let order = shop.order_of(&[(slipper, 1)]).await;
    let first = open(&store, &order, "ours-1", 0).await;
    let second = open(&store, &order, "ours-2", 60).await;
    tell(&store, &first, Report::Waiting { link: None }).await;
    tell(&store, &first, Report::Succeeded).await;
    tell(&store, &second, Report::Succeeded).await;
    tell(&store, &first, Report::Refunded { total: Money::from_minor(10_000) }).await;
    let told = database
        .query("SELECT kind, order_id, payment_id FROM outbox WHERE payment_id IS NOT NULL ORDER BY id")
        .expect("the outbox");
    let row = |kind: &str, attempt: &Attempt| format!("{kind}|{}|{}", order.id, attempt.id);
    let expected =
        [row("payment.paid", &first), row("payment.needs_review", &second), row("payment.refunded", &first)];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

/// The schema before there were gateways.
const OLD: [(&str, &str); 9] = [
    ("0001_catalog", include_str!("../migrations/0001_catalog.sql")),
    ("0002_accounts", include_str!("../migrations/0002_accounts.sql")),
    ("0003_cart", include_str!("../migrations/0003_cart.sql")),
    ("0004_orders", include_str!("../migrations/0004_orders.sql")),
    ("0005_users", include_str!("../migrations/0005_users.sql")),
    ("0006_audit", include_str!("../migrations/0006_audit.sql")),
    ("0007_password_resets", include_str!("../migrations/0007_password_resets.sql")),
    ("0008_images", include_str!("../migrations/0008_images.sql")),
    ("0009_leftovers", include_str!("../migrations/0009_leftovers.sql")),
];

const RECORD: &str = "CREATE TABLE schema_migrations (name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// What admins recorded by hand: order 1 was paid, order 2 paid and refunded; order 3 waits.
const RECORDED: &str = "
    INSERT INTO users (id, name, name_key, surname, surname_key, phone_number, password_hash, is_admin, created_at, updated_at)
    VALUES (1, 'Admin', 'admin', '', '', '+998711234567', 'x', TRUE, 5, 5);
    INSERT INTO orders (id, user_id, status, total_minor, payment_outcome, created_at, updated_at)
    VALUES (1, 1, 'PAID', 9800, 'PAID', 10, 10), (2, 1, 'REFUNDED', 500, 'REFUNDED', 10, 10), (3, 1, 'PENDING', 700, NULL, 10, 10);
    INSERT INTO payments (order_id, method, status, amount_minor, recorded_by, created_at)
    VALUES (1, 'manual', 'PAID', 9800, 1, 20), (2, 'manual', 'PAID', 500, 1, 30), (2, 'manual', 'REFUNDED', 500, 1, 40);";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_by_hand_is_in_the_books() {
    let migrated = support::database().await;
    let database = slippers_testbed::postgres::shared().expect("PostgreSQL").database().expect("a database");
    let (old, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    old.batch_execute(RECORD).await.expect("the table of migrations");
    for (name, sql) in OLD {
        old.batch_execute(sql).await.expect(name);
        let sum = format!("SELECT checksum FROM schema_migrations WHERE name = '{name}'");
        let sum = migrated.query(&sum).expect("a checksum");
        let record = format!("INSERT INTO schema_migrations VALUES ('{name}', '{}', 5)", sum.trim());
        old.batch_execute(&record).await.expect("a record");
    }
    old.batch_execute(RECORDED).await.expect("what was recorded");

    let store = PostgresStore::open(&PostgresSettings::new(database.url())).await.expect("a store");
    let query = PaymentQuery { order: None, in_review: false, before: None, max: 10 };
    let attempts = store.list_payments(query).await.expect("attempts");
    let told: Vec<_> = attempts
        .iter()
        .map(|a| (a.order.get(), a.status, a.received.minor(), a.settles, a.ended_at.map(Timestamp::micros)))
        .collect();
    assert_eq!(
        told,
        [(2, AttemptStatus::Refunded, 500, true, Some(40)), (1, AttemptStatus::Paid, 9800, true, None)]
    );
    let refunds = store.list_refunds(attempts[0].id).await.expect("refunds");
    assert_eq!(refunds.iter().map(|refund| refund.amount.minor()).collect::<Vec<_>>(), [500]);
    assert_eq!(store.balances().await.expect("balances"), expected(&attempts, &refunds));

    let next =
        store.record_manual(OrderId::new(3), UserId::new(1), NOW).await.expect("a number that is free");
    assert!(attempts.iter().all(|attempt| attempt.id < next.id));
    assert_eq!(Shop::new(Arc::new(store)).order(OrderId::new(3)).await.status, OrderStatus::Paid);
}
