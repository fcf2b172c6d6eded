//! What Prometheus is told: on a listener of its own (`METRICS_LISTEN`), never on the shop's.
//!
//! On a request's way there are only additions to counters that were made at the start; everything else is asked for when
//! somebody scrapes (docs/adr/0027-metrics-of-our-own.md).

mod dashboard;
mod listener;
mod process;
pub(crate) mod requests;
mod table;
mod text;
mod waiting;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use slippers_core::types::{Money, Timestamp};
use slippers_core::{Standing, WAIT_BOUNDS};

pub use self::dashboard::{metrics_dashboard, metrics_page};
pub(crate) use self::listener::serve;
pub(crate) use self::requests::RouteId;
use self::requests::{Requests, Template};
use self::text::Page;
use self::waiting::Waiting;
pub(crate) use self::waiting::look;
use crate::http::errors::Code;
use crate::shop::Shop;

/// Everything that is counted while the shop runs.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Requests,
    /// By [`Code`].
    errors: [AtomicU64; Code::ALL.len()],
    in_flight: AtomicU64,
    abandoned: AtomicU64,
    connections: AtomicU64,
    accepted: AtomicU64,
    orders: AtomicU64,
    order_value: AtomicU64,
    revenue: AtomicU64,
    payments_failed: AtomicU64,
    expired: AtomicU64,
    rounds: AtomicU64,
    failed_rounds: AtomicU64,
    waiting: Waiting,
    started: Timestamp,
}

/// A request at work, or a connection that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard<'m> {
    gauge: &'m AtomicU64,
    /// Counts those that are dropped before their end.
    abandoned: Option<&'m AtomicU64>,
}

