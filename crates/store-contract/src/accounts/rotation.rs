//! Refresh tokens: exchanged as `judge_refresh` says, also by fifty at once.

use slippers_core::accounts::{NewSession, PasswordHash, RefreshToken, Rotation, User};
use slippers_core::types::Timestamp;

use super::users::{rotate, session, token, whose};
use crate::given::{NOW, Shop, assert_is};

/// Anna in a session whose first token has the number 1.
async fn anna_in(shop: &Shop, opened: NewSession) -> User {
    let anna = shop.user("Anna").await;
    shop.open_session(anna.id, opened, NOW).await.expect("opened");
    anna
}

fn at(seconds: i64) -> Timestamp {
    NOW.plus_seconds(seconds)
}

pub async fn a_token_is_exchanged_for_its_successor(shop: &Shop) {
    let cap_at = Some(at(9_999_999));
    let anna = anna_in(shop, NewSession { cap_at, ..session(1) }).await;
    let renewed = Rotation::Renewed { user: anna, session: session(1).id, cap_at };
    for number in 1..=20 {
        let now = at(60 * i64::from(number));
        assert_eq!(rotate(shop, number, number + 1, 10, now).await, renewed, "token {number}");
    }
    assert!(whose(shop, 1).await.is_some());
}

pub async fn an_unknown_token_is_refused_and_issues_nothing(shop: &Shop) {
    anna_in(shop, session(1)).await;
    assert_eq!(rotate(shop, 77, 78, 10, NOW).await, Rotation::Refused);
    assert_eq!(rotate(shop, 78, 79, 10, NOW).await, Rotation::Refused);
    assert_is!(rotate(shop, 1, 2, 10, NOW).await, Rotation::Renewed { .. });
}

pub async fn an_expired_token_is_refused_but_its_session_goes_on(shop: &Shop) {
    let refresh = RefreshToken { expires_at: at(60), ..token(1) };
    let anna = anna_in(shop, NewSession { refresh, ..session(1) }).await;
    for seconds in [60, 61, 3600] {
        assert_eq!(rotate(shop, 1, 2, 10, at(seconds)).await, Rotation::Refused);
    }
    assert_eq!(rotate(shop, 2, 3, 10, at(60)).await, Rotation::Refused, "nothing was issued");
    assert_eq!(whose(shop, 1).await, Some(anna.id));
    let just_before = Timestamp::from_micros(at(60).micros() - 1);
    assert_is!(rotate(shop, 1, 4, 10, just_before).await, Rotation::Renewed { .. });
}

pub async fn nothing_renews_a_session_at_its_cap(shop: &Shop) {
    let cap_at = Some(at(60));
    let anna = anna_in(shop, NewSession { cap_at, ..session(1) }).await;
    for seconds in [60, 61] {
        assert_eq!(rotate(shop, 1, 2, 10, at(seconds)).await, Rotation::SessionOver);
    }
    assert_eq!(rotate(shop, 2, 3, 10, at(0)).await, Rotation::Refused, "nothing was issued");
    let just_before = Timestamp::from_micros(at(60).micros() - 1);
    let renewed = Rotation::Renewed { user: anna, session: session(1).id, cap_at };
    assert_eq!(rotate(shop, 1, 4, 10, just_before).await, renewed);
    assert_eq!(rotate(shop, 1, 5, 10, at(90)).await, Rotation::SessionOver, "used, and past the cap");
}

pub async fn a_lost_answer_is_forgiven_inside_the_leeway(shop: &Shop) {
    let anna = anna_in(shop, session(1)).await;
    for (next, seconds) in [(2, 0), (3, 0), (4, 9), (5, 10)] {
        assert_is!(rotate(shop, 1, next, 10, at(seconds)).await, Rotation::Renewed { .. });
    }
    // Each of the successors works.
    for (number, next) in [(2, 12), (3, 13), (4, 14), (5, 15)] {
        assert_is!(rotate(shop, number, next, 10, at(20)).await, Rotation::Renewed { .. });
    }
    assert_eq!(whose(shop, 1).await, Some(anna.id));
}

pub async fn the_leeway_is_counted_from_the_first_use(shop: &Shop) {
    anna_in(shop, session(1)).await;
    assert_is!(rotate(shop, 1, 2, 10, at(0)).await, Rotation::Renewed { .. });
    assert_is!(rotate(shop, 1, 3, 10, at(10)).await, Rotation::Renewed { .. });
    let past = Timestamp::from_micros(at(10).micros() + 1);
    assert_eq!(rotate(shop, 1, 4, 10, past).await, Rotation::Refused);
    assert_eq!(whose(shop, 1).await, None, "the session is ended");
}

