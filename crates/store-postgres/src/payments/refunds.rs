//! Money that goes back.

use futures_util::future::try_join3;
use slippers_core::StoreError;
use slippers_core::payments::checks::delay_seconds;
use slippers_core::payments::rules::{Decision, RefundStep};
use slippers_core::payments::{
    BeginRefund, EventKey, Gateway, Name, PaymentEvent, Refund, RefundError, RefundStatus, Report, refunds,
};
use slippers_core::types::{PaymentId, RefundId, Timestamp};

use super::apply;
use super::rows::{self, NewRefund};
use crate::db::Db;
use crate::orders::rows as orders;
use crate::params::params;

pub(super) async fn begin(db: &Db, begin: &BeginRefund, now: Timestamp) -> Result<Vec<Refund>, RefundError> {
    orders::lock(db, &[begin.order.get()]).await?;
    if rows::facts(db, begin.order).await?.is_none() {
        return Err(RefundError::OrderNotFound);
    }
    let attempts = rows::of_order(db, begin.order).await?;
    let attempt = refunds::of_which(&attempts).ok_or(RefundError::NotPaid)?;
    let present = rows::refunds_of(db, attempt.id).await?;
    let moving: Vec<Refund> =
        present.iter().filter(|refund| refund.status == RefundStatus::Pending).cloned().collect();
    if !moving.is_empty() {
        return Ok(moving);
    }
    let parts = refunds::plan(attempt, &present, begin.amount, begin.bounds).map_err(RefundError::Refused)?;
    apply::post(db, attempt.id, &refunds::begun(attempt, &parts), now).await?;
    let mut begun = Vec::new();
    for part in &parts {
        let (restock, by) = (begin.restock, Some(begin.by));
        let new = NewRefund { amount: part.minor(), status: RefundStatus::Pending, restock, by };
        begun.push(rows::insert_refund(db, attempt.id, &new, now).await?);
    }
    rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0))).await?;
    if attempt.gateway == Gateway::Manual {
        let went = Word { told: RefundStatus::Succeeded, their_id: None, note: String::new() };
        for id in &begun {
            resolve_locked(db, *id, attempt.id, &went, now).await?;
        }
    }
    let all = rows::refunds_of(db, attempt.id).await?;
    Ok(all.into_iter().filter(|refund| begun.contains(&refund.id)).collect())
}

/// What a gateway said of a refund of ours.
pub(super) struct Word {
    pub(super) told: RefundStatus,
    pub(super) their_id: Option<Name>,
    pub(super) note: String,
}

const WHERE_FROM: &str = "
    SELECT p.id, p.order_id FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = $1";

pub(super) async fn resolve(
    db: &Db,
    id: RefundId,
    word: &Word,
    now: Timestamp,
) -> Result<Option<Refund>, StoreError> {
    let found = db.first(WHERE_FROM, params![id.get()], |row| Ok((row.int(0)?, row.int(1)?)));
    let Some((payment, order)) = found.await? else { return Ok(None) };
    orders::lock(db, &[order]).await?;
    resolve_locked(db, id, PaymentId::new(payment), word, now).await
}

const NAME_REFUND: &str = "UPDATE refunds SET their_id = coalesce(their_id, $2) WHERE id = $1";

async fn resolve_locked(
    db: &Db,
    id: RefundId,
    payment: PaymentId,
    word: &Word,
    now: Timestamp,
) -> Result<Option<Refund>, StoreError> {
    let (refund, attempt, present) =
        try_join3(rows::refund_by_id(db, id), rows::by_id(db, payment), rows::refunds_of(db, payment))
            .await?;
    // Neither goes while it is there: its postings don't let its attempt go.
    let (Some(refund), Some(attempt)) = (refund, attempt) else { return Ok(None) };
    let Decision { answer, step } = refunds::decide(&attempt, &present, &refund, word.told, now);
    if let Some(name) = &word.their_id {
        db.run(NAME_REFUND, params![id.get(), name.as_str()]).await?;
    }
    let event = PaymentEvent {
        key: EventKey::new(&["refund", &id.to_string(), word.told.as_str()]),
        amount: Some(refund.amount),
        note: word.note.clone(),
        ..PaymentEvent::own(attempt.gateway, attempt.id, Report::Refunded { total: refund.amount })
    };
    apply::log(db, Some(attempt.id), &event, answer, step.is_some(), now).await?;
    if let Some(step) = step {
        debug_assert!(!step.refunds.iter().any(|step| matches!(step, RefundStep::Elsewhere { .. })));
        apply::take_step(db, &attempt, *step, now).await?;
    }
    rows::refund_by_id(db, id).await
}
