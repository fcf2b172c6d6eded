//! How far a replica must be to answer: the position of the last write that this program knows of, by what is read.
//!
//! A position is asked for after a COMMIT was answered, and raises the floor of what it changed before anybody is told of
//! the change. So whoever makes a page anew because it was changed can't read it from a replica that lacks the change.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use slippers_core::types::{SlipperId, UserId};
use slippers_core::{Change, Position, Reader};

/// Floors of products. Two products may share one: then a change of the one holds the other's reads back too.
const SLOTS: usize = 1024;
/// How long a user's last write is known by itself. After that it is part of everybody's floor, which a replica in use has
/// passed by then.
const USER_LIFE: Duration = Duration::from_secs(30);
/// Users whose last writes are known by themselves at most: some 2 MB.
const USERS: usize = 1 << 15;

/// None of the others is gone before nobody has seen it for so long: it may be between two connections.
const ALONE_AFTER: Duration = Duration::from_secs(10);
/// What a look has seen holds for so long: who comes after it waits longer than that before it writes.
const ALONE_FOR: Duration = Duration::from_secs(1);

/// What a read of the catalogue shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// One product.
    Slipper(SlipperId),
    /// Products.
    Slippers,
    /// Nothing but categories.
    Categories,
}

/// What somebody reads of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Nobody else changes it.
    Cart,
    /// Payments and the clock change it too.
    Order,
    /// The same of all of them.
    Orders,
}

/// What this program knows of the writes that were acknowledged.
#[derive(Debug)]
pub(crate) struct Knowledge(Mutex<State>);

#[derive(Debug)]
struct State {
    /// `None` = a write was made of which no position is known: then nothing may be read from a replica.
    latest: Option<Position>,
    /// Moves with every write of unknown position.
    losses: u64,
    /// For everything in the catalogue.
    all: Position,
    lists: Position,
    slippers: Box<[Position]>,
    users: Users,
    alone: Alone,
    /// Where the primary was at the last look at what others have changed.
    primary: Option<Position>,
}

/// Whether no other instance writes.
#[derive(Clone, Copy, Debug, Default)]
struct Alone {
    /// Since when none was seen.
    since: Option<Instant>,
    /// When it was looked last.
    looked: Option<Instant>,
}

impl Alone {
    fn holds_at(self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) >= ALONE_AFTER)
            && self.looked.is_some_and(|looked| now.duration_since(looked) < ALONE_FOR)
    }
}

/// A moment at which a position is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    losses: u64,
}

impl Default for Knowledge {
    fn default() -> Self {
        Self(Mutex::new(State {
            latest: None,
            losses: 0,
            all: Position::default(),
            lists: Position::default(),
            slippers: vec![Position::default(); SLOTS].into_boxed_slice(),
            users: Users::default(),
            alone: Alone::default(),
            primary: None,
        }))
    }
}

impl Knowledge {
    /// Before a position is asked for.
    pub(crate) fn ask(&self) -> Asked {
        Asked { losses: self.state().losses }
    }

    /// All writes of this program that were acknowledged before the position was asked for are part of it.
    pub(crate) fn settle(&self, asked: Asked, position: Position) {
        let mut state = self.state();
        if state.latest.is_none() && state.losses == asked.losses {
            state.latest = Some(position);
            state.all = state.all.max(position);
            state.users.forgotten = state.users.forgotten.max(position);
        }
    }

    /// This was changed, and is part of the position. Called before anybody is told of the changes.
    pub(crate) fn raise(&self, changes: &[Change], position: Position) {
        let mut state = self.state();
        state.latest = state.latest.map(|latest| latest.max(position));
        for change in changes {
            match change {
                Change::Slipper(id) | Change::Stock(id) => {
                    let slot = slot(*id);
                    if let Some(floor) = state.slippers.get_mut(slot) {
                        *floor = position.max(*floor);
                    }
                    state.lists = position.max(state.lists);
                }
                Change::Category(_) | Change::Catalog => state.all = position.max(state.all),
                Change::User(_) => {}
            }
        }
    }

