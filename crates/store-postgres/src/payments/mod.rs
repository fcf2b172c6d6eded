//! Payments.
//!
//! Locks are taken in one order everywhere: a name (what is not there yet has no row to lock), the buyer's cart, the
//! order, its payments, products by number, and the counts last. Whoever writes an attempt or a refund holds its order;
//! only the claim of those that are due goes by their rows alone, and passes over what somebody else holds.

mod apply;
mod lists;
mod locks;
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

use crate::pool::Class;
use crate::store::PostgresStore;

#[async_trait]
impl PaymentStore for PostgresStore {
    async fn open_attempt(&self, open: OpenAttempt, now: Timestamp) -> Result<Opened, OpenError> {
        self.write_own((open, now), |db, (open, now)| Box::pin(open::open(db, open, *now))).await
    }

    async fn apply_event(&self, event: PaymentEvent, now: Timestamp) -> Result<Applied, StoreError> {
        self.write((event, now), |db, (event, now)| Box::pin(apply::event(db, event, *now))).await
    }

    async fn find_order_facts(&self, order: OrderId) -> Result<Option<OrderFacts>, StoreError> {
        self.read(order, |db, order| Box::pin(rows::facts(db, *order))).await
    }

    async fn reserve(&self, reserve: Reserve, now: Timestamp) -> Result<Reserved, StoreError> {
        self.write((reserve, now), |db, (reserve, now)| Box::pin(open::reserve(db, reserve, *now))).await
    }

    async fn begin_refund(&self, begin: BeginRefund, now: Timestamp) -> Result<Vec<Refund>, RefundError> {
        self.write((begin, now), |db, (begin, now)| Box::pin(refunds::begin(db, begin, *now))).await
    }

    async fn resolve_refund(
        &self,
        id: RefundId,
        told: RefundStatus,
        their_id: Option<Name>,
        note: String,
        now: Timestamp,
    ) -> Result<Option<Refund>, StoreError> {
        let word = refunds::Word { told, their_id, note };
        self.write((id, word, now), |db, (id, word, now)| Box::pin(refunds::resolve(db, *id, word, *now)))
            .await
    }

    async fn record_manual(
        &self,
        order: OrderId,
        by: UserId,
        now: Timestamp,
    ) -> Result<Attempt, ManualRecordError> {
        let args = (order, by, now);
        self.write(args, |db, (order, by, now)| Box::pin(manual::record_payment(db, *order, *by, *now))).await
    }

    async fn close_review(
        &self,
        payment: PaymentId,
        by: UserId,
        note: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let args = (payment, by, note, now);
        self.write(args, |db, (payment, by, note, now)| {
            Box::pin(lists::close_review(db, *payment, *by, note, *now))
        })
        .await
    }

    async fn claim_due(&self, limit: i64, jitter: u8, now: Timestamp) -> Result<Vec<DueAttempt>, StoreError> {
        let args = (limit, jitter, now);
        self.write(args, |db, (limit, jitter, now)| Box::pin(lists::claim_due(db, *limit, *jitter, *now)))
            .await
    }

    async fn claim_comparisons(
        &self,
        limit: i64,
        jitter: u8,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, StoreError> {
        // Nearly always there is nothing, and a look needs no transaction.
        let look = self.read_as(Class::Back, now, |db, now| Box::pin(lists::is_any_to_compare(db, *now)));
        if !look.await? {
            return Ok(Vec::new());
        }
        let args = (limit, jitter, now);
        self.write(args, |db, (limit, jitter, now)| {
            Box::pin(lists::claim_comparisons(db, *limit, *jitter, *now))
        })
        .await
    }

    async fn find_attempt(&self, gateway: Gateway, subject: Subject) -> Result<Option<Attempt>, StoreError> {
        self.read((gateway, subject), |db, (gateway, subject)| Box::pin(rows::find(db, *gateway, subject)))
            .await
    }

    async fn list_statement(&self, query: StatementQuery) -> Result<Vec<Attempt>, StoreError> {
        self.read(query, |db, query| Box::pin(lists::statement(db, *query))).await
    }

    async fn list_payments(&self, query: PaymentQuery) -> Result<Vec<Attempt>, StoreError> {
        self.read(query, |db, query| Box::pin(lists::payments(db, *query))).await
    }

    async fn list_refunds(&self, payment: PaymentId) -> Result<Vec<Refund>, StoreError> {
        self.read(payment, |db, payment| Box::pin(rows::refunds_of(db, *payment))).await
    }

    async fn list_events(&self, payment: Option<PaymentId>) -> Result<Vec<EventRecord>, StoreError> {
        self.read(payment, |db, payment| Box::pin(lists::events(db, *payment))).await
    }

    async fn survey_payments(&self, now: Timestamp) -> Result<PaymentSurvey, StoreError> {
        self.read_as(Class::Back, now, |db, now| Box::pin(lists::survey(db, *now))).await
    }

    async fn balances(&self) -> Result<Balances, StoreError> {
        self.read((), |db, ()| Box::pin(lists::balances(db))).await
    }
}
