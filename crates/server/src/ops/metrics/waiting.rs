//! What waits in the database, as a job saw it last: a scrape asks no database.

use std::sync::{Mutex, PoisonError};

use slippers_core::StoreError;
use slippers_core::outbox::OutboxSurvey;
use slippers_core::payments::PaymentSurvey;
use slippers_core::types::Timestamp;

use super::table;
use super::text::Page;
use crate::shop::Shop;

/// What was seen; nothing, until somebody looked.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Option<(PaymentSurvey, OutboxSurvey)>>);

impl Waiting {
    fn see(&self, seen: (PaymentSurvey, OutboxSurvey)) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Ages are those of this moment, so that they grow also when nobody can look any more.
    pub(super) fn write(&self, page: &mut Page, now: Timestamp) {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((payments, events)) = seen else { return };
        let age = |since: Option<Timestamp>| {
            since.map_or(0, |since| now.seconds().saturating_sub(since.seconds()).max(0))
        };
        page.put(&table::PAYMENTS_OPEN, payments.undecided);
        page.put(&table::PAYMENTS_LATE, age(payments.late_since));
        page.put(&table::PAYMENTS_IN_REVIEW, payments.in_review);
        page.put(&table::EVENTS_WAITING, age(events.waiting_since));
        page.put(&table::DEAD_LETTERS, events.dead);
    }
}

/// Looks at what waits: two short reads of indexes.
pub(crate) async fn look(shop: &Shop) -> Result<(), StoreError> {
    let payments = shop.store.survey_payments(shop.now()).await?;
    let events = shop.store.survey_outbox().await?;
    shop.metrics.waiting.see((payments, events));
    Ok(())
}
