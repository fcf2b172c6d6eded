//! Whose call it is: what each class of calls may have of the connections.

use std::time::Duration;

/// The class of a call. Declared in the order in which a connection that comes free is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Orders, payments and what payment services tell: those who are about to pay.
    Checkout,
    /// Signs of life, for whoever restarts a shop that gives none.
    Health,
    /// Sessions, accounts, carts and all other writes: a checkout begins with them.
    Shopper,
    /// Short reads of the catalogue.
    Browse,
    /// Lists and searches.
    Search,
    /// What a replica would have answered, had one been near enough: the primary has other work.
    Fallback,
    /// What an admin lists, sweeps, the filling of a shop.
    Back,
}

pub(super) const CLASSES: [Class; 7] = [
    Class::Checkout,
    Class::Health,
    Class::Shopper,
    Class::Browse,
    Class::Search,
    Class::Fallback,
    Class::Back,
];

/// What a class may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// Connections that no other class takes.
    pub(super) reserved: usize,
    /// Connections at once at most.
    pub(super) most: usize,
    /// Calls that may wait; one more is refused at once.
    pub(super) waiting: usize,
    /// The longest that a call waits.
    pub(super) wait: Duration,
}

impl Class {
    /// The share of a class in so many connections. Whoever pays waits as long as the settings say, and so does what
    /// leads there; whoever looks around is told soon, while the answer is still of use.
    pub(super) fn share(self, all: usize, timeout: Duration) -> Share {
        const SOON: Duration = Duration::from_secs(1);
        const CROWD: usize = 1024;
        // A shop of one connection can't keep any back.
        let reserved = match self {
            Self::Checkout if all >= 2 => (all / 4).clamp(1, 4),
            Self::Health if all >= 4 => 1,
            Self::Shopper if all >= 8 => all / 8,
            _ => 0,
        };
        let (most, waiting, wait) = match self {
            Self::Checkout | Self::Shopper => (all, CROWD, timeout),
            Self::Health => (1, 16, SOON.min(timeout)),
            Self::Browse => (all, 32 * all, SOON.min(timeout)),
            Self::Search => ((all / 2).max(1), 16 * all, SOON.min(timeout)),
            Self::Fallback => ((all * 3 / 10).max(1), 16 * all, SOON.min(timeout)),
            Self::Back => ((all / 4).max(1), 8 * all, (2 * SOON).min(timeout)),
        };
        Share { reserved, most, waiting, wait }
    }
}
