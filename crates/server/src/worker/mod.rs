//! Background work: what time does to the shop. Every job may run twice and beside another process's.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use slippers_core::StoreError;
use slippers_core::orders::KEY_SECONDS;
use slippers_core::orders::rules::expired_before;
use tokio_util::sync::CancellationToken;

use crate::payments::jobs::reconcile;
use crate::settings::SessionSettings;
use crate::shop::Shop;

/// How often there is a look at the clock; each look that finds nothing to do is six short reads of an index.
const PERIOD: Duration = Duration::from_secs(5);
/// Rows a statement: small enough that buyers don't notice it between their own.
const BATCH: i64 = 200;

/// Runs the jobs until told to stop; a gateway that hangs keeps only the questions to gateways waiting.
pub(crate) async fn run(shop: Arc<Shop>, stop: CancellationToken) {
    tokio::join!(
        repeat("background work", &shop, &stop, do_housework),
        repeat("reconciliation of payments", &shop, &stop, reconcile),
    );
}

/// Does a job again and again until told to stop. A batch that is under way in the database is finished.
async fn repeat<'s, F>(
    name: &'static str,
    shop: &'s Shop,
    stop: &CancellationToken,
    job: impl Fn(&'s Shop) -> F,
) where
    F: Future<Output = Result<(), StoreError>> + Send + 's,
{
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // A stop does not wait for a backlog: each batch is whole, and the rest is due again at the next start. Nor may
        // a defect in one job end them all.
        let work = AssertUnwindSafe(job(shop)).catch_unwind();
        let ended = stop.run_until_cancelled(work).await;
        if let Some(ended) = &ended {
            shop.metrics.worked(matches!(ended, Ok(Ok(()))));
        }
        match ended {
            None | Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => {
                tracing::error!(%error, "{name} failed, it is tried again in {PERIOD:?}: {error}");
            }
            Some(Err(_panic)) => {
                tracing::error!("{name} panicked, it is tried again in {PERIOD:?}");
            }
        }
    }
}

/// Does everything that is due now. Payments first: an order that one held may be given up then.
pub(crate) async fn run_once(shop: &Shop) -> Result<(), StoreError> {
    reconcile(shop).await?;
    do_housework(shop).await
}

async fn do_housework(shop: &Shop) -> Result<(), StoreError> {
    expire_orders(shop).await?;
    let now = shop.now();
    while shop.store.sweep_idempotency(now.plus_seconds(-KEY_SECONDS), BATCH).await? > 0 {}
    let kept = kept_seconds(&shop.settings.sessions);
    while shop.store.sweep_sessions(now.plus_seconds(-kept), BATCH).await? > 0 {}
    while shop.store.sweep_resets(now, BATCH).await? > 0 {}
    // Nobody subscribes to events yet.
    while shop.store.spread_events(Vec::new(), BATCH, now).await? > 0 {}
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
