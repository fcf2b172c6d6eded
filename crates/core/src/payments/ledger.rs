//! Where the money is: every movement is posted twice, so that nothing comes from nowhere or is lost.
//!
//! Postings are written with the movement and only ever added to. [`expected`] works the same balances out from the
//! attempts and refunds as they stand; that the two agree is a check on both.

use std::collections::BTreeMap;

use super::{Attempt, Gateway, Refund, RefundStatus};
use crate::types::Money;

/// A heap of money. What a gateway has is counted up, what it is for is counted down: the sum over all is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a gateway took and has not returned; its commission is between it and the shop.
    Gateway(Gateway),
    /// What pays orders.
    Sales,
    /// What came and pays nothing: it is the buyers' until a person decides.
    Owed,
    /// What is on its way back, or may be: a refund whose end is not known.
    Returning,
}

impl Account {
    /// Its name in the databases: a gateway's own, or a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway(gateway) => gateway.as_str(),
            Self::Sales => "sales",
            Self::Owed => "owed",
            Self::Returning => "returning",
        }
    }

    /// The account of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sales, Self::Owed, Self::Returning]
            .into_iter()
            .find(|account| account.as_str() == name)
            .or_else(|| Gateway::parse(name).map(Self::Gateway))
    }

    /// The account that an attempt's money is for.
    pub const fn of(attempt: &Attempt) -> Self {
        if attempt.settles { Self::Sales } else { Self::Owed }
    }
}

/// One movement: `amount` is counted up on one account and down on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Counted up here.
    pub debit: Account,
    /// Counted down here.
    pub credit: Account,
    /// How much. Positive.
    pub amount: Money,
}

impl Posting {
    /// Money came.
    pub const fn received(attempt: &Attempt) -> Self {
        Self {
            debit: Account::Gateway(attempt.gateway),
            credit: Account::of(attempt),
            amount: attempt.received,
        }
    }

    /// A refund was begun: its money no longer counts for what it paid.
    pub const fn refund_begun(attempt: &Attempt, amount: Money) -> Self {
        Self { debit: Account::of(attempt), credit: Account::Returning, amount }
    }

    /// A refund went through.
    pub const fn refund_done(attempt: &Attempt, amount: Money) -> Self {
        Self { debit: Account::Returning, credit: Account::Gateway(attempt.gateway), amount }
    }

    /// A refund was refused: its money counts again for what it paid.
    pub const fn refund_undone(attempt: &Attempt, amount: Money) -> Self {
        Self { debit: Account::Returning, credit: Account::of(attempt), amount }
    }
}

/// What is on each account, in minor units; accounts with nothing on them may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balances(BTreeMap<Account, i128>);

impl Balances {
    /// The balances after these postings.
    pub fn of<'p>(postings: impl IntoIterator<Item = &'p Posting>) -> Self {
        let mut balances = Self::default();
        for posting in postings {
            balances.post(posting);
        }
        balances
    }

    /// Posts a movement.
    pub fn post(&mut self, posting: &Posting) {
        let amount = i128::from(posting.amount.minor());
        self.add(posting.debit, amount);
        self.add(posting.credit, -amount);
    }

    /// What is on an account, in minor units.
    pub fn on(&self, account: Account) -> i128 {
        self.0.get(&account).copied().unwrap_or(0)
    }

    /// The sum over all accounts: zero, or the ledger is broken.
    pub fn sum(&self) -> i128 {
        self.0.values().sum()
    }

    fn add(&mut self, account: Account, amount: i128) {
        let balance = self.0.entry(account).or_default();
        *balance += amount;
        if *balance == 0 {
            self.0.remove(&account);
        }
    }
}

/// The balances that attempts and their refunds come to as they stand. Refunds of other attempts are not counted.
pub fn expected(attempts: &[Attempt], refunds: &[Refund]) -> Balances {
    let mut balances = Balances::default();
    for attempt in attempts {
        balances.post(&Posting::received(attempt));
        for refund in refunds.iter().filter(|refund| refund.payment == attempt.id) {
            if refund.status != RefundStatus::Failed {
                balances.post(&Posting::refund_begun(attempt, refund.amount));
            }
            if refund.status == RefundStatus::Succeeded {
                balances.post(&Posting::refund_done(attempt, refund.amount));
            }
        }
    }
    balances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_by_what_they_are_written_as() {
        let all = [Account::Sales, Account::Owed, Account::Returning]
            .into_iter()
            .chain(Gateway::ALL.map(Account::Gateway));
        for account in all {
            assert_eq!(Account::parse(account.as_str()), Some(account));
        }
        assert_eq!(Account::parse("elsewhere"), None);
    }

    #[test]
    fn a_movement_and_its_opposite_leave_nothing() {
        let amount = Money::from_minor(700);
        let there = Posting { debit: Account::Sales, credit: Account::Returning, amount };
        let back = Posting { debit: Account::Returning, credit: Account::Sales, amount };
        assert_eq!(Balances::of([&there]).on(Account::Sales), 700);
        assert_eq!(Balances::of([&there]).sum(), 0);
        assert_eq!(Balances::of([&there, &back]), Balances::default());
    }
}