pub async fn a_reuse_past_the_leeway_ends_the_session_and_no_other(shop: &Shop) {
    let anna = anna_in(shop, session(1)).await;
    shop.open_session(anna.id, session(51), NOW).await.expect("opened");
    assert_is!(rotate(shop, 1, 2, 10, at(0)).await, Rotation::Renewed { .. });
    assert_is!(rotate(shop, 2, 3, 10, at(100)).await, Rotation::Renewed { .. });
    assert_eq!(rotate(shop, 1, 4, 10, at(101)).await, Rotation::Refused);
    assert_eq!(whose(shop, 1).await, None);
    for number in [1, 2, 3, 4] {
        assert_eq!(rotate(shop, number, 90, 1000, at(102)).await, Rotation::Refused, "token {number}");
    }
    assert_eq!(whose(shop, 51).await, Some(anna.id));
    assert_is!(rotate(shop, 51, 52, 10, at(102)).await, Rotation::Renewed { .. });
}

pub async fn an_expired_token_that_was_used_ends_the_session_too(shop: &Shop) {
    let refresh = RefreshToken { expires_at: at(60), ..token(1) };
    anna_in(shop, NewSession { refresh, ..session(1) }).await;
    assert_is!(rotate(shop, 1, 2, 10, at(0)).await, Rotation::Renewed { .. });
    assert_eq!(rotate(shop, 1, 3, 10, at(99)).await, Rotation::Refused);
    assert_eq!(whose(shop, 1).await, None);
    assert_eq!(rotate(shop, 2, 4, 10, at(99)).await, Rotation::Refused);
}

pub async fn without_a_leeway_the_second_use_ends_the_session(shop: &Shop) {
    anna_in(shop, session(1)).await;
    assert_is!(rotate(shop, 1, 2, 0, NOW).await, Rotation::Renewed { .. });
    assert_eq!(rotate(shop, 1, 3, 0, NOW).await, Rotation::Refused);
    assert_eq!(whose(shop, 1).await, None);
    assert_eq!(rotate(shop, 2, 4, 0, NOW).await, Rotation::Refused);
}

pub async fn of_fifty_exchanges_at_once_without_a_leeway_one_wins_and_the_session_ends(shop: &Shop) {
    let anna = anna_in(shop, session(1)).await;
    shop.open_session(anna.id, session(51), NOW).await.expect("opened");
    let answers = shop
        .at_once(50, |shop, number| async move {
            rotate(&shop, 1, 100 + u8::try_from(number).expect("small"), 0, NOW).await
        })
        .await;
    let winner = Rotation::Renewed { user: anna.clone(), session: session(1).id, cap_at: None };
    assert_eq!(answers.iter().filter(|answer| **answer == winner).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Rotation::Refused).count(), 49);
    assert_eq!(whose(shop, 1).await, None);
    for number in 100..150 {
        assert_eq!(rotate(shop, number, 99, 10, NOW).await, Rotation::Refused, "token {number}");
    }
    assert_eq!(whose(shop, 51).await, Some(anna.id), "another session of hers goes on");
}

pub async fn of_twenty_exchanges_at_once_inside_the_leeway_each_gets_a_successor(shop: &Shop) {
    let anna = anna_in(shop, session(1)).await;
    let winner = Rotation::Renewed { user: anna.clone(), session: session(1).id, cap_at: None };
    let answers = shop
        .at_once(20, |shop, number| async move {
            let next = 100 + u8::try_from(number).expect("small");
            rotate(&shop, 1, next, 10, at(number % 10)).await
        })
        .await;
    assert!(answers.iter().all(|answer| *answer == winner), "{answers:?}");
    for number in 100..120 {
        assert_eq!(rotate(shop, number, number + 50, 0, at(30)).await, winner, "token {number}");
    }
    assert_eq!(whose(shop, 1).await, Some(anna.id));
}

pub async fn a_renewal_at_the_moment_of_a_reset_does_not_outlive_it(shop: &Shop) {
    let anna = anna_in(shop, session(1)).await;
    shop.at_once(6, |shop, number| async move {
        if number == 0 {
            let password = PasswordHash::new("new".into());
            shop.reset_password("Anna", password, NOW).await.expect("reset");
        } else {
            rotate(&shop, 1, 100 + u8::try_from(number).expect("small"), 10, NOW).await;
        }
    })
    .await;
    assert_eq!(whose(shop, 1).await, None);
    for number in [1, 101, 102, 103, 104, 105] {
        assert_eq!(rotate(shop, number, 200, 10, NOW).await, Rotation::Refused, "token {number}");
    }
    shop.open_session(anna.id, session(2), NOW).await.expect("opened");
    assert_is!(rotate(shop, 2, 3, 10, NOW).await, Rotation::Renewed { .. });
}
