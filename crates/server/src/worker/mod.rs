//! Background work: what time does to the shop. Every job may run twice and beside another process's.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{join_all, join3, join5};

use slippers_core::orders::KEY_SECONDS;
use slippers_core::orders::rules::expired_before;
use slippers_core::{StoreError, Tally, Trace};
use tokio_util::sync::CancellationToken;

use crate::ops::{make_room, metrics};
use crate::outbox;
use crate::payments::jobs::{compare, reconcile};
use crate::settings::SessionSettings;
use crate::shop::Shop;

/// How often there is a look at the clock; each look that finds nothing to do is six short reads of an index.
const PERIOD: Duration = Duration::from_secs(5);
/// How often there is a look at what happened and is to be told: one short read of an index, and one for each receiver.
const OUTBOX_PERIOD: Duration = Duration::from_secs(2);
/// How often it is looked at what waits, for those who watch the shop.
const LOOK_PERIOD: Duration = Duration::from_secs(5);
/// How often there is a look at the memory that is left: a crowd takes some hundred MiB a second at most.
const MEMORY_PERIOD: Duration = Duration::from_secs(1);
/// Rows a statement: small enough that buyers don't notice it between their own.
const BATCH: i64 = 200;

/// Runs the jobs until told to stop, each at its own pace: a gateway or a receiver that hangs keeps only what is for it
/// waiting. A batch that is under way in the database is finished.
pub(crate) async fn run(shop: Arc<Shop>, stop: CancellationToken) {
    let (shop, stop) = (&*shop, &stop);
    let housework = repeat("background work", PERIOD, shop, stop, || do_housework(shop));
    let payments = repeat("reconciliation of payments", PERIOD, shop, stop, || reconcile(shop));
    let compare = repeat("comparison of paid payments", PERIOD, shop, stop, || compare(shop));
    let spread = repeat("the outbox", OUTBOX_PERIOD, shop, stop, || outbox::spread(shop));
    let lines = 0..shop.outbox.targets().len();
    let deliver = lines.map(|line| {
        repeat("delivery of events", OUTBOX_PERIOD, shop, stop, move || outbox::deliver(shop, line))
    });
    let look = repeat("a look at what waits", LOOK_PERIOD, shop, stop, || metrics::look(shop));
    let memory = repeat("the look at the memory", MEMORY_PERIOD, shop, stop, || make_room(shop));
    join3(join5(housework, payments, compare, spread, join_all(deliver)), look, memory).await;
}

/// Does a job again and again until told to stop.
async fn repeat<F>(
    name: &'static str,
    period: Duration,
    shop: &Shop,
    stop: &CancellationToken,
    job: impl Fn() -> F,
) where
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // A stop does not wait for a backlog: each batch is whole, and the rest is due again at the next start. Nor may
        // a defect in one job end them all.
        let work = AssertUnwindSafe(Tally::of(trace(shop)).scope(job())).catch_unwind();
        let ended = stop.run_until_cancelled(work).await;
        if let Some(ended) = &ended {
            shop.metrics.worked(matches!(ended, Ok(Ok(()))));
        }
        match ended {
            None | Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => {
                tracing::error!(%error, "{name} failed, it is tried again in {period:?}: {error}");
            }
            Some(Err(_panic)) => tracing::error!("{name} panicked, it is tried again in {period:?}"),
        }
    }
}

/// Each round is a trace of its own, which others that are called in it are told.
fn trace(shop: &Shop) -> Trace {
    let mut bytes = [1; 24];
    // Without randomness they can't be told apart, which harms nobody.
    let _ = shop.entropy.fill(&mut bytes);
    let (id, span) = bytes.split_at(16);
    let id = id.iter().fold(0, |id: u128, byte| id << 8 | u128::from(*byte)).max(1);
    let span = span.iter().fold(0, |span: u64, byte| span << 8 | u64::from(*byte)).max(1);
    Trace { id, span, parent: None, is_sampled: false }
}

/// Does everything that is due now. Payments first: an order that one held may be given up then.
pub(crate) async fn run_once(shop: &Shop) -> Result<(), StoreError> {
    reconcile(shop).await?;
    compare(shop).await?;
    do_housework(shop).await?;
    outbox::spread(shop).await?;
    outbox::deliver_all(shop).await
}

/// What time ends, and what is kept no longer.
async fn do_housework(shop: &Shop) -> Result<(), StoreError> {
    expire_orders(shop).await?;
    let now = shop.now();
    while shop.store.sweep_idempotency(now.plus_seconds(-KEY_SECONDS), BATCH).await? > 0 {}
    let kept = kept_seconds(&shop.settings.sessions);
    while shop.store.sweep_sessions(now.plus_seconds(-kept), BATCH).await? > 0 {}
    while shop.store.sweep_resets(now, BATCH).await? > 0 {}
    while shop.store.sweep_outbox(shop.outbox.targets(), now, BATCH).await? > 0 {}
    shop.pictures.sweep(&*shop.store).await;
    Ok(())
}

/// How long a refresh token is remembered after its expiry. Where a session outlives its tokens, whoever was robbed of one
/// may come back with it when it has expired: that must still end the session, which the thief has renewed meanwhile.
fn kept_seconds(sessions: &SessionSettings) -> i64 {
    let lifetime = sessions.refresh_days.saturating_mul(86_400);
    if sessions.cap_seconds.is_some_and(|cap| cap <= lifetime) { 0 } else { lifetime }
}

async fn expire_orders(shop: &Shop) -> Result<(), StoreError> {
    let now = shop.now();
    let Some(limit) = expired_before(now, shop.settings.orders.pending_ttl_minutes) else { return Ok(()) };
    loop {
        let expired = shop.store.expire_orders(limit, BATCH, now).await?;
        if expired.is_empty() {
            return Ok(());
        }
        let count = expired.len();
        shop.metrics.expired(count);
        tracing::info!(count, "{count} unpaid orders expired and gave their stock back");
    }
}
