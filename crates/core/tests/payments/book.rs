//! A shop in memory that keeps the promises of `PaymentStore` with the real rules: the model of a store.

use slippers_core::orders::OrderStatus;
use slippers_core::payments::admission::{
    Admission, Opening, Transaction, admit, bound, created, holds_order, judge_open,
};
use slippers_core::payments::ledger::Posting;
use slippers_core::payments::refunds::{self, RefundBounds};
use slippers_core::payments::rules::{Answer, Decision, Facts, OrderStep, RefundStep, Refusal, Step, next};
use slippers_core::payments::{
    Attempt, Gateway, Name, OrderFacts, PaymentEvent, Refund, RefundStatus, Reserved, Subject,
};
use slippers_core::types::{Money, OrderId, PaymentId, RefundId, Timestamp, UserId};

pub(crate) const BUYER: UserId = UserId::new(1);

/// An order of the model: so many pairs of the only product.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) facts: OrderFacts,
    pub(crate) pairs: i64,
    /// Refunded without giving the pairs back.
    pub(crate) is_gone: bool,
}

/// All rows of the model.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) stock: i64,
    pub(crate) orders: Vec<Placed>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) postings: Vec<Posting>,
}

fn name(text: String) -> Name {
    Name::parse(&text).expect("a name")
}

fn number(length: usize) -> i64 {
    i64::try_from(length).expect("small") + 1
}

impl Book {
    pub(crate) fn with_stock(stock: i64) -> Self {
        Self { stock, ..Self::default() }
    }

    pub(crate) fn place(&mut self, pairs: i64, price: i64) {
        if pairs > self.stock {
            return;
        }
        self.stock -= pairs;
        let facts = OrderFacts {
            id: OrderId::new(number(self.orders.len())),
            user: BUYER,
            status: OrderStatus::Pending,
            total: Money::from_minor(pairs * price),
        };
        self.orders.push(Placed { facts, pairs, is_gone: false });
    }

    /// Gives up a pending order, unless an attempt holds it.
    pub(crate) fn expire(&mut self, at: usize) {
        let Some(order) = self.orders.get_mut(at) else { return };
        let is_held = self.attempts.iter().any(|a| a.order == order.facts.id && holds_order(a));
        if order.facts.status == OrderStatus::Pending && !is_held {
            order.facts.status = OrderStatus::Cancelled;
            self.stock += order.pairs;
        }
    }

    fn of_order(&self, order: OrderId) -> Vec<Attempt> {
        self.attempts.iter().filter(|a| a.order == order).cloned().collect()
    }

    pub(crate) fn open(&mut self, at: usize, gateway: Gateway, now: Timestamp) {
        let Some(order) = self.orders.get(at).map(|placed| placed.facts) else { return };
        let attempts = self.of_order(order.id);
        if judge_open(BUYER, &order, &attempts, gateway, None, now) == Ok(Opening::New) {
            self.add(&order, gateway, now.plus_seconds(900), now);
        }
    }

    fn add(&mut self, order: &OrderFacts, gateway: Gateway, until: Timestamp, now: Timestamp) -> usize {
        let id = number(self.attempts.len());
        let reference = name(format!("ours-{id}"));
        self.attempts.push(created(PaymentId::new(id), order, gateway, reference, Some(until), now));
        self.attempts.len() - 1
    }

    /// Begins a transaction for a gateway.
    pub(crate) fn reserve(&mut self, asked: &Transaction, now: Timestamp) -> Reserved {
        let order = self.facts(asked.order);
        let same = self.find(asked.gateway, &Subject::TheirId(asked.their_id.clone()));
        let same = same.map(|at| &self.attempts[at]);
        let at = match admit(order.as_ref(), &self.of_order(asked.order), same, asked, now) {
            Admission::Bind(attempt) => {
                self.write((*attempt).clone());
                self.find(attempt.gateway, &Subject::Number(attempt.id)).expect("it is there")
            }
            Admission::Overdue(attempt) => {
                self.write(*attempt);
                return Reserved::Refused(Refusal::Overdue);
            }
            Admission::New => {
                let at = self.add(&order.expect("admitted"), asked.gateway, now, now);
                self.attempts[at] = bound(&self.attempts[at], asked, now);
                at
            }
            Admission::Again(id) => self.find(asked.gateway, &Subject::Number(id)).expect("it is there"),
            Admission::Refused(refusal) => return Reserved::Refused(refusal),
        };
        Reserved::Held(Box::new(self.attempts[at].clone()))
    }

    /// What payments have to know of an order.
    pub(crate) fn facts(&self, order: OrderId) -> Option<OrderFacts> {
        self.orders.iter().map(|placed| placed.facts).find(|facts| facts.id == order)
    }

    /// Where the attempt is that a gateway speaks of.
    pub(crate) fn find(&self, gateway: Gateway, subject: &Subject) -> Option<usize> {
        self.attempts.iter().position(|attempt| {
            let is_meant = match subject {
                Subject::Reference(name) => attempt.reference == *name,
                Subject::TheirId(name) => attempt.their_id.as_ref() == Some(name),
                Subject::Number(id) => attempt.id == *id,
            };
            attempt.gateway == gateway && is_meant
        })
    }

