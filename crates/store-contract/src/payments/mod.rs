//! The promises of payments: [`PaymentStore`](slippers_core::payments::PaymentStore).

pub mod attempts;
pub mod events;
pub mod histories;
pub mod notices;
pub mod refunds;
pub mod transactions;

use slippers_core::orders::{Order, OrderStatus};
use slippers_core::payments::ledger::expected;
use slippers_core::payments::{
    Applied, Attempt, EventKey, Gateway, Name, OpenAttempt, Opened, PaymentEvent, PaymentQuery, Refund,
    Report, Source, Subject,
};
use slippers_core::types::{OrderId, PaymentId, UserId};

use crate::given::{NOW, Shop};

/// A name, which a test may make up.
pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// An attempt at OCTO that is good for fifteen minutes.
pub(crate) fn opening(buyer: UserId, source: Source, reference: &str) -> OpenAttempt {
    OpenAttempt {
        buyer,
        source,
        gateway: Gateway::Octo,
        reference: name(reference),
        claimed: None,
        expires_at: Some(NOW.plus_seconds(900)),
        max_open: 0,
        max_quantity: 500,
    }
}

/// Something that OCTO is sure of.
pub(crate) fn proof(attempt: &Attempt, report: Report) -> PaymentEvent {
    PaymentEvent {
        key: EventKey::new(&["test", &attempt.id.to_string(), report.as_str()]),
        subject: Subject::Reference(attempt.reference.clone()),
        ..PaymentEvent::own(attempt.gateway, attempt.id, report)
    }
}

/// Every attempt, newest first.
pub(crate) const fn every() -> PaymentQuery {
    PaymentQuery { order: None, in_review: false, before: None, max: 1000 }
}

impl Shop {
    /// A pending order of one pair at 100 soum, and an open attempt to pay it at OCTO.
    pub(crate) async fn opened(&self, reference: &str) -> Opened {
        let mu = self.product("Mu", 9).await;
        let order = self.order_of(&[(mu, 1)]).await;
        self.open(&order, reference).await
    }

    /// An attempt to pay this order at OCTO.
    pub(crate) async fn open(&self, order: &Order, reference: &str) -> Opened {
        let open = opening(order.user, Source::Order(order.id), reference);
        self.payments().open_attempt(open, NOW).await.expect("it is opened")
    }

    /// Applies an event of which the gateway is sure.
    pub(crate) async fn told(&self, attempt: &Attempt, report: Report) -> Applied {
        self.payments().apply_event(proof(attempt, report), NOW).await.expect("the store answers")
    }

    /// A paid order of so many pairs at 100 soum, and its attempt.
    pub(crate) async fn paid(&self, reference: &str) -> (OrderId, Attempt) {
        let opened = self.opened(reference).await;
        let applied = self.told(&opened.attempt, Report::Succeeded).await;
        (opened.order.id, applied.attempt.expect("the attempt"))
    }

    /// The attempt as it is now.
    pub(crate) async fn attempt(&self, id: PaymentId, gateway: Gateway) -> Attempt {
        let found = self.payments().find_attempt(gateway, Subject::Number(id)).await;
        found.expect("the store answers").expect("the attempt is there")
    }

    /// An attempt's refunds.
    pub(crate) async fn refunds(&self, id: PaymentId) -> Vec<Refund> {
        self.payments().list_refunds(id).await.expect("the store answers")
    }

    /// The status of an order.
    pub(crate) async fn status(&self, id: OrderId) -> OrderStatus {
        self.order(id).await.status
    }

    /// The ledger is what attempts and refunds come to.
    pub(crate) async fn check_books(&self) {
        let attempts = self.payments().list_payments(every()).await.expect("the store answers");
        let mut refunds = Vec::new();
        for attempt in &attempts {
            refunds.extend(self.refunds(attempt.id).await);
        }
        let balances = self.payments().balances().await.expect("the store answers");
        assert_eq!(balances.sum(), 0);
        assert_eq!(balances, expected(&attempts, &refunds));
    }
}
