//! Passwords that wait for a code or an admin.

use slippers_core::accounts::{
    CodeHash, MAX_TRIES, NewReset, NewUser, PasswordHash, PendingReset, RESET_SECONDS, User,
};
use slippers_core::types::{ResetId, Timestamp, UserId};

use super::users::{session, whose};
use crate::given::{NOBODYS, NOW, Shop, new_user};

const fn code(number: u8) -> CodeHash {
    CodeHash::new([number; 32])
}

/// Asks for a password; with a code, or for an admin to approve.
async fn ask(
    shop: &Shop,
    name: &str,
    password: &str,
    code: Option<CodeHash>,
    now: Timestamp,
) -> Option<User> {
    let reset = NewReset { password: PasswordHash::new(password.to_owned()), code };
    shop.request_reset(name, reset, now).await.expect("the store answers")
}

async fn confirm(shop: &Shop, name: &str, number: u8, now: Timestamp) -> bool {
    shop.confirm_reset(name, code(number), now).await.expect("the store answers")
}

async fn approve(shop: &Shop, reset: ResetId, now: Timestamp) -> bool {
    shop.approve_reset(reset, now).await.expect("the store answers")
}

async fn waiting(shop: &Shop, now: Timestamp) -> Vec<PendingReset> {
    shop.list_resets(100, now).await.expect("the store answers")
}

async fn password(shop: &Shop, name: &str) -> String {
    let found = shop.find_credentials(name).await.expect("an answer").expect("a user");
    found.password.as_str().to_owned()
}

pub async fn a_code_makes_the_password_real_once_and_ends_all_sessions(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    for (user, number) in [(anna.id, 1), (anna.id, 2), (bella.id, 3)] {
        shop.open_session(user, session(number), NOW).await.expect("opened");
    }
    assert_eq!(ask(shop, "Anna", "new", Some(code(7)), NOW).await, Some(anna.clone()));
    assert_eq!(password(shop, "Anna").await, "$argon2id$hash of Anna", "it only waits");
    assert_eq!(whose(shop, 1).await, Some(anna.id));
    for (name, number) in [("Anna", 8), ("anna", 7), ("Bella", 7), ("Ann%", 7)] {
        assert!(!confirm(shop, name, number, NOW).await, "{name} {number}");
    }
    let later = NOW.plus_seconds(RESET_SECONDS).plus_seconds(-1);
    assert!(confirm(shop, "Anna", 7, later).await);
    let found = shop.find_credentials("Anna").await.expect("an answer").expect("a user");
    assert_eq!((found.password.as_str(), found.user.updated_at), ("new", later));
    assert_eq!((whose(shop, 1).await, whose(shop, 2).await), (None, None));
    assert_eq!(whose(shop, 3).await, Some(bella.id), "another's session goes on");
    assert!(!confirm(shop, "Anna", 7, later).await, "it is used up");
    assert_eq!(password(shop, "Bella").await, "$argon2id$hash of Bella");
}

pub async fn a_waiting_password_is_forgotten_when_its_time_is_over(shop: &Shop) {
    shop.user("Anna").await;
    shop.user("Bella").await;
    ask(shop, "Anna", "new", Some(code(7)), NOW).await.expect("it waits");
    ask(shop, "Bella", "new", None, NOW).await.expect("it waits");
    let over = NOW.plus_seconds(RESET_SECONDS);
    assert!(!confirm(shop, "Anna", 7, over).await);
    let id = waiting(shop, NOW).await[0].id;
    assert_eq!(waiting(shop, over).await, []);
    assert!(!approve(shop, id, over).await);
    assert!(!shop.refuse_reset(id, over).await.expect("an answer"));
    // As if it had never been: another one may wait.
    ask(shop, "Bella", "newer", None, over).await.expect("it waits");
    assert_ne!(waiting(shop, over).await[0].id, id, "a number is never given twice");
    assert_eq!(password(shop, "Anna").await, "$argon2id$hash of Anna");
}

