//! Money that goes back.

use slippers_core::StoreError;
use slippers_core::payments::checks::delay_seconds;
use slippers_core::payments::rules::{Decision, RefundStep};
use slippers_core::payments::{
    BeginRefund, EventKey, Gateway, Name, PaymentEvent, Refund, RefundError, RefundStatus, Report, refunds,
};
use slippers_core::types::{RefundId, Timestamp};

use super::apply;
use super::rows::{self, NewRefund};
use crate::db::Db;

pub(super) fn begin(db: &Db<'_>, begin: &BeginRefund, now: Timestamp) -> Result<Vec<Refund>, RefundError> {
    if rows::facts(db, begin.order)?.is_none() {
        return Err(RefundError::OrderNotFound);
    }
    let attempts = rows::of_order(db, begin.order)?;
    let attempt = refunds::of_which(&attempts).ok_or(RefundError::NotPaid)?;
    let present = rows::refunds_of(db, attempt.id)?;
    let moving: Vec<Refund> =
        present.iter().filter(|refund| refund.status == RefundStatus::Pending).cloned().collect();
    if !moving.is_empty() {
        return Ok(moving);
    }
    let parts = refunds::plan(attempt, &present, begin.amount, begin.bounds).map_err(RefundError::Refused)?;
    apply::post(db, attempt.id, &refunds::begun(attempt, &parts), now)?;
    let mut begun = Vec::new();
    for part in &parts {
        let (restock, by) = (begin.restock, Some(begin.by));
        let new = NewRefund { amount: part.minor(), status: RefundStatus::Pending, restock, by };
        begun.push(rows::insert_refund(db, attempt.id, &new, now)?);
    }
    rows::watch(db, attempt.id, now.plus_seconds(delay_seconds(0, 0)))?;
    if attempt.gateway == Gateway::Manual {
        for id in &begun {
            resolve(db, *id, RefundStatus::Succeeded, None, "", now)?;
        }
    }
    let all = rows::refunds_of(db, attempt.id)?;
    Ok(all.into_iter().filter(|refund| begun.contains(&refund.id)).collect())
}

const NAME_REFUND: &str = "UPDATE refunds SET their_id = coalesce(their_id, ?2) WHERE id = ?1";

pub(super) fn resolve(
    db: &Db<'_>,
    id: RefundId,
    told: RefundStatus,
    their_id: Option<&Name>,
    note: &str,
    now: Timestamp,
) -> Result<Option<Refund>, StoreError> {
    let Some(refund) = rows::refund_by_id(db, id)? else { return Ok(None) };
    let attempt = rows::by_id(db, refund.payment)?
        .ok_or_else(|| StoreError::Corrupt(format!("refund {id} is of no payment")))?;
    let present = rows::refunds_of(db, attempt.id)?;
    let Decision { answer, step } = refunds::decide(&attempt, &present, &refund, told, now);
    let is_changed = step.is_some();
    if let Some(name) = their_id {
        db.run(NAME_REFUND, (id.get(), name.as_str()))?;
    }
    if let Some(step) = step {
        debug_assert!(!step.refunds.iter().any(|step| matches!(step, RefundStep::Elsewhere { .. })));
        apply::take_step(db, &attempt, *step, now)?;
    }
    let event = PaymentEvent {
        key: EventKey::new(&["refund", &id.to_string(), told.as_str()]),
        amount: Some(refund.amount),
        note: note.to_owned(),
        ..PaymentEvent::own(attempt.gateway, attempt.id, Report::Refunded { total: refund.amount })
    };
    apply::log(db, Some(attempt.id), &event, answer, is_changed, now)?;
    rows::refund_by_id(db, id)
}