    fn write(&mut self, attempt: Attempt) {
        let at = self.attempts.iter().position(|a| a.id == attempt.id).expect("it is there");
        self.attempts[at] = attempt;
    }

    fn refunds_of(&self, payment: PaymentId) -> Vec<Refund> {
        self.refunds.iter().filter(|refund| refund.payment == payment).cloned().collect()
    }

    /// Applies an event to an attempt and answers what was told.
    pub(crate) fn apply(&mut self, at: usize, event: &PaymentEvent, now: Timestamp) -> Option<Answer> {
        let attempt = self.attempts.get(at)?.clone();
        let refunds = self.refunds_of(attempt.id);
        let order = self.orders.iter().find(|placed| placed.facts.id == attempt.order)?.facts;
        let is_settled = self.of_order(attempt.order).iter().any(|a| a.settles && a.id != attempt.id);
        let facts = Facts { attempt: &attempt, refunds: &refunds, order: &order, is_settled };
        let Decision { answer, step } = next(facts, event, now);
        if let Some(step) = step {
            self.take_step(*step, now);
        }
        Some(answer)
    }

    fn take_step(&mut self, step: Step, now: Timestamp) {
        for refund in step.refunds {
            match refund {
                RefundStep::Decide(id, status) => {
                    let row = self.refunds.iter_mut().find(|refund| refund.id == id).expect("it is there");
                    (row.status, row.ended_at) = (status, Some(now));
                }
                RefundStep::Elsewhere { amount } => {
                    self.add_refund(&step.attempt, amount, RefundStatus::Succeeded, true, now);
                }
            }
        }
        for order in step.order {
            let placed = self
                .orders
                .iter_mut()
                .find(|placed| placed.facts.id == step.attempt.order)
                .expect("it is there");
            match order {
                OrderStep::Pay => {
                    assert_eq!(placed.facts.status, OrderStatus::Pending, "an order is paid once");
                    placed.facts.status = OrderStatus::Paid;
                }
                OrderStep::Refund { restock } => {
                    assert_eq!(placed.facts.status, OrderStatus::Paid, "an order is refunded once");
                    placed.facts.status = OrderStatus::Refunded;
                    placed.is_gone = !restock;
                    self.stock += if restock { placed.pairs } else { 0 };
                }
            }
        }
        self.postings.extend(step.postings);
        self.write(step.attempt);
    }

    fn add_refund(
        &mut self,
        of: &Attempt,
        amount: Money,
        status: RefundStatus,
        restock: bool,
        now: Timestamp,
    ) {
        let id = number(self.refunds.len());
        self.refunds.push(Refund {
            id: RefundId::new(id),
            payment: of.id,
            reference: name(format!("{}-r{id}", of.reference)),
            their_id: None,
            amount,
            status,
            restock,
            begun_by: None,
            created_at: now,
            ended_at: None,
        });
    }

    pub(crate) fn begin_refund(&mut self, at: usize, amount: Option<i64>, restock: bool, now: Timestamp) {
        let bounds = RefundBounds { least: Money::from_minor(2), most: Some(Money::from_minor(700)) };
        self.begin_refund_within(at, amount, restock, bounds, now);
    }

    pub(crate) fn begin_refund_within(
        &mut self,
        at: usize,
        amount: Option<i64>,
        restock: bool,
        bounds: RefundBounds,
        now: Timestamp,
    ) {
        let Some(attempt) = self.attempts.get(at).cloned() else { return };
        let refunds = self.refunds_of(attempt.id);
        if refunds.iter().any(|refund| refund.status == RefundStatus::Pending) {
            return;
        }
        let Ok(parts) = refunds::plan(&attempt, &refunds, amount.map(Money::from_minor), bounds) else {
            return;
        };
        self.postings.extend(refunds::begun(&attempt, &parts));
        for part in parts {
            self.add_refund(&attempt, part, RefundStatus::Pending, restock, now);
        }
    }

    pub(crate) fn resolve_refund(&mut self, at: usize, told: RefundStatus, now: Timestamp) {
        let Some(refund) = self.refunds.get(at).cloned() else { return };
        let attempt = self.attempts.iter().find(|a| a.id == refund.payment).expect("it is there").clone();
        let decision = refunds::decide(&attempt, &self.refunds_of(attempt.id), &refund, told, now);
        if let Some(step) = decision.step {
            self.take_step(*step, now);
        }
    }
}

/// A transaction of this name on the order at this place, counted from 0; twelve hours long.
pub(crate) fn transaction(
    book: &Book,
    at: usize,
    gateway: Gateway,
    text: &str,
    now: Timestamp,
) -> Option<Transaction> {
    let order = book.orders.get(at)?.facts;
    Some(Transaction {
        gateway,
        their_id: name(format!("{}-{text}", gateway.as_str())),
        their_number: None,
        order: order.id,
        amount: order.total,
        their_time: Some(now),
        expires_at: Some(now.plus_seconds(12 * 3600)),
    })
}
