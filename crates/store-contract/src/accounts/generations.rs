//! Numbers that tell whether what was read of a user is old.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use slippers_core::accounts::{
    CodeHash, NewReset, PasswordChange, PasswordHash, ProfileChange, RefreshToken, Rotation, User, UserChange,
};
use slippers_core::types::UserId;
use tokio::task::yield_now;

use super::users::{rotate, session, token, whose};
use crate::given::{NOW, Shop, assert_is};

fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

fn surname(text: &str) -> ProfileChange {
    ProfileChange { surname: Some(text.to_owned()), ..ProfileChange::default() }
}

/// A verb whose answer finds the user's generation moved.
async fn moves<T>(shop: &Shop, user: UserId, what: &str, verb: impl Future<Output = T>) -> T {
    let before = shop.user_generation(user);
    let answer = verb.await;
    assert_ne!(shop.user_generation(user), before, "{what}");
    answer
}

async fn anna_in(shop: &Shop, number: u8) -> User {
    let anna = shop.user(&format!("Anna {number}")).await;
    shop.open_session(anna.id, session(number), NOW).await.expect("opened");
    anna
}

pub async fn every_end_of_a_session_moves_the_generation(shop: &Shop) {
    let anna = anna_in(shop, 1).await.id;
    moves(shop, anna, "the end", shop.end_session(session(1).id, NOW)).await.expect("ended");

    let anna = anna_in(shop, 2).await.id;
    rotate(shop, 2, 12, 0, NOW).await;
    let reused = moves(shop, anna, "a reuse", rotate(shop, 2, 22, 0, NOW)).await;
    assert_eq!((reused, whose(shop, 2).await), (Rotation::Refused, None));

    let anna = shop.user("Short").await.id;
    let refresh = RefreshToken { expires_at: NOW, ..token(3) };
    let opened = slippers_core::accounts::NewSession { refresh, ..session(3) };
    shop.open_session(anna, opened, NOW).await.expect("opened");
    let sweep = shop.sweep_sessions(NOW.plus_seconds(1), 100);
    assert!(moves(shop, anna, "a sweep", sweep).await.expect("swept") > 0);

    let anna = anna_in(shop, 4).await;
    let next = PasswordChange {
        present: hash("$argon2id$hash of Anna 4"),
        next: hash("next"),
        session: session(5).id,
    };
    let change = ProfileChange { password: Some(next), ..ProfileChange::default() };
    moves(shop, anna.id, "a password", shop.update_profile(anna.id, change, NOW)).await.expect("changed");
    moves(shop, anna.id, "a reset", shop.reset_password(&anna.name, hash("new"), NOW)).await.expect("reset");

    let code = CodeHash::new([7; 32]);
    let reset = NewReset { password: hash("newer"), code: Some(code) };
    shop.request_reset(&anna.name, reset, NOW).await.expect("it waits");
    let confirm = shop.confirm_reset(&anna.name, code, NOW);
    assert!(moves(shop, anna.id, "a code", confirm).await.expect("an answer"));
    let reset = NewReset { password: hash("newest"), code: None };
    shop.request_reset(&anna.name, reset, NOW).await.expect("it waits");
    let waiting = shop.list_resets(1, NOW).await.expect("an answer")[0].id;
    let approve = shop.approve_reset(waiting, NOW);
    assert!(moves(shop, anna.id, "an approval", approve).await.expect("an answer"));
}

pub async fn every_change_of_a_user_moves_the_generation(shop: &Shop) {
    let keeper = shop.keeper().await.user;
    let anna = shop.user("Anna").await.id;
    moves(shop, anna, "their own change", shop.update_profile(anna, surname("Li"), NOW))
        .await
        .expect("changed");
    for is_admin in [true, false] {
        let change = UserChange { is_admin: Some(is_admin), ..UserChange::default() };
        let update = shop.update_user(anna, change, keeper, NOW);
        moves(shop, anna, "an admin's change", update).await.expect("changed");
    }
    moves(shop, anna, "deletion", shop.delete_user(anna, keeper, NOW)).await.expect("deleted");
    let slipper = shop.product("Mu", 5).await;
    let buyer = shop.order_of(&[(slipper, 1)]).await.user;
    moves(shop, buyer, "deletion that leaves orders", shop.delete_user(buyer, keeper, NOW))
        .await
        .expect("deleted");
}

pub async fn an_abandoned_end_of_a_session_moves_the_generation_too(shop: &Shop) {
    let anna = anna_in(shop, 1).await.id;
    let before = shop.user_generation(anna);
    // Who goes while there is no connection has begun nothing, and comes again.
    for trial in 0..10 {
        let mut ending = shop.end_session(session(1).id, NOW);
        let begun = poll_fn(|context| Poll::Ready(ending.as_mut().poll(context))).await;
        assert_is!(begun, Poll::Pending | Poll::Ready(Ok(())));
        // Whoever asked is still there, but never hears of it.
        for round in 0..100 {
            if whose(shop, 1).await.is_none() {
                break;
            }
            shop.user(&format!("Fence {trial} {round}")).await;
        }
    }
    assert_eq!(whose(shop, 1).await, None, "what was started is finished");
    assert_ne!(shop.user_generation(anna), before);
}

/// Somebody who keeps what they read beside the generation that they took before, as the trait says.
pub async fn what_was_read_under_a_generation_that_stands_is_not_old(shop: &Shop) {
    let anna = anna_in(shop, 1).await.id;
    let kept: Arc<Mutex<Option<(u64, String)>>> = Arc::default();
    shop.at_once(4, move |shop, number| {
        let kept = Arc::clone(&kept);
        async move {
            for round in 0..50 {
                if number == 0 {
                    let now = format!("Round {round}");
                    shop.update_profile(anna, surname(&now), NOW).await.expect("changed");
                    let generation = shop.user_generation(anna);
                    let kept = kept.lock().expect("whole").clone();
                    if let Some((_, surname)) = kept.filter(|(under, _)| *under == generation) {
                        assert_eq!(surname, now, "it was answered");
                    }
                } else {
                    for _ in 0..20 {
                        let generation = shop.user_generation(anna);
                        let found = shop.find_session_user(session(1).id).await.expect("an answer");
                        *kept.lock().expect("whole") = Some((generation, found.expect("there").surname));
                        yield_now().await;
                    }
                }
            }
        }
    })
    .await;
}
