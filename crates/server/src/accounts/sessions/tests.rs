//! Truth first: every order in which two readers and a writer can meet.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt as _;
use slippers_core::types::{Phone, Timestamp};

use super::*;

const CLAIMS: AccessClaims = AccessClaims { user: UserId::new(7), session: SessionId::new([1; 16]) };
/// The state of the row in which the session is ended.
const ENDED: i64 = 2;

/// A database with one row, which goes from state to state.
struct Row {
    state: AtomicI64,
    generation: AtomicU64,
    asked: AtomicU32,
    is_down: bool,
}

impl Row {
    fn new() -> Self {
        Self {
            state: AtomicI64::new(0),
            generation: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            is_down: false,
        }
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// The user as they are in a state of the row.
fn user_at(state: i64) -> Option<User> {
    let at = Timestamp::from_seconds(state);
    let phone = Phone::parse("+998901112233").expect("a phone");
    let user = User {
        id: CLAIMS.user,
        name: "Anna".into(),
        surname: String::new(),
        phone,
        is_admin: false,
        created_at: at,
        updated_at: at,
    };
    (state != ENDED).then_some(user)
}

/// Lets the others act.
async fn step() {
    let mut stepped = false;
    poll_fn(|_| if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Source for Row {
    fn generation(&self, _: UserId) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    async fn find(&self, _: SessionId) -> Result<Option<User>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        step().await;
        let found = user_at(self.state.load(Ordering::SeqCst));
        step().await;
        if self.is_down { Err(StoreError::Unavailable("it is down".into())) } else { Ok(found) }
    }
}

/// An answer without anybody else around.
fn ask(sessions: &Sessions, row: &Row, claims: AccessClaims, now: Instant) -> Option<User> {
    let mut asking = pin!(sessions.find(row, claims, now));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        if let Poll::Ready(answer) = asking.poll_unpin(&mut context) {
            return answer.expect("an answer");
        }
    }
    panic!("more steps than there are")
}

/// Two readers of three steps each, and a writer who commits, moves the generation and answers, twice.
const STEPS: [usize; 3] = [3, 3, 6];

/// One order of steps, each told by who makes it: no reader sees less than what was answered before it began.
fn meet(order: &[usize]) {
    let (sessions, row, now) = (Sessions::with_places(1), Row::new(), Instant::now());
    let mut readers = [0, 1].map(|_| Some(Box::pin(sessions.find(&row, CLAIMS, now))));
    let mut least = [None; 2];
    let (mut written, mut answered) = (0, 0);
    let mut context = Context::from_waker(Waker::noop());
    for who in order {
        let Some(reader) = readers.get_mut(*who) else {
            match written % 3 {
                0 => drop(row.state.fetch_add(1, Ordering::SeqCst)),
                1 => drop(row.generation.fetch_add(1, Ordering::SeqCst)),
                _ => answered += 1,
            }
            written += 1;
            continue;
        };
        let least = *least[*who].get_or_insert(answered);
        if let Some(Poll::Ready(answer)) = reader.as_mut().map(|reading| reading.poll_unpin(&mut context)) {
            *reader = None;
            let seen = answer.expect("an answer").map_or(ENDED, |user| user.updated_at.seconds());
            assert!(seen >= least, "{seen} was seen after {least} was answered: {order:?}");
        }
    }
    assert_eq!(ask(&sessions, &row, CLAIMS, now), None, "the session has ended: {order:?}");
}

/// Every order in which so many steps of each can be made; answers how many.
fn in_every_order(left: [usize; 3], order: &mut Vec<usize>) -> u32 {
    if left == [0; 3] {
        meet(order);
        return 1;
    }
    let mut orders = 0;
    for who in 0..3 {
        let mut after = left;
        if let Some(rest) = left[who].checked_sub(1) {
            after[who] = rest;
            order.push(who);
            orders += in_every_order(after, order);
            order.pop();
        }
    }
    orders
}

#[test]
fn in_whatever_order_readers_and_a_writer_meet_nothing_old_is_seen() {
    assert_eq!(in_every_order(STEPS, &mut Vec::new()), 18_480);
}

#[test]
fn an_answer_is_used_for_a_second_from_its_question_and_no_longer() {
    let (sessions, row, start) = (Sessions::with_places(1), Row::new(), Instant::now());
    let at = |millis| ask(&sessions, &row, CLAIMS, start + Duration::from_millis(millis));
    for (millis, asked) in [(0, 1), (1, 1), (600, 1), (999, 1), (1000, 2), (1999, 2), (2001, 3)] {
        assert_eq!(at(millis), user_at(0));
        assert_eq!(row.asked(), asked, "after {millis} ms");
    }
    // Another process changes it: nothing moves the generation.
    row.state.store(1, Ordering::SeqCst);
    assert_eq!(at(3001), user_at(1));
}

#[test]
fn nobody_comes_in_by_anothers_session() {
    let (sessions, row, now) = (Sessions::with_places(1), Row::new(), Instant::now());
    let stranger = AccessClaims { user: UserId::new(8), ..CLAIMS };
    for _ in 0..2 {
        assert_eq!(ask(&sessions, &row, stranger, now), None);
        assert_eq!(ask(&sessions, &row, CLAIMS, now), user_at(0));
    }
    assert_eq!(row.asked(), 3, "that it is not theirs is not kept");
}

#[test]
fn sessions_of_one_place_take_turns_and_others_are_kept_side_by_side() {
    let (row, now) = (Row::new(), Instant::now());
    let other = AccessClaims { session: SessionId::new([2; 16]), ..CLAIMS };
    for (places, asked) in [(1, 4), (2, 2)] {
        let (sessions, before) = (Sessions::with_places(places), row.asked());
        for claims in [CLAIMS, other, CLAIMS, other] {
            assert_eq!(ask(&sessions, &row, claims, now), user_at(0));
        }
        assert_eq!(row.asked() - before, asked, "{places} places");
    }
}

#[test]
fn a_database_that_is_down_leaves_nothing_behind() {
    let (sessions, now) = (Sessions::with_places(1), Instant::now());
    let down = Row { is_down: true, ..Row::new() };
    let mut asking = pin!(sessions.find(&down, CLAIMS, now));
    let mut context = Context::from_waker(Waker::noop());
    let answer = std::iter::repeat_with(|| asking.poll_unpin(&mut context)).find(Poll::is_ready);
    assert!(matches!(answer, Some(Poll::Ready(Err(StoreError::Unavailable(_))))), "{answer:?}");
    assert_eq!(ask(&sessions, &Row::new(), CLAIMS, now), user_at(0));
}
