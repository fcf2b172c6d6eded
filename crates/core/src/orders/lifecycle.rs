//! The order's state machine, and who may move it.
//!
//! ```text
//! PENDING --(admin: manual payment)--> PAID --(admin: manual refund)--> REFUNDED
//!    \--(owner, admin, time)--> CANCELLED
//! ```

use thiserror::Error;

use super::{OrderChange, OrderStatus};
use crate::accounts::Actor;
use crate::types::UserId;

/// What a change does to an order, besides the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The status afterwards.
    pub status: OrderStatus,
    /// Whether the stock of its lines goes back on the shelf.
    pub gives_stock_back: bool,
    /// The manual payment or refund, of the order's total, that the change records.
    pub records: Option<ManualRecord>,
}

/// What an admin records by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManualRecord {
    /// The money came by other ways.
    Payment,
    /// The money was given back by other ways.
    Refund,
}

/// Why an order is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LifecycleError {
    /// It is somebody else's.
    #[error("the order is somebody else's")]
    NotYours,
    /// Its owner may not change this.
    #[error("only an admin may change this")]
    OwnerMayNot,
    /// Nobody sets a total: it is the sum of the lines.
    #[error("an order's total is the sum of its lines")]
    TotalIsFixed,
    /// The state machine has no such step.
    #[error("an order can't go from {} to {}", from.as_str(), to.as_str())]
    NoSuchStep {
        /// Where it stands.
        from: OrderStatus,
        /// Where it was to go.
        to: OrderStatus,
    },
    /// It was paid once, so its record stays.
    #[error("an order that was paid stays")]
    Kept {
        /// Where it stands.
        status: OrderStatus,
    },
}

/// Whether somebody may read an order.
pub fn may_read(actor: Actor, owner: UserId) -> bool {
    actor.is_admin || actor.user == owner
}

/// Decides a change. `Ok(None)` leaves the status as it is: the notes may still change.
///
/// Owners change the notes of a pending order and cancel it; a status that it has already is no change, but an owner
/// may not even name PAID or REFUNDED. Admins walk the state machine.
///
/// # Errors
/// [`LifecycleError`], in the order: whose it is, the total, what an owner may, the step itself.
pub fn decide_change(
    actor: Actor,
    owner: UserId,
    present: OrderStatus,
    change: &OrderChange,
) -> Result<Option<Transition>, LifecycleError> {
    if !may_read(actor, owner) {
        return Err(LifecycleError::NotYours);
    }
    if change.sets_total {
        return Err(LifecycleError::TotalIsFixed);
    }
    if !actor.is_admin {
        let names_money = matches!(change.status, Some(OrderStatus::Paid | OrderStatus::Refunded));
        let moves = change.status.is_some_and(|status| status != present);
        let is_pending = present == OrderStatus::Pending;
        if names_money || ((moves || change.notes.is_some()) && !is_pending) {
            return Err(LifecycleError::OwnerMayNot);
        }
    }
    match change.status {
        None => Ok(None),
        Some(wanted) if wanted == present => Ok(None),
        Some(wanted) => step(present, wanted, change.restock).map(Some),
    }
}

fn step(from: OrderStatus, to: OrderStatus, restock: bool) -> Result<Transition, LifecycleError> {
    use OrderStatus::{Cancelled, Paid, Pending, Refunded};
    match (from, to) {
        (Pending, Paid) => {
            Ok(Transition { status: to, gives_stock_back: false, records: Some(ManualRecord::Payment) })
        }
        (Pending, Cancelled) => Ok(cancellation()),
        (Paid, Refunded) => {
            Ok(Transition { status: to, gives_stock_back: restock, records: Some(ManualRecord::Refund) })
        }
        _ => Err(LifecycleError::NoSuchStep { from, to }),
    }
}

/// What giving up a pending order does, by hand or by time.
pub const fn cancellation() -> Transition {
    Transition { status: OrderStatus::Cancelled, gives_stock_back: true, records: None }
}

