//! Sessions: opened, looked up, ended, forgotten.

use slippers_core::Store;
use slippers_core::accounts::{AccountError, NewSession, PasswordHash, RefreshToken, Rotation};
use slippers_core::types::{Timestamp, UserId};

use super::users::{rotate, session, token, whose};
use crate::given::{NOBODYS, NOW, Shop, assert_is};

async fn opened(shop: &Shop, user: UserId, number: u8) {
    shop.open_session(user, session(number), NOW).await.expect("opened");
}

/// A session whose first token lasts until then.
fn lasting(number: u8, expires_at: Timestamp) -> NewSession {
    NewSession { refresh: RefreshToken { expires_at, ..token(number) }, ..session(number) }
}

/// Sweeps until nothing is left to sweep; how many rows went in all.
async fn sweep(shop: &Shop, before: Timestamp, limit: i64) -> u64 {
    let mut gone = 0;
    for _ in 0..1000 {
        match shop.sweep_sessions(before, limit).await.expect("the store answers") {
            0 => return gone,
            rows => gone += rows,
        }
    }
    panic!("a sweep never ended");
}

pub async fn a_session_tells_whose_it_is(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    opened(shop, anna.id, 1).await;
    opened(shop, bella.id, 2).await;
    opened(shop, anna.id, 3).await;
    for (number, user) in [(1, &anna), (2, &bella), (3, &anna)] {
        let found = shop.find_session_user(session(number).id).await.expect("an answer");
        assert_eq!(found.as_ref(), Some(user));
    }
    for unknown in [0, 4, 255] {
        assert_eq!(whose(shop, unknown).await, None);
    }
}

pub async fn a_session_of_nobody_is_not_opened(shop: &Shop) {
    let anna = shop.user("Anna").await;
    for (number, user) in (1..).zip(NOBODYS.into_iter().chain([anna.id.get() + 1])) {
        let refused = shop.open_session(UserId::new(user), session(number), NOW).await;
        assert_is!(refused, Err(AccountError::NotFound));
        assert_eq!(whose(shop, number).await, None);
        assert_eq!(rotate(shop, number, 99, 10, NOW).await, Rotation::Refused);
    }
}

pub async fn a_password_that_was_changed_since_its_check_opens_no_session(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    let store: &dyn Store = &**shop;
    let old = shop.find_password(anna.id).await.expect("an answer").expect("a password");
    store.open_session(anna.id, &old, session(1), NOW).await.expect("it still is that one");
    shop.reset_password("Anna", PasswordHash::new("new".into()), NOW).await.expect("reset");
    for checked in [old, PasswordHash::new("NEW".into()), PasswordHash::new(String::new())] {
        let refused = store.open_session(anna.id, &checked, session(2), NOW).await;
        assert_is!(refused, Err(AccountError::PasswordMoved));
        let of_another = store.open_session(bella.id, &checked, session(2), NOW).await;
        assert_is!(of_another, Err(AccountError::PasswordMoved));
    }
    assert_eq!((whose(shop, 1).await, whose(shop, 2).await), (None, None));
    assert_eq!(rotate(shop, 2, 3, 10, NOW).await, Rotation::Refused);
    let new = PasswordHash::new("new".into());
    store.open_session(anna.id, &new, session(2), NOW).await.expect("the new one does");
    assert_eq!(whose(shop, 2).await, Some(anna.id));
}

pub async fn an_ended_session_is_worth_nothing(shop: &Shop) {
    let anna = shop.user("Anna").await;
    for number in [1, 2] {
        opened(shop, anna.id, number).await;
    }
    assert_is!(rotate(shop, 1, 11, 10, NOW).await, Rotation::Renewed { .. });
    shop.end_session(session(1).id, NOW).await.expect("ended");
    assert_eq!(whose(shop, 1).await, None);
    for number in [1, 11] {
        assert_eq!(rotate(shop, number, 12, 10, NOW).await, Rotation::Refused, "token {number}");
    }
    assert_eq!(rotate(shop, 12, 13, 10, NOW).await, Rotation::Refused, "nothing was issued");
    assert_eq!(whose(shop, 2).await, Some(anna.id), "the user's other session goes on");
    assert_is!(rotate(shop, 2, 22, 10, NOW).await, Rotation::Renewed { .. });
}

pub async fn ending_a_session_again_or_one_that_is_unknown_changes_nothing(shop: &Shop) {
    let anna = shop.user("Anna").await;
    opened(shop, anna.id, 1).await;
    opened(shop, anna.id, 2).await;
    for _ in 0..2 {
        shop.end_session(session(1).id, NOW).await.expect("ended");
        shop.end_session(session(99).id, NOW).await.expect("it is no error");
    }
    assert_eq!(whose(shop, 1).await, None);
    assert_eq!(whose(shop, 99).await, None);
    assert_eq!(whose(shop, 2).await, Some(anna.id));
}