pub async fn five_wrong_codes_burn_a_reset_and_asking_anew_does_not_help(shop: &Shop) {
    shop.user("Anna").await;
    ask(shop, "Anna", "new", Some(code(7)), NOW).await.expect("it waits");
    for _ in 0..MAX_TRIES - 1 {
        assert!(!confirm(shop, "Anna", 8, NOW).await);
    }
    ask(shop, "Anna", "new", Some(code(9)), NOW).await.expect("another code");
    assert!(!confirm(shop, "Anna", 7, NOW).await, "the old code is worth nothing, and was the last try");
    assert!(!confirm(shop, "Anna", 9, NOW).await);
    assert_eq!(ask(shop, "Anna", "new", Some(code(10)), NOW).await, None);
    assert!(!confirm(shop, "Anna", 10, NOW).await);
    assert_eq!(password(shop, "Anna").await, "$argon2id$hash of Anna");
}

pub async fn three_codes_are_sent_and_the_last_one_counts(shop: &Shop) {
    shop.user("Anna").await;
    for number in 1..=3 {
        assert!(ask(shop, "Anna", &format!("new {number}"), Some(code(number)), NOW).await.is_some());
    }
    assert_eq!(ask(shop, "Anna", "new 4", Some(code(4)), NOW).await, None);
    assert!(!confirm(shop, "Anna", 4, NOW).await);
    assert!(confirm(shop, "Anna", 3, NOW).await);
    assert_eq!(password(shop, "Anna").await, "new 3");
}

pub async fn an_admin_approves_what_waits_and_nothing_replaces_it(shop: &Shop) {
    let anna = shop.user("Anna").await;
    shop.open_session(anna.id, session(1), NOW).await.expect("opened");
    assert_eq!(ask(shop, "Anna", "first", None, NOW).await, Some(anna.clone()));
    for code in [None, Some(code(7))] {
        assert_eq!(ask(shop, "Anna", "second", code, NOW).await, None);
    }
    let until = NOW.plus_seconds(RESET_SECONDS);
    let listed = waiting(shop, NOW).await;
    let id = listed[0].id;
    assert_eq!(listed, [PendingReset { id, user: anna, created_at: NOW, expires_at: until }]);
    assert!(!confirm(shop, "Anna", 7, NOW).await);
    assert!(approve(shop, id, NOW).await);
    assert_eq!((password(shop, "Anna").await.as_str(), whose(shop, 1).await), ("first", None));
    assert!(!approve(shop, id, NOW).await, "it is used up");
    assert_eq!(waiting(shop, NOW).await, []);
}

pub async fn a_code_that_was_not_delivered_leaves_it_to_an_admin(shop: &Shop) {
    let (anna, bella) = (shop.user("Anna").await, shop.user("Bella").await);
    ask(shop, "Anna", "new", Some(code(7)), NOW).await.expect("it waits");
    ask(shop, "Bella", "new", Some(code(8)), NOW).await.expect("it waits");
    let leave = |user: UserId, number: u8, now: Timestamp| async move {
        shop.leave_reset_to_admins(user, code(number), now).await.expect("an answer")
    };
    let over = NOW.plus_seconds(RESET_SECONDS);
    assert!(!leave(anna.id, 8, NOW).await, "another's code");
    assert!(!leave(anna.id, 7, over).await, "too late");
    ask(shop, "Anna", "new", Some(code(6)), NOW).await.expect("it waits");
    assert!(!leave(anna.id, 7, NOW).await, "another code has taken its place");
    assert_eq!(waiting(shop, NOW).await, []);
    assert!(leave(anna.id, 6, NOW).await && leave(bella.id, 8, NOW).await);
    let listed = waiting(shop, NOW).await;
    assert_eq!(listed.iter().map(|reset| &reset.user).collect::<Vec<_>>(), [&bella, &anna]);
    for code in [None, Some(code(9))] {
        assert_eq!(ask(shop, "Anna", "newer", code, NOW).await, None, "what they approve is what they saw");
    }
    assert!(approve(shop, listed[1].id, NOW).await);
    assert_eq!(password(shop, "Anna").await, "new");
    assert!(!leave(anna.id, 6, NOW).await, "it is used up");
    assert!(confirm(shop, "Bella", 8, NOW).await, "the code arrived after all");
    assert_eq!(waiting(shop, NOW).await, []);
}

