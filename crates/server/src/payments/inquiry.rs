//! Asks gateways where payments stand, and applies what they say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use slippers_core::StoreError;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{Applied, Attempt, AttemptStatus, DueAttempt, Gateway, PaymentEvent, Report};

use super::calls::{BUDGET, Failure};
use super::gateways::within;
use super::returns;
use super::turns::Turn;
use crate::shop::Shop;

/// How long a webhook's answer waits for what a gateway says of it. The claim is written down by then, and the question
/// goes on.
const WEBHOOK_WAITS: Duration = Duration::from_secs(5);
/// Payments that one look claims.
const BATCH: i64 = 50;
/// Payments that are asked about at once.
const AT_ONCE: usize = 8;
/// Paid payments that are compared at once.
const COMPARED_AT_ONCE: usize = 4;
/// How long the job asks about one payment; it comes again.
const JOB_BUDGET: Duration = Duration::from_secs(6);
/// Questions until a held payment is decided: where it stands, and where it stands after our word.
const ROUNDS: usize = 2;

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Gateway(#[from] Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hears what was said in a gateway's name. What only claims something makes us ask.
pub(super) async fn hear(shop: &Arc<Shop>, event: PaymentEvent) -> Result<Applied, StoreError> {
    let applied = apply(shop, event.clone()).await?;
    let (Answer::Ask, Some(attempt)) = (applied.answer, applied.attempt.clone()) else { return Ok(applied) };
    let owned = Arc::clone(shop);
    let work = shop.gateways.spawn(async move { check_claim(&owned, event, attempt).await });
    // Nobody has to wait for it: what is written down is asked about by the job as well.
    let Ok(work) = work else { return Ok(applied) };
    match within(WEBHOOK_WAITS, work).await {
        Ok(Some(Ok(Some(known)))) => Ok(known),
        Ok(Some(Err(Trouble::Store(error)))) => Err(error),
        Ok(Some(Err(Trouble::Gateway(failure)))) => {
            tracing::warn!(%failure, "a claim waits for the gateway's word: {failure}");
            Ok(applied)
        }
        _ => Ok(applied),
    }
}

async fn check_claim(shop: &Shop, claim: PaymentEvent, attempt: Attempt) -> Result<Option<Applied>, Trouble> {
    let mut turn = shop.gateways.turns.enter(attempt.id).await;
    if turn.waited {
        let again = apply(shop, claim).await?;
        if again.answer != Answer::Ask {
            return Ok(Some(again));
        }
    }
    ask(shop, &attempt, &mut turn, BUDGET).await
}

/// Applies an event and tells the log what an operator wants to know.
pub(super) async fn apply(shop: &Shop, event: PaymentEvent) -> Result<Applied, StoreError> {
    let (gateway, key) = (event.gateway.as_str(), event.key.clone());
    // Payme and Click ask before they take the money, and have it once we agree.
    let succeeds = matches!(event.report, Report::Succeeded | Report::Perform);
    let applied = shop.store.apply_event(event, shop.now()).await?;
    if let Some(attempt) =
        applied.attempt.as_ref().filter(|_| applied.is_changed && applied.answer == Answer::Done)
    {
        if succeeds && attempt.settles {
            shop.metrics.paid(attempt.amount);
        }
        if !attempt.status.is_open() && !attempt.status.has_money() {
            shop.metrics.payment_failed();
        }
    }
    match (&applied.attempt, applied.answer) {
        (Some(attempt), Answer::Quarantined(reason)) if applied.is_changed => {
            let (id, order, reason) = (attempt.id, attempt.order, reason.as_str());
            tracing::warn!(payment = %id, %order, reason, "payment {id} of order {order} waits for a person: {reason}");
        }
        (None, Answer::Quarantined(reason)) => {
            let (key, reason) = (key.as_str(), reason.as_str());
            tracing::warn!(
                gateway,
                key,
                reason,
                "{gateway} speaks of a payment that was never made: {reason}"
            );
        }
        (Some(attempt), _) if applied.is_changed => {
            let (id, order, status) = (attempt.id, attempt.order, attempt.status.as_str());
            tracing::info!(payment = %id, %order, status, "payment {id} of order {order} is {status}");
        }
        _ => {}
    }
    Ok(applied)
}

/// Asks where an attempt stands; `None` = there is nobody to ask, and nothing has changed.
pub(super) async fn ask(
    shop: &Shop,
    attempt: &Attempt,
    turn: &mut Turn,
    budget: Duration,
) -> Result<Option<Applied>, Trouble> {
    let Some(protocol) = shop.gateways.protocol(attempt.gateway) else { return Ok(None) };
    let mut last = None;
    for _ in 0..ROUNDS {
        let Some(request) = protocol.status(attempt, shop.now()) else {
            return time_out(shop, attempt).await;
        };
        if is_unreachable(shop, attempt) {
            return Ok(None);
        }
        turn.rest().await;
        let read = |response: &_| protocol.read_status(attempt, response);
        let event = match shop.gateways.exchange(&request, budget, read).await {
            Ok(event) => event,
            // Who asks before taking money is told no from here on, so that time may decide.
            Err(Failure::Refused { .. }) if attempt.gateway != Gateway::Octo => {
                return time_out(shop, attempt).await;
            }
            Err(failure) => return Err(failure.into()),
        };
        let applied = apply(shop, event).await?;
        let is_captured = match applied.answer {
            Answer::Capture => true,
            Answer::Release => false,
            _ => return Ok(Some(applied)),
        };
        let known = applied.attempt.as_ref().unwrap_or(attempt);
        if let Some(request) = protocol.decide_hold(known, is_captured) {
            // Whatever it answers, the next question tells where the payment stands.
            let _ = shop.gateways.exchange(&request, budget, |_| Ok(())).await;
        }
        last = Some(applied);
    }
    Ok(last)
}

/// Whether the settings that a gateway needs were taken away since.
fn is_unreachable(shop: &Shop, attempt: &Attempt) -> bool {
    let missing = shop.gateways.missing_to_call(attempt.gateway);
    if !missing.is_empty() {
        let (id, names) = (attempt.id, missing.join(", "));
        tracing::warn!(payment = %id, "payment {id} can't be asked about, settings are missing: {names}");
    }
    !missing.is_empty()
}

async fn time_out(shop: &Shop, attempt: &Attempt) -> Result<Option<Applied>, Trouble> {
    if !attempt.status.is_open() || !attempt.is_overdue(shop.now()) {
        return Ok(None);
    }
    let event = PaymentEvent::own(attempt.gateway, attempt.id, Report::TimedOut);
    Ok(Some(apply(shop, event).await?))
}

/// Asks about every payment that is due: what is open, and what is on its way back. It may run twice and beside other
/// processes.
pub(crate) async fn reconcile(shop: &Shop) -> Result<(), StoreError> {
    loop {
        let jitter = shop.gateways.draw_byte();
        let due = shop.store.claim_due(BATCH, jitter, shop.now()).await?;
        let is_last = i64::try_from(due.len()).is_ok_and(|count| count < BATCH);
        let checks = due.iter().map(|due| check(shop, due));
        futures_util::stream::iter(checks).for_each_concurrent(AT_ONCE, |check| check).await;
        if is_last {
            return Ok(());
        }
    }
}

async fn check(shop: &Shop, due: &DueAttempt) {
    let attempt = &due.attempt;
    let mut turn = shop.gateways.turns.enter(attempt.id).await;
    for refund in &due.refunds {
        if let Err(error) = returns::send(shop, attempt, refund, &mut turn, (false, JOB_BUDGET)).await {
            tracing::warn!(%error, refund = %refund.id, "refund {} is not decided yet: {error}", refund.id);
        }
    }
    if !matches!(attempt.status, AttemptStatus::Created | AttemptStatus::Pending) {
        return;
    }
    if let Err(error) = ask(shop, attempt, &mut turn, JOB_BUDGET).await {
        tracing::warn!(%error, payment = %attempt.id, "payment {} is not decided yet: {error}", attempt.id);
    }
}

/// Asks once more about paid payments that are due for it: money that was returned at the gateway is seen also when nobody
/// told of it, and what the gateway takes back is brought before a person. At most a batch each time, whatever the number
/// of paid orders; what is open is not kept waiting by it. It may run twice and beside other processes.
pub(crate) async fn compare(shop: &Shop) -> Result<(), StoreError> {
    let due = shop.store.claim_comparisons(BATCH, shop.gateways.draw_byte(), shop.now()).await?;
    // Of a gateway that was taken out of the settings nobody wants to hear each day.
    let asked = due.iter().filter(|attempt| shop.gateways.missing_to_call(attempt.gateway).is_empty());
    let asked: Vec<_> = asked.map(|attempt| ask_in_turn(shop, attempt)).collect();
    let mut failures = Vec::new();
    let mut all = futures_util::stream::iter(asked).buffer_unordered(COMPARED_AT_ONCE);
    while let Some(told) = all.next().await {
        match told {
            Ok(_) => {}
            Err(Trouble::Store(error)) => return Err(error),
            Err(Trouble::Gateway(failure)) => failures.push(failure),
        }
    }
    if let Some(failure) = failures.first() {
        let count = failures.len();
        tracing::warn!(count, %failure, "{count} paid payments could not be compared, they will be: {failure}");
    }
    Ok(())
}

async fn ask_in_turn(shop: &Shop, attempt: &Attempt) -> Result<Option<Applied>, Trouble> {
    let mut turn = shop.gateways.turns.enter(attempt.id).await;
    ask(shop, attempt, &mut turn, JOB_BUDGET).await
}