/// Decides a deletion; the answer is whether the order's stock goes back on the shelf.
///
/// # Errors
/// [`LifecycleError::NotYours`], then [`LifecycleError::Kept`] for paid and refunded orders.
pub fn decide_deletion(actor: Actor, owner: UserId, present: OrderStatus) -> Result<bool, LifecycleError> {
    if !may_read(actor, owner) {
        return Err(LifecycleError::NotYours);
    }
    match present {
        OrderStatus::Pending => Ok(true),
        OrderStatus::Cancelled => Ok(false),
        OrderStatus::Paid | OrderStatus::Refunded => Err(LifecycleError::Kept { status: present }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const OWNER: UserId = UserId::new(2);
    const BUYER: Actor = Actor { user: OWNER, is_admin: false };
    const STRANGER: Actor = Actor { user: UserId::new(3), is_admin: false };
    const ADMIN: Actor = Actor { user: UserId::new(1), is_admin: true };

    fn to(status: OrderStatus) -> OrderChange {
        OrderChange { status: Some(status), restock: true, ..OrderChange::default() }
    }

    fn noting() -> OrderChange {
        OrderChange { notes: Some(Some("ring twice".into())), ..OrderChange::default() }
    }

    #[test]
    fn owners_note_and_cancel_while_pending_and_nothing_else() {
        use OrderStatus::{Cancelled, Paid, Pending, Refunded};
        assert_eq!(decide_change(BUYER, OWNER, Pending, &noting()), Ok(None));
        assert_eq!(decide_change(BUYER, OWNER, Pending, &to(Cancelled)), Ok(Some(cancellation())));
        assert_eq!(decide_change(BUYER, OWNER, Cancelled, &to(Cancelled)), Ok(None), "a repeated call");
        for (present, change) in [
            (Pending, to(Paid)),
            (Pending, to(Refunded)),
            (Paid, to(Paid)),
            (Paid, to(Cancelled)),
            (Paid, noting()),
            (Cancelled, to(Pending)),
            (Refunded, noting()),
        ] {
            assert_eq!(
                decide_change(BUYER, OWNER, present, &change),
                Err(LifecycleError::OwnerMayNot),
                "{present:?} {change:?}"
            );
        }
    }

    #[test]
    fn strangers_change_nothing_and_nobody_sets_a_total() {
        let total = OrderChange { sets_total: true, ..OrderChange::default() };
        assert_eq!(
            decide_change(STRANGER, OWNER, OrderStatus::Pending, &total),
            Err(LifecycleError::NotYours)
        );
        for actor in [BUYER, ADMIN] {
            assert_eq!(
                decide_change(actor, OWNER, OrderStatus::Pending, &total),
                Err(LifecycleError::TotalIsFixed)
            );
        }
    }

    #[test]
    fn a_refund_keeps_the_stock_away_when_told_so() {
        let change = OrderChange { restock: false, ..to(OrderStatus::Refunded) };
        let refund =
            decide_change(ADMIN, OWNER, OrderStatus::Paid, &change).expect("allowed").expect("a step");
        assert!(!refund.gives_stock_back);
        assert_eq!(refund.records, Some(ManualRecord::Refund));
    }

    #[test]
    fn deletion_frees_reserved_stock_once_and_keeps_what_was_paid() {
        use OrderStatus::{Cancelled, Paid, Pending, Refunded};
        assert_eq!(decide_deletion(BUYER, OWNER, Pending), Ok(true));
        assert_eq!(decide_deletion(ADMIN, OWNER, Cancelled), Ok(false));
        assert_eq!(decide_deletion(STRANGER, OWNER, Pending), Err(LifecycleError::NotYours));
        for status in [Paid, Refunded] {
            assert_eq!(decide_deletion(ADMIN, OWNER, status), Err(LifecycleError::Kept { status }));
        }
    }

    proptest! {
        /// However it is moved, an order gives its stock back at most once and records at most one payment and one refund.
        #[test]
        fn no_path_counts_anything_twice(
            steps in proptest::collection::vec((select(vec![BUYER, ADMIN, STRANGER]), select(OrderStatus::ALL.to_vec()), any::<bool>()), 0..12)
        ) {
            let (mut status, mut given_back, mut payments, mut refunds) = (OrderStatus::Pending, 0, 0, 0);
            for (actor, wanted, restock) in steps {
                let change = OrderChange { restock, ..to(wanted) };
                if let Ok(Some(done)) = decide_change(actor, OWNER, status, &change) {
                    prop_assert_ne!(actor, STRANGER);
                    prop_assert!(actor.is_admin || done.status == OrderStatus::Cancelled);
                    status = done.status;
                    given_back += i32::from(done.gives_stock_back);
                    payments += i32::from(done.records == Some(ManualRecord::Payment));
                    refunds += i32::from(done.records == Some(ManualRecord::Refund));
                }
            }
            prop_assert!(given_back <= 1 && payments <= 1 && refunds <= payments);
        }
    }
}