pub async fn a_refused_password_is_forgotten(shop: &Shop) {
    for name in ["Anna", "Bella", "Clara"] {
        shop.user(name).await;
    }
    ask(shop, "Anna", "new", None, NOW).await.expect("it waits");
    ask(shop, "Bella", "new", None, NOW).await.expect("it waits");
    ask(shop, "Clara", "new", Some(code(7)), NOW).await.expect("it waits");
    let listed = waiting(shop, NOW).await;
    let names: Vec<_> = listed.iter().map(|reset| reset.user.name.as_str()).collect();
    assert_eq!(names, ["Anna", "Bella"], "the oldest first, none that waits for a code");
    assert_eq!(shop.list_resets(1, NOW).await.expect("an answer"), listed[..1]);
    assert!(shop.refuse_reset(listed[0].id, NOW).await.expect("an answer"));
    assert!(!shop.refuse_reset(listed[0].id, NOW).await.expect("an answer"));
    assert!(!approve(shop, listed[0].id, NOW).await);
    assert_eq!(password(shop, "Anna").await, "$argon2id$hash of Anna");
    for nobody in NOBODYS.map(ResetId::new) {
        assert!(!approve(shop, nobody, NOW).await);
        assert!(!shop.refuse_reset(nobody, NOW).await.expect("an answer"));
    }
    // A code's reset is nobody's to approve, whatever its number.
    for number in 1..10 {
        approve(shop, ResetId::new(number), NOW).await;
    }
    assert_eq!(password(shop, "Clara").await, "$argon2id$hash of Clara");
    assert!(confirm(shop, "Clara", 7, NOW).await);
}

pub async fn admins_and_nobody_reset_nothing(shop: &Shop) {
    let boss = NewUser { is_admin: true, ..new_user("Boss", "+998711112233") };
    shop.create_user(boss, NOW).await.expect("made");
    shop.user("Anna").await;
    for name in ["Boss", "anna", "Anna ", "", "Ann%", "%"] {
        for code in [None, Some(code(7))] {
            assert_eq!(ask(shop, name, "new", code, NOW).await, None, "{name:?}");
        }
        assert!(!confirm(shop, name, 7, NOW).await, "{name:?}");
    }
    assert_eq!(waiting(shop, NOW).await, []);
    assert_eq!(password(shop, "Boss").await, "$argon2id$hash of Boss");
}

pub async fn of_ten_confirmations_at_once_one_succeeds(shop: &Shop) {
    shop.user("Anna").await;
    ask(shop, "Anna", "new", Some(code(7)), NOW).await.expect("it waits");
    let answers = shop.at_once(10, |shop, _| async move { confirm(&shop, "Anna", 7, NOW).await }).await;
    assert_eq!(answers.iter().filter(|was_it| **was_it).count(), 1);
}

pub async fn a_sweep_forgets_resets_whose_time_is_over(shop: &Shop) {
    for (name, seconds) in [("Anna", 0), ("Bella", 1), ("Clara", 2)] {
        shop.user(name).await;
        ask(shop, name, "new", None, NOW.plus_seconds(seconds)).await.expect("it waits");
    }
    let sweep = |seconds: i64, limit: i64| async move {
        let now = NOW.plus_seconds(RESET_SECONDS + seconds);
        shop.sweep_resets(now, limit).await.expect("an answer")
    };
    assert_eq!(sweep(-1, 10).await, 0);
    assert_eq!((sweep(1, 1).await, sweep(1, 10).await, sweep(1, 10).await), (1, 1, 0));
    let left = waiting(shop, NOW).await;
    assert_eq!(left.iter().map(|reset| reset.user.name.as_str()).collect::<Vec<_>>(), ["Clara"]);
}
