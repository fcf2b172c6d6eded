//! A buyer wants to pay: an attempt is opened, or the open one found; where the gateway has to make it first, a call does
//! that under the name that was written down, so that a buyer who gave up and comes back finds the same link.

use std::sync::Arc;
use std::time::Duration;

use slippers_core::StoreError;
use slippers_core::payments::admission::judge_open;
use slippers_core::payments::{
    Attempt, AttemptStatus, Gateway, OpenAttempt, PaymentEvent, Report, Source, Subject,
};
use slippers_core::types::{Money, OrderId, UserId};
use slippers_gateways::{Request, Start};

use super::calls::{BUDGET, Failure};
use super::gateways::within;
use super::inquiry::{self, Trouble};
use super::refusals::{gateway_refused, gateway_silent, missing_settings, open_refusal, open_refused};
use crate::http::errors::{ApiError, Code};
use crate::shop::Shop;

/// How long an answer waits for a gateway. The front-end gives up after four seconds, and comes back.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_millis(3200);
/// How long it waits to know whether an older link is still good.
const CHECK_WITHIN: Duration = Duration::from_millis(1500);
/// Seconds after which a link may have been used: it is asked about before it is given again.
const FRESH_SECONDS: i64 = 10;
/// A link that turned out to be used up is followed by one new attempt.
const ROUNDS: usize = 2;

/// What a buyer wants to pay, and with what.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) buyer: UserId,
    pub(super) gateway: Gateway,
    pub(super) source: Source,
    pub(super) claimed: Option<Money>,
}

/// Where the buyer pays.
#[derive(Debug)]
pub(super) struct Payable {
    pub(super) order: OrderId,
    pub(super) link: String,
    /// The gateway's name for the payment, where it has one by now.
    pub(super) their_id: Option<String>,
}

/// Opens an attempt and answers its link.
pub(super) async fn pay(shop: &Arc<Shop>, wanted: Wanted) -> Result<Payable, ApiError> {
    let missing = shop.gateways.missing_to_pay(wanted.gateway);
    let protocol = shop.gateways.protocol(wanted.gateway).filter(|_| missing.is_empty());
    let Some(protocol) = protocol.cloned() else {
        judge(shop, &wanted).await?;
        return Err(missing_settings(&missing));
    };
    for _ in 0..ROUNDS {
        let now = shop.now();
        let open = OpenAttempt {
            buyer: wanted.buyer,
            source: wanted.source.clone(),
            gateway: wanted.gateway,
            reference: shop.gateways.draw_reference()?,
            claimed: wanted.claimed,
            expires_at: Some(now.plus_seconds(protocol.link_seconds())),
            max_open: shop.settings.orders.max_open,
            max_quantity: shop.settings.orders.max_quantity_per_line,
        };
        let opened = shop.store.open_attempt(open, now).await.map_err(open_refused)?;
        let attempt = match (protocol.start(&opened.attempt, now), &opened.attempt.link) {
            (Start::Link(link), _) => return Ok(payable(&opened.attempt, link)),
            (Start::Call(_), Some(_)) => look_again(shop, opened.attempt).await?,
            (Start::Call(request), None) => make(shop, opened.attempt, request).await?,
        };
        match (&attempt.link, attempt.status) {
            (Some(link), status) if status.is_open() => return Ok(payable(&attempt, link.clone())),
            (_, AttemptStatus::Paid | AttemptStatus::Refunded) => return Err(Code::OrderPaid.into()),
            (None, status) if status.is_open() => break,
            // The gateway has given it up since: there is room for a new one.
            _ => {}
        }
    }
    Err(ApiError::retry_after(Code::PaymentNotReady, 1))
}

fn payable(attempt: &Attempt, link: String) -> Payable {
    let their_id = attempt.their_id.as_ref().map(|id| id.as_str().to_owned());
    Payable { order: attempt.order, link, their_id }
}

/// Judges what can't be paid anyway, and writes nothing.
async fn judge(shop: &Shop, wanted: &Wanted) -> Result<(), ApiError> {
    match &wanted.source {
        Source::Order(order) => {
            let facts = shop.store.find_order_facts(*order).await?.ok_or(Code::OrderNotFound)?;
            let judged = judge_open(wanted.buyer, &facts, &[], wanted.gateway, wanted.claimed, shop.now());
            judged.map(|_| ()).map_err(open_refusal)
        }
        Source::Cart if shop.store.cart_totals(wanted.buyer).await?.items == 0 => Err(Code::CartEmpty.into()),
        Source::Cart | Source::Items(_) => Ok(()),
    }
}

/// A link that is some seconds old may lead to a payment that was refused, or made; the gateway is asked for a moment.
async fn look_again(shop: &Arc<Shop>, attempt: Attempt) -> Result<Attempt, ApiError> {
    let since = attempt.reserved_at.unwrap_or(attempt.created_at);
    if shop.now() < since.plus_seconds(FRESH_SECONDS) {
        return Ok(attempt);
    }
    let (owned, asked) = (Arc::clone(shop), attempt.clone());
    let work = shop.gateways.spawn(async move {
        let mut turn = owned.gateways.turns.enter(asked.id).await;
        inquiry::ask(&owned, &asked, &mut turn, CHECK_WITHIN).await
    });
    let Ok(work) = work else { return Ok(attempt) };
    match within(CHECK_WITHIN, work).await? {
        Some(Ok(Some(applied))) => Ok(applied.attempt.unwrap_or(attempt)),
        Some(Err(Trouble::Store(error))) => Err(error.into()),
        // Nobody knows better: the link is what there is.
        _ => Ok(attempt),
    }
}

/// Has a payment made at its gateway. It goes on when nobody waits for it any more.
async fn make(shop: &Arc<Shop>, attempt: Attempt, request: Request) -> Result<Attempt, ApiError> {
    let owned = Arc::clone(shop);
    let work = shop.gateways.spawn(async move { call(&owned, attempt, &request).await })?;
    match within(ANSWER_WITHIN, work).await? {
        Some(Ok(made)) => Ok(made),
        Some(Err(Trouble::Store(error))) => Err(error.into()),
        Some(Err(Trouble::Gateway(Failure::Refused { text, .. }))) => Err(gateway_refused(text)),
        Some(Err(Trouble::Gateway(failure))) => Err(gateway_silent(&failure)),
        None => Err(ApiError::retry_after(Code::PaymentNotReady, 1)),
    }
}

async fn call(shop: &Shop, attempt: Attempt, request: &Request) -> Result<Attempt, Trouble> {
    let Some(protocol) = shop.gateways.protocol(attempt.gateway) else { return Ok(attempt) };
    let turn = shop.gateways.turns.enter(attempt.id).await;
    let attempt = if turn.waited { find(shop, attempt).await? } else { attempt };
    if attempt.link.is_some() || !attempt.status.is_open() {
        return Ok(attempt);
    }
    let read = |response: &_| protocol.read_started(&attempt, response);
    match shop.gateways.exchange(request, BUDGET, read).await {
        Ok(event) => Ok(inquiry::apply(shop, event).await?.attempt.unwrap_or(attempt)),
        Err(refused @ Failure::Refused { .. }) => {
            let mut event = PaymentEvent::own(attempt.gateway, attempt.id, Report::Failed);
            event.note = refused.to_string();
            inquiry::apply(shop, event).await?;
            Err(refused.into())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The attempt as it is by now.
async fn find(shop: &Shop, attempt: Attempt) -> Result<Attempt, StoreError> {
    let found = shop.store.find_attempt(attempt.gateway, Subject::Number(attempt.id)).await?;
    Ok(found.unwrap_or(attempt))
}