    /// Something was written, and it is not known where in the log.
    pub(crate) fn lose(&self) {
        let mut state = self.state();
        state.losses += 1;
        state.latest = None;
    }

    /// How far a replica must be to show this; `None` = the primary must be asked.
    pub(crate) fn floor_of(&self, shown: Shown) -> Option<Position> {
        let state = self.state();
        state.latest?;
        let own = match shown {
            Shown::Slipper(id) => state.slippers.get(slot(id)).copied().unwrap_or_default(),
            Shown::Slippers => state.lists,
            Shown::Categories => Position::default(),
        };
        Some(own.max(state.all))
    }

    /// How far a replica must be for a user's own reads; `None` = the primary must be asked, since they may have written
    /// where this program does not see it.
    pub(crate) fn floor_of_reader(&self, reader: Reader, what: Own, now: Instant) -> Option<Position> {
        let state = self.state();
        let latest = state.latest?;
        let own = match what {
            Own::Cart => state.users.of(reader.user),
            Own::Order | Own::Orders => latest,
        };
        match reader.seen {
            Some(seen) => Some(seen.max(own)),
            None => state.alone.holds_at(now).then_some(own),
        }
    }

    /// A user may have written; answers the position of the last write of this program.
    pub(crate) fn wrote(&self, user: Option<UserId>, now: Instant) -> Option<Position> {
        let mut state = self.state();
        let latest = state.latest;
        // Where none is known, the next that is will be everybody's.
        if let (Some(user), Some(position)) = (user, latest) {
            state.users.remember(user, position, now);
        }
        latest
    }

    /// A look that began then has seen no other instance, and then this position.
    pub(crate) fn is_alone(&self, looked: Instant, position: Position) {
        let mut state = self.state();
        if state.alone.since.is_none() {
            // Whatever others wrote is part of it.
            state.users.forgotten = state.users.forgotten.max(position);
            state.alone.since = Some(looked);
        }
        state.alone.looked = Some(looked);
    }

    /// Others may write.
    pub(crate) fn is_not_alone(&self) {
        self.state().alone = Alone::default();
    }

    /// A look at what others have changed was answered, and then this position.
    pub(crate) fn saw_primary(&self, position: Position) {
        self.state().primary = Some(position);
    }

