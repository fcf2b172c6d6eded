//! Money that goes back: begun in the store, then asked of the gateway by the name that was written down for it, as often
//! as it takes.

use std::sync::Arc;
use std::time::Duration;

use slippers_core::StoreError;
use slippers_core::orders::OrderStatus;
use slippers_core::payments::rules::Answer;
use slippers_core::payments::{
    Attempt, BeginRefund, Gateway, Name, PaymentQuery, Refund, RefundStatus, refunds,
};
use slippers_core::types::{OrderId, Timestamp, UserId};

use super::calls::{BUDGET, Failure};
use super::gateways::within;
use super::inquiry::{self, Trouble};
use super::refusals::{gateway_refused, missing_settings, refund_refusal};
use super::start::ANSWER_WITHIN;
use super::turns::Turn;
use crate::http::errors::{ApiError, Code};
use crate::shop::Shop;

/// Attempts of an order that are looked at; more are not made by hand.
const MAX_ATTEMPTS: i64 = 1000;

/// What is said of a refund that a gateway took on and then refused without a word.
const REFUSED: &str = "The payment gateway refused the refund";

/// What became of a refund.
#[derive(Debug)]
pub(super) struct Returned {
    /// The order's status as it is now.
    pub(super) order: OrderStatus,
    /// Whether all of the money went back; else the rest is on its way.
    pub(super) is_done: bool,
}

/// Sends all money of an order back that OCTO took.
pub(super) async fn refund(
    shop: &Arc<Shop>,
    order: OrderId,
    restock: bool,
    by: UserId,
) -> Result<Returned, ApiError> {
    let facts = shop.store.find_order_facts(order).await?.ok_or(Code::OrderNotFound)?;
    if facts.status == OrderStatus::Refunded {
        return Err(Code::AlreadyRefunded.into());
    }
    let query = PaymentQuery { order: Some(order), in_review: false, before: None, max: MAX_ATTEMPTS };
    let attempts = shop.store.list_payments(query).await?;
    let attempt = refunds::of_which(&attempts).filter(|attempt| attempt.gateway == Gateway::Octo);
    let attempt = attempt.cloned().ok_or(Code::NotRefundable)?;
    let missing = shop.gateways.missing_to_call(Gateway::Octo);
    let protocol = shop.gateways.protocol(Gateway::Octo).filter(|_| missing.is_empty());
    let Some(protocol) = protocol else { return Err(missing_settings(&missing)) };
    let bounds = protocol.refund_bounds();
    let begin = BeginRefund { order, amount: None, restock, by, bounds };
    let now = shop.now();
    let begun = shop.store.begin_refund(begin, now).await.map_err(refund_refusal)?;
    let owned = Arc::clone(shop);
    let work = shop.gateways.spawn(async move { send_all(&owned, &attempt, &begun, now).await });
    // What is begun is written down: where there is no place for the work now, the job does it.
    let sent = match work {
        Ok(work) => within(ANSWER_WITHIN, work).await?,
        Err(_full) => None,
    };
    let is_done = match sent {
        Some(Ok(is_done)) => is_done,
        Some(Err(Trouble::Gateway(Failure::Refused { text, .. }))) => return Err(gateway_refused(text)),
        Some(Err(Trouble::Store(error))) => return Err(error.into()),
        Some(Err(Trouble::Gateway(failure))) => {
            tracing::warn!(%order, %failure, "the refund of order {order} is on its way: {failure}");
            false
        }
        None => false,
    };
    let facts = shop.store.find_order_facts(order).await?.ok_or(Code::OrderNotFound)?;
    Ok(Returned { order: facts.status, is_done })
}

/// Sends every part; answers whether all of them arrived.
async fn send_all(shop: &Shop, attempt: &Attempt, begun: &[Refund], now: Timestamp) -> Result<bool, Trouble> {
    let mut turn = shop.gateways.turns.enter(attempt.id).await;
    let mut is_done = true;
    for refund in begun {
        // Who waited for the turn may find it decided.
        let refund = if turn.waited { find(shop, refund).await? } else { Some(refund.clone()) };
        let Some(refund) = refund.filter(|refund| refund.status == RefundStatus::Pending) else { continue };
        let is_new = refund.created_at == now && !turn.waited;
        let status = send(shop, attempt, &refund, &mut turn, (is_new, BUDGET)).await?;
        is_done &= status == RefundStatus::Succeeded;
    }
    Ok(is_done)
}

async fn find(shop: &Shop, refund: &Refund) -> Result<Option<Refund>, StoreError> {
    let all = shop.store.list_refunds(refund.payment).await?;
    Ok(all.into_iter().find(|one| one.id == refund.id))
}

/// Asks for a refund by its name and writes down what the gateway says. Of a call that may have been made before (`is_new`
/// says that it was not), a refusal proves nothing: then the payment's status decides whether the money went.
pub(super) async fn send(
    shop: &Shop,
    attempt: &Attempt,
    refund: &Refund,
    turn: &mut Turn,
    (is_new, budget): (bool, Duration),
) -> Result<RefundStatus, Trouble> {
    let Some(protocol) = shop.gateways.protocol(attempt.gateway) else { return Ok(refund.status) };
    let Some(request) = protocol.refund(attempt, refund, shop.now()) else { return Ok(refund.status) };
    let read = |response: &_| protocol.read_refund(response);
    let (text, is_first) = match shop.gateways.exchange(&request, budget, read).await {
        Ok(told) => {
            let status = resolve(shop, refund, told.status, told.their_id, told.note).await?;
            return match status {
                RefundStatus::Failed => {
                    Err(Failure::Refused { text: REFUSED.to_owned(), is_first: false }.into())
                }
                status => Ok(status),
            };
        }
        Err(Failure::Refused { text, is_first }) => (text, is_first),
        Err(failure) => return Err(failure.into()),
    };
    let has_stayed = (is_new && is_first) || has_stayed(shop, attempt, turn, budget).await?;
    if !has_stayed {
        return Ok(find(shop, refund).await?.map_or(refund.status, |refund| refund.status));
    }
    resolve(shop, refund, RefundStatus::Failed, None, text.clone()).await?;
    Err(Failure::Refused { text, is_first }.into())
}

/// Whether the gateway says that no more went back than was known.
async fn has_stayed(
    shop: &Shop,
    attempt: &Attempt,
    turn: &mut Turn,
    budget: Duration,
) -> Result<bool, Trouble> {
    let asked = inquiry::ask(shop, attempt, turn, budget).await?;
    Ok(asked.is_some_and(|applied| applied.answer == Answer::Already))
}

async fn resolve(
    shop: &Shop,
    refund: &Refund,
    told: RefundStatus,
    their_id: Option<Name>,
    note: String,
) -> Result<RefundStatus, Trouble> {
    let now = shop.now();
    let resolved = shop.store.resolve_refund(refund.id, told, their_id, note, now).await?;
    let status = resolved.map_or(refund.status, |refund| refund.status);
    let (id, payment, word) = (refund.id, refund.payment, status.as_str());
    tracing::info!(refund = %id, %payment, status = word, "refund {id} of payment {payment} is {word}");
    Ok(status)
}
