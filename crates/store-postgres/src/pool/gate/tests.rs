use futures_util::FutureExt as _;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn gate(all: usize) -> Arc<Gate> {
    Arc::new(Gate::new(all, LONG))
}

/// What is answered without any waiting.
fn at_once(gate: &Arc<Gate>, class: Class) -> Option<Result<Permit, StoreError>> {
    gate.enter(class).now_or_never()
}

fn take_all(gate: &Arc<Gate>, class: Class) -> Vec<Permit> {
    std::iter::from_fn(|| at_once(gate, class)?.ok()).collect()
}

#[tokio::test]
async fn never_more_permits_are_out_than_there_are() {
    for all in 1..=40 {
        let gate = gate(all);
        let out: Vec<_> = CLASSES.into_iter().flat_map(|class| take_all(&gate, class)).collect();
        assert_eq!(out.len(), all, "and none is kept from everybody");
        assert_eq!(gate.in_use(), all);
        drop(out);
        assert_eq!(gate.in_use(), 0);
    }
}

#[tokio::test]
async fn a_crowd_of_one_class_leaves_the_others_what_is_theirs() {
    for all in [2, 8, 32, 100] {
        let gate = gate(all);
        let crowd: Vec<_> = [Class::Back, Class::Search, Class::Browse, Class::Shopper]
            .into_iter()
            .flat_map(|class| take_all(&gate, class))
            .collect();
        assert!(!crowd.is_empty() && crowd.len() < all);
        let paying = take_all(&gate, Class::Checkout).len();
        assert_eq!(paying, (all / 4).clamp(1, 4), "of {all}");
        if all >= 4 {
            assert!(matches!(at_once(&gate, Class::Health), Some(Ok(_))), "a sign of life of {all}");
        }
    }
}

#[tokio::test]
async fn those_who_pay_may_wait_by_hundreds_and_others_are_refused_without_waiting() {
    let gate = gate(8);
    let out: Vec<_> = CLASSES.into_iter().flat_map(|class| take_all(&gate, class)).collect();
    for (class, least) in [(Class::Checkout, 256), (Class::Shopper, 256), (Class::Back, 8)] {
        let most = gate.share(class).waiting;
        assert!(most >= least);
        let mut waiting: Vec<_> = (0..most).map(|_| Box::pin(gate.enter(class))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        let refused = at_once(&gate, class).expect("an answer at the first look");
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
        waiting.pop();
        assert!(at_once(&gate, class).is_none(), "there is a place in the queue again");
    }
    drop(out);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_his_class() {
    let gate = Arc::new(Gate::new(1, Duration::from_secs(10)));
    let _held = at_once(&gate, Class::Shopper).expect("at once").expect("a permit");
    for (class, seconds) in
        [(Class::Checkout, 10), (Class::Shopper, 10), (Class::Browse, 1), (Class::Back, 2)]
    {
        let since = Instant::now();
        assert!(matches!(gate.enter(class).await, Err(StoreError::Unavailable(_))));
        assert_eq!(since.elapsed().as_secs(), seconds, "{class:?}");
    }
    assert_eq!(gate.state().waiting.iter().map(VecDeque::len).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_permit_goes_to_those_who_pay_first_and_is_not_lost_with_one_who_left() {
    let gate = gate(1);
    let held = at_once(&gate, Class::Browse).expect("at once").expect("a permit");
    let mut looking = Box::pin(gate.enter(Class::Browse));
    assert!((&mut looking).now_or_never().is_none());
    let mut gone = Box::pin(gate.enter(Class::Checkout));
    assert!((&mut gone).now_or_never().is_none());
    let mut paying = Box::pin(gate.enter(Class::Checkout));
    assert!((&mut paying).now_or_never().is_none());
    drop(held);
    // It was granted to the one who goes now, and had not looked.
    drop(gone);
    let permit = (&mut paying).now_or_never().expect("his turn").expect("a permit");
    assert!((&mut looking).now_or_never().is_none());
    drop(permit);
    assert!(matches!((&mut looking).now_or_never(), Some(Ok(_))));
}

#[tokio::test]
async fn a_closed_gate_refuses_and_waits_for_what_is_out() {
    let gate = gate(1);
    let held = at_once(&gate, Class::Shopper).expect("at once").expect("a permit");
    let mut waiting = Box::pin(gate.enter(Class::Checkout));
    assert!((&mut waiting).now_or_never().is_none());
    let mut closing = Box::pin(gate.close());
    assert!((&mut closing).now_or_never().is_none());
    assert!(matches!((&mut waiting).now_or_never(), Some(Err(_))));
    assert!(matches!(at_once(&gate, Class::Checkout), Some(Err(_))));
    drop(held);
    closing.await;
}

#[tokio::test(start_paused = true)]
async fn who_looks_around_is_refused_at_once_where_his_turn_would_come_too_late() {
    let gate = gate(1);
    for _ in 0..50 {
        let _held = at_once(&gate, Class::Browse).expect("at once").expect("a permit");
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    let _held = at_once(&gate, Class::Browse).expect("at once").expect("a permit");
    let mut waiting = Vec::new();
    let refused = loop {
        let mut one = Box::pin(gate.enter(Class::Browse));
        match (&mut one).now_or_never() {
            None => waiting.push(one),
            Some(answer) => break answer,
        }
    };
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!((6..=8).contains(&waiting.len()), "{} of 100 ms each in a second", waiting.len());
    assert!(at_once(&gate, Class::Checkout).is_none(), "who pays may wait");
}