    /// Where the primary was at the last look.
    pub(crate) fn primary(&self) -> Option<Position> {
        self.state().primary
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(id: SlipperId) -> usize {
    usize::try_from(id.get().unsigned_abs() % SLOTS as u64).unwrap_or_default()
}

/// Users' last writes, as many as fit; of those that were forgotten the last one counts for everybody.
#[derive(Debug, Default)]
struct Users {
    last: HashMap<UserId, Written>,
    /// Oldest first; one that was renewed stands here several times.
    order: VecDeque<(UserId, Instant)>,
    forgotten: Position,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    position: Position,
    at: Instant,
}

impl Users {
    fn of(&self, user: UserId) -> Position {
        self.last.get(&user).map_or(self.forgotten, |written| written.position.max(self.forgotten))
    }

    fn remember(&mut self, user: UserId, position: Position, now: Instant) {
        self.last.insert(user, Written { position, at: now });
        self.order.push_back((user, now));
        while let Some((oldest, at)) = self.order.front().copied()
            && (self.order.len() > USERS || now.duration_since(at) >= USER_LIFE)
        {
            self.order.pop_front();
            // Not one that was renewed since.
            if self.last.get(&oldest).is_some_and(|written| written.at == at)
                && let Some(written) = self.last.remove(&oldest)
            {
                self.forgotten = self.forgotten.max(written.position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SlipperId = SlipperId::new(1);
    const TWO: SlipperId = SlipperId::new(2);
    const BUYER: UserId = UserId::new(7);

    fn at(offset: u64) -> Position {
        Position { timeline: 1, offset }
    }

    fn known() -> Knowledge {
        let knowledge = Knowledge::default();
        knowledge.settle(knowledge.ask(), at(10));
        knowledge
    }

    fn floors(of: &Knowledge) -> [Option<u64>; 4] {
        [Shown::Slipper(ONE), Shown::Slipper(TWO), Shown::Slippers, Shown::Categories]
            .map(|shown| of.floor_of(shown).map(|floor| floor.offset))
    }

    #[test]
    fn a_change_holds_back_what_shows_it_and_nothing_else() {
        let knowledge = known();
        assert_eq!(floors(&knowledge), [Some(10); 4]);
        knowledge.raise(&[Change::Stock(ONE)], at(20));
        assert_eq!(floors(&knowledge), [Some(20), Some(10), Some(20), Some(10)]);
        knowledge.raise(&[Change::Slipper(TWO)], at(15));
        assert_eq!(floors(&knowledge), [Some(20), Some(15), Some(20), Some(10)], "none goes back");
        knowledge.raise(&[Change::Catalog], at(30));
        assert_eq!(floors(&knowledge), [Some(30); 4]);
    }

    #[test]
    fn while_a_position_is_unknown_nothing_is_read_from_a_replica() {
        let knowledge = Knowledge::default();
        assert_eq!(floors(&knowledge), [None; 4], "before the first");
        let early = knowledge.ask();
        knowledge.lose();
        knowledge.settle(early, at(10));
        assert_eq!(floors(&knowledge), [None; 4], "it was asked for before the write");
        assert_eq!(knowledge.wrote(Some(BUYER), Instant::now()), None);
        knowledge.settle(knowledge.ask(), at(20));
        assert_eq!(floors(&knowledge), [Some(20); 4]);
        assert_eq!(
            knowledge.floor_of_reader(Reader { user: BUYER, seen: Some(at(5)) }, Own::Cart, Instant::now()),
            Some(at(20))
        );
    }

    #[test]
    fn a_user_who_does_not_know_reads_a_replica_only_where_nobody_else_writes() {
        let knowledge = known();
        let start = Instant::now();
        let now = start + ALONE_AFTER;
        knowledge.raise(&[], at(20));
        assert_eq!(knowledge.wrote(Some(BUYER), start), Some(at(20)));
        let floor = |user, seen| knowledge.floor_of_reader(Reader { user, seen }, Own::Cart, now);
        assert_eq!(floor(BUYER, None), None);
        assert_eq!(floor(BUYER, Some(at(12))), Some(at(20)), "what was written here counts too");
        assert_eq!(floor(BUYER, Some(at(25))), Some(at(25)));
        knowledge.is_alone(start, at(18));
        assert_eq!(floor(BUYER, None), None, "the look is old");
        knowledge.is_alone(now, at(19));
        assert_eq!(floor(BUYER, None), Some(at(20)));
        assert_eq!(floor(UserId::new(8), None), Some(at(18)), "others may have written until then");
        let order = knowledge.floor_of_reader(Reader { user: UserId::new(8), seen: None }, Own::Order, now);
        assert_eq!(order, Some(at(20)), "a payment may have been told of meanwhile");
        knowledge.is_not_alone();
        knowledge.is_alone(now, at(20));
        assert_eq!(floor(BUYER, None), None, "somebody was there a moment ago");
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_counts_for_all() {
        let knowledge = known();
        let start = Instant::now();
        let now = start + ALONE_AFTER;
        knowledge.is_alone(start, at(10));
        knowledge.is_alone(now, at(10));
        knowledge.raise(&[], at(20));
        knowledge.wrote(Some(BUYER), now);
        knowledge.raise(&[], at(30));
        for id in 0..i64::try_from(USERS).expect("it fits") {
            knowledge.wrote(Some(UserId::new(1000 + id)), now);
        }
        assert_eq!(knowledge.state().users.last.len(), USERS);
        let other = Reader { user: UserId::new(8), seen: None };
        assert_eq!(knowledge.floor_of_reader(other, Own::Cart, now), Some(at(20)));
        knowledge.wrote(Some(BUYER), now + USER_LIFE);
        assert_eq!(knowledge.state().users.last.len(), 1);
        assert_eq!(knowledge.floor_of_reader(other, Own::Cart, now), Some(at(30)));
    }
}
