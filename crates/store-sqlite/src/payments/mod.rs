//! Payments.

mod apply;
mod lists;
pub(crate) mod manual;
mod open;
mod refunds;
mod rows;

pub(crate) use rows::meaning;

use async_trait::async_trait;
use slippers_core::StoreError;
use slippers_core::payments::ledger::Balances;
use slippers_core::payments::{
    Applied, Attempt, BeginRefund, DueAttempt, EventRecord, Gateway, ManualRecordError, Name, OpenAttempt,
    OpenError, Opened, OrderFacts, PaymentEvent, PaymentQuery, PaymentStore, PaymentSurvey, Refund,
    RefundError, RefundStatus, Reserve, Reserved, StatementQuery, Subject,
};
use slippers_core::types::{OrderId, PaymentId, RefundId, Timestamp, UserId};

use crate::store::SqliteStore;

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn open_attempt(&self, open: OpenAttempt, now: Timestamp) -> Result<Opened, OpenError> {
        self.writer.run(move |db| open::open(db, &open, now)).await
    }

    async fn apply_event(&self, event: PaymentEvent, now: Timestamp) -> Result<Applied, StoreError> {
        self.writer.run(move |db| apply::event(db, &event, now)).await
    }

    async fn find_order_facts(&self, order: OrderId) -> Result<Option<OrderFacts>, StoreError> {
        self.readers.read(|db| rows::facts(db, order))
    }

    async fn reserve(&self, reserve: Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
        self.writer.run(move |db| open::reserve(db, &reserve, now)).await
    }

    async fn begin_refund(&self, begin: BeginRefund, now: Timestamp) -> Result<Vec<Refund>, RefundError> {
        self.writer.run(move |db| refunds::begin(db, &begin, now)).await
    }

    async fn resolve_refund(
        &self,
        id: RefundId,
        told: RefundStatus,
        their_id: Option<Name>,
        note: String,
        now: Timestamp,
    ) -> Result<Option<Refund>, StoreError> {
        self.writer.run(move |db| refunds::resolve(db, id, told, their_id.as_ref(), &note, now)).await
    }

    async fn record_manual(
        &self,
        order: OrderId,
        by: UserId,
        now: Timestamp,
    ) -> Result<Attempt, ManualRecordError> {
        self.writer.run(move |db| manual::record_payment(db, order, by, now)).await
    }

    async fn close_review(
        &self,
        payment: PaymentId,
        by: UserId,
        note: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.run(move |db| lists::close_review(db, payment, by, &note, now)).await
    }

    async fn claim_due(&self, limit: i64, jitter: u8, now: Timestamp) -> Result<Vec<DueAttempt>, StoreError> {
        self.writer.run(move |db| lists::claim_due(db, limit, jitter, now)).await
    }

    async fn claim_comparisons(
        &self,
        limit: i64,
        jitter: u8,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, StoreError> {
        // Nearly always there is nothing, and a look does not hold the writer up.
        if self.readers.read(|db| lists::to_compare(db, 1, now))?.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.run(move |db| lists::claim_comparisons(db, limit, jitter, now)).await
    }

    async fn find_attempt(&self, gateway: Gateway, subject: Subject) -> Result<Option<Attempt>, StoreError> {
        self.readers.read(|db| rows::find(db, gateway, &subject))
    }

    async fn list_statement(&self, query: StatementQuery) -> Result<Vec<Attempt>, StoreError> {
        self.readers.read(|db| lists::statement(db, query))
    }

    async fn list_payments(&self, query: PaymentQuery) -> Result<Vec<Attempt>, StoreError> {
        self.readers.read(|db| lists::payments(db, query))
    }

    async fn list_refunds(&self, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        self.readers.read(|db| rows::refunds_of(db, payment))
    }

    async fn list_events(&self, payment: Option<PaymentId>) -> Result<Vec<EventRecord>, StoreError> {
        self.readers.read(|db| lists::events(db, payment))
    }

    async fn survey_payments(&self, now: Timestamp) -> Result<PaymentSurvey, StoreError> {
        self.readers.read(|db| lists::survey(db, now))
    }

    async fn balances(&self) -> Result<Balances, StoreError> {
        self.readers.read(lists::balances)
    }
}