pub async fn a_session_past_its_cap_is_for_the_caller_to_see(shop: &Shop) {
    let anna = shop.user("Anna").await;
    let capped = NewSession { cap_at: Some(NOW.plus_seconds(-1)), ..session(1) };
    shop.open_session(anna.id, capped, NOW).await.expect("opened");
    assert_eq!(whose(shop, 1).await, Some(anna.id));
}

pub async fn a_renewal_races_with_the_end_and_loses_in_the_end(shop: &Shop) {
    let anna = shop.user("Anna").await;
    for round in 0..10 {
        let (first, next) = (2 * round, 2 * round + 1);
        opened(shop, anna.id, first).await;
        shop.at_once(4, move |shop, number| async move {
            if number == 0 {
                shop.end_session(session(first).id, NOW).await.expect("ended");
            } else {
                rotate(&shop, first, next + 100, 0, NOW).await;
            }
        })
        .await;
        assert_eq!(whose(shop, first).await, None);
        for number in [first, next + 100] {
            assert_eq!(rotate(shop, number, 255, 10, NOW).await, Rotation::Refused);
        }
    }
}

pub async fn a_sweep_forgets_what_has_expired_and_nothing_else(shop: &Shop) {
    let anna = shop.user("Anna").await;
    let before = NOW.plus_seconds(100);
    let just_before = Timestamp::from_micros(before.micros() - 1);
    for (number, expires_at) in [(1, NOW), (2, just_before), (3, before), (4, before.plus_seconds(1))] {
        shop.open_session(anna.id, lasting(number, expires_at), NOW).await.expect("opened");
    }
    assert!(sweep(shop, before, 100).await >= 2);
    for (number, left) in [(1, None), (2, None), (3, Some(anna.id)), (4, Some(anna.id))] {
        assert_eq!(whose(shop, number).await, left, "session {number}");
    }
    assert_eq!(rotate(shop, 1, 91, 10, NOW.plus_seconds(-1)).await, Rotation::Refused, "it is unknown now");
    assert_is!(rotate(shop, 3, 93, 10, NOW).await, Rotation::Renewed { .. });
    assert_is!(rotate(shop, 4, 94, 10, NOW).await, Rotation::Renewed { .. });
    assert_eq!(shop.sweep_sessions(before, 100).await.expect("an answer"), 0, "it is done");
}

pub async fn a_session_with_a_token_left_survives_the_sweep(shop: &Shop) {
    let anna = shop.user("Anna").await;
    let expires_at = NOW.plus_seconds(10);
    shop.open_session(anna.id, lasting(1, expires_at), NOW).await.expect("opened");
    assert_is!(rotate(shop, 1, 2, 10, NOW).await, Rotation::Renewed { .. });
    let later = NOW.plus_seconds(3600);
    assert_eq!(sweep(shop, later, 100).await, 1, "the old token alone");
    assert_eq!(whose(shop, 1).await, Some(anna.id));
    // The old token is unknown now: it is refused, and nobody can tell a theft from it any more.
    assert_eq!(rotate(shop, 1, 9, 10, later).await, Rotation::Refused);
    assert_eq!(whose(shop, 1).await, Some(anna.id));
    assert_is!(rotate(shop, 2, 3, 10, later).await, Rotation::Renewed { .. });
}

pub async fn ended_sessions_are_swept_like_others(shop: &Shop) {
    let anna = shop.user("Anna").await;
    shop.open_session(anna.id, lasting(1, NOW), NOW).await.expect("opened");
    shop.end_session(session(1).id, NOW).await.expect("ended");
    assert!(sweep(shop, NOW.plus_seconds(1), 100).await >= 1);
    assert_eq!(whose(shop, 1).await, None);
    assert_eq!(rotate(shop, 1, 2, 10, NOW).await, Rotation::Refused);
}

pub async fn a_sweep_goes_in_small_steps(shop: &Shop) {
    let anna = shop.user("Anna").await;
    for number in 1..=20 {
        shop.open_session(anna.id, lasting(number, NOW), NOW).await.expect("opened");
    }
    opened(shop, anna.id, 21).await;
    let first = shop.sweep_sessions(NOW.plus_seconds(1), 5).await.expect("an answer");
    assert!((1..=10).contains(&first), "{first} rows at a limit of 5");
    let rest = sweep(shop, NOW.plus_seconds(1), 5).await;
    assert!((20..=40).contains(&(first + rest)), "{first} and {rest} rows for 20 sessions of one token");
    for number in 1..=20 {
        assert_eq!(whose(shop, number).await, None);
    }
    assert_eq!(whose(shop, 21).await, Some(anna.id));
}

pub async fn an_empty_sweep_sweeps_nothing(shop: &Shop) {
    assert_eq!(shop.sweep_sessions(NOW, 100).await.expect("an answer"), 0);
    let anna = shop.user("Anna").await;
    opened(shop, anna.id, 1).await;
    assert_eq!(shop.sweep_sessions(NOW, 100).await.expect("an answer"), 0);
    assert_eq!(whose(shop, 1).await, Some(anna.id));
}