impl Guard<'_> {
    /// It has come to its end.
    pub(crate) fn finish(mut self) {
        self.abandoned = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.gauge.fetch_sub(1, Ordering::Relaxed);
        if let Some(abandoned) = self.abandoned {
            abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Metrics {
    /// Counters for these routes, of a process that begins to serve now.
    pub(crate) fn new(templates: BTreeSet<Template>, started: Timestamp) -> Self {
        Self {
            requests: Requests::new(templates),
            errors: std::array::from_fn(|_| AtomicU64::new(0)),
            in_flight: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            orders: AtomicU64::new(0),
            order_value: AtomicU64::new(0),
            revenue: AtomicU64::new(0),
            payments_failed: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
            failed_rounds: AtomicU64::new(0),
            waiting: Waiting::default(),
            started,
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &Method, route: RouteId, status: StatusCode, taken: Duration) {
        self.requests.count(method, route, status, taken);
    }

    /// Which route it was that took this path.
    pub(crate) fn route(&self, path: &str) -> RouteId {
        self.requests.find(path)
    }

    /// What a route is counted as; empty = none took the path.
    pub(crate) fn label(&self, route: RouteId) -> &str {
        self.requests.label(route)
    }

    /// An answer was an error.
    pub(crate) fn failed(&self, code: Code) {
        self.errors[code as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A request goes the long way.
    pub(crate) fn request(&self) -> Guard<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Guard { gauge: &self.in_flight, abandoned: Some(&self.abandoned) }
    }

    /// A connection was accepted.
    pub(crate) fn connection(&self) -> Guard<'_> {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        Guard { gauge: &self.connections, abandoned: None }
    }

    /// An order was placed.
    pub(crate) fn ordered(&self, total: Money) {
        self.orders.fetch_add(1, Ordering::Relaxed);
        add(&self.order_value, total);
    }

    /// An order was paid for.
    pub(crate) fn paid(&self, total: Money) {
        add(&self.revenue, total);
    }

    /// A payment ended without money.
    pub(crate) fn payment_failed(&self) {
        self.payments_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Unpaid orders expired.
    pub(crate) fn expired(&self, orders: usize) {
        self.expired.fetch_add(u64::try_from(orders).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Background work went round once.
    pub(crate) fn worked(&self, well: bool) {
        let counter = if well { &self.rounds } else { &self.failed_rounds };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Minor units; a sum of money is never negative here.
fn add(sum: &AtomicU64, money: Money) {
    sum.fetch_add(u64::try_from(money.minor()).unwrap_or(0), Ordering::Relaxed);
}

/// The page of a scrape.
pub(crate) fn page(shop: &Shop) -> String {
    let metrics = &shop.metrics;
    let mut page = Page::default();
    page.begin(&table::BUILD).put(&[env!("CARGO_PKG_VERSION")], 1);
    write_traffic(&mut page, metrics);
    write_connections(&mut page, shop);
    write_database(&mut page, shop);
    write_work(&mut page, shop);
    write_cache(&mut page, shop);
    write_business(&mut page, metrics);
    metrics.waiting.write(&mut page, shop.now());
    process::write(&mut page);
    page.put(
        &table::START,
        Duration::from_micros(u64::try_from(metrics.started.micros()).unwrap_or(0)).as_secs_f64(),
    );
    page.finish()
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn write_traffic(page: &mut Page, metrics: &Metrics) {
    metrics.requests.write(page);
    page.put(&table::IN_FLIGHT, load(&metrics.in_flight));
    page.put(&table::ABANDONED, load(&metrics.abandoned));
    let mut errors = page.begin(&table::ERRORS);
    for (code, count) in Code::ALL.iter().zip(&metrics.errors) {
        errors.put(&[code.name()], load(count));
    }
}

fn write_connections(page: &mut Page, shop: &Shop) {
    page.put(&table::CONNECTIONS, load(&shop.metrics.connections));
    page.put(&table::CONNECTIONS_MAX, shop.settings.connections.max_connections);
    page.put(&table::ACCEPTED, load(&shop.metrics.accepted));
}

fn write_database(page: &mut Page, shop: &Shop) {
    let pool = shop.store.pool_status();
    let mut states = page.begin(&table::DB_CONNECTIONS);
    states.put(&["idle"], pool.idle);
    states.put(&["in_use"], pool.in_use);
    page.put(&table::DB_CONNECTIONS_MAX, pool.size + pool.max_overflow);
    let load = shop.store.load();
    page.put(&table::DB_WAITING, load.waiting);
    page.put(&table::DB_REFUSED, load.refused);
    let bounds = WAIT_BOUNDS.map(|micros| Duration::from_micros(micros).as_secs_f64().to_string());
    let sum = Duration::from_micros(load.waits.micros).as_secs_f64();
    let bounds = bounds.each_ref().map(String::as_str);
    page.begin(&table::DB_WAITS).put_histogram(&[], &bounds, &load.waits.counts, sum);
    let copies = shop.store.copies();
    let mut in_use = page.begin(&table::REPLICA_IN_USE);
    copies.iter().for_each(|copy| in_use.put(&[&copy.name], u8::from(copy.standing == Standing::InUse)));
    let mut lag = page.begin(&table::REPLICA_LAG);
    for copy in &copies {
        if let Some(bytes) = copy.lag_bytes {
            lag.put(&[&copy.name], bytes);
        }
    }
    page.put(&table::DB_STATEMENTS, shop.store.statements_run());
    page.put(&table::WRITES, load.writes);
    page.put(&table::WRITE_TRANSACTIONS, load.write_transactions);
}

fn write_work(page: &mut Page, shop: &Shop) {
    let pools = [("passwords", shop.hasher.logins()), ("pictures", shop.pictures.pool())];
    let mut running = page.begin(&table::WORK_RUNNING);
    pools.iter().for_each(|(kind, pool)| running.put(&[kind], pool.running()));
    let mut slots = page.begin(&table::WORK_SLOTS);
    pools.iter().for_each(|(kind, pool)| slots.put(&[kind], pool.slots()));
    let queues = [
        ("logins", shop.hasher.logins()),
        ("strangers", shop.hasher.strangers()),
        ("pictures", shop.pictures.pool()),
    ];
    let mut waiting = page.begin(&table::WORK_WAITING);
    queues.iter().for_each(|(queue, pool)| waiting.put(&[queue], pool.waiting()));
    let mut refused = page.begin(&table::WORK_REFUSED);
    queues.iter().for_each(|(queue, pool)| refused.put(&[queue], pool.refused()));
    page.put(&table::BACKGROUND_FAILURES, load(&shop.metrics.failed_rounds));
    page.put(&table::BACKGROUND_ROUNDS, load(&shop.metrics.rounds));
}

fn write_cache(page: &mut Page, shop: &Shop) {
    let kept = shop.cache.figures();
    page.put(&table::CACHE_HITS, kept.hits);
    page.put(&table::CACHE_MISSES, kept.misses);
    page.put(&table::CACHE_PAGES, kept.pages);
    page.put(&table::CACHE_BYTES, kept.bytes);
    page.put(&table::CACHE_BYTES_MAX, kept.capacity);
}

fn write_business(page: &mut Page, metrics: &Metrics) {
    let money = |sum| Money::from_minor(i64::try_from(load(sum)).unwrap_or(i64::MAX));
    page.put(&table::ORDERS, load(&metrics.orders));
    page.put(&table::ORDER_VALUE, money(&metrics.order_value));
    page.put(&table::OVERSELL, load(&metrics.errors[Code::OutOfStock as usize]));
    page.put(&table::ORDERS_EXPIRED, load(&metrics.expired));
    page.put(&table::REVENUE, money(&metrics.revenue));
    page.put(&table::PAYMENTS_FAILED, load(&metrics.payments_failed));
}
