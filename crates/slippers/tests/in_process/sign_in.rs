//! Signing in while others do, and what is known of those who are signed in.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use slippers_core::accounts::{AccountStore as _, NewUser, PasswordHash, UserChange};
use slippers_core::types::{Phone, UserId};

use crate::house::{House, MINUTE, PASSWORD, eventually};

const OLD: &str = "as-the-old-shop-kept-it";

fn somebody(house: &House, name: &str, password: &str) -> UserId {
    let new = NewUser {
        name: name.into(),
        surname: String::new(),
        phone: Phone::parse("+998931234567").expect("a phone"),
        password: PasswordHash::new(password.into()),
        is_admin: false,
    };
    house.block_on(house.store().create_user(new, house.now())).expect("somebody").id
}

#[test]
fn a_crowd_that_signs_in_with_an_old_password_at_once_gets_in() {
    let house = House::open(|_| ());
    somebody(&house, "Karim", OLD);
    let login = || house.send("", "POST", "/auth/login", &json!({"name": "Karim", "password": OLD}));
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..6).map(|_| scope.spawn(login)).collect();
        for member in crowd {
            member.join().expect("an answer").tokens();
        }
    });
}

#[test]
fn the_current_password_is_guessed_as_rarely_as_at_the_sign_in() {
    let house = House::open(|settings| {
        settings.logins.attempts = 4;
        settings.logins.window = Duration::from_secs(300);
    });
    // Registering is no attempt.
    let (token, _) = house.customer("Karim");
    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": "another-password"});
        house.send(&token, "PUT", "/users/me", &body)
    };
    for guess in ["a-guess-at-it", "another-guess", "the-last-guess"] {
        change(guess).expect_error(400, "Current password is incorrect");
    }
    // The sign-in draws on the same count.
    house.login("Karim");
    let refused = change(PASSWORD).expect_error(429, "Too many login attempts. Please try again later.");
    let wait: u64 = refused.retry_after.expect("a time").parse().expect("whole seconds");
    assert!((1..=75).contains(&wait), "{wait}");
    house
        .send("", "POST", "/auth/login", &json!({"name": "Karim", "password": PASSWORD}))
        .expect_error(429, "Too many login attempts. Please try again later.");
    assert_eq!(house.send(&token, "PUT", "/users/me", &json!({"surname": "Li"})).status, 200, "no password");
}

#[test]
fn an_old_refresh_token_that_comes_back_ends_the_session_though_it_has_expired() {
    let house = House::open(|settings| settings.sessions.cap_seconds = None);
    let (_, stolen) = house.customer("Sardor");
    house.pass(24 * 60 * MINUTE - 1);
    let (_, next) = house.refresh(&stolen).tokens();
    house.pass(24 * 60 * MINUTE - 1);
    house.work();
    house.refresh(&stolen).expect_error(401, "Invalid refresh token");
    house.refresh(&next).expect_error(401, "Invalid refresh token");
}

#[test]
fn what_another_process_changes_counts_a_moment_later_however_much_is_asked() {
    let house = House::open(|_| ());
    let (access, _) = house.customer("Sardor");
    let known = house.block_on(house.store().find_credentials("Sardor")).expect("an answer");
    let id = known.expect("somebody").user.id;
    let other = house.another_store();
    let admin = UserId::new(1);
    let promotion = UserChange { is_admin: Some(true), ..UserChange::default() };
    house.block_on(other.update_user(id, promotion, admin, house.now())).expect("promoted");
    eventually("the promotion", || house.get(&access, "/users/me")["is_admin"].as_bool().filter(|is| *is));
    house
        .block_on(other.reset_password("Sardor", PasswordHash::new("new".into()), house.now()))
        .expect("reset");
    let status = || house.send(&access, "GET", "/users/me", &Value::Null).status;
    eventually("the end of the session", || Some(status()).filter(|status| *status == 401));
}

/// Ends a flood, also when its test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_flood_of_registrations_keeps_nobody_from_signing_in() {
    let house = House::open(|_| ());
    house.customer("Karim");
    let (is_over, refused) = (AtomicBool::new(false), AtomicU32::new(0));
    let flood = |member: usize| {
        for number in 0.. {
            // Not those of the house's customers, which begin with 99890.
            let phone = format!("+99897{member:02}{number:05}");
            let body = json!({"name": format!("Flood {member} {number}"), "surname": "Li", "phone_number": phone,
                "password": PASSWORD, "confirm_password": PASSWORD});
            let answer = house.send("", "POST", "/auth/register", &body);
            if answer.status == 503 {
                assert_eq!(answer.retry_after.as_deref(), Some("1"), "{}", answer.body);
                refused.fetch_add(1, Ordering::Relaxed);
                // Who asks again at once takes the processors from what is waited for.
                std::thread::park_timeout(Duration::from_millis(20));
            } else {
                answer.tokens();
            }
            if is_over.load(Ordering::Relaxed) {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let over = Over(&is_over);
        // More than the 16 strangers that may wait, and few enough that whose turn it is finds a processor.
        for member in 0..24 {
            let flood = &flood;
            scope.spawn(move || flood(member));
        }
        eventually("a full queue", || (refused.load(Ordering::Relaxed) > 0).then_some(()));
        for _ in 0..5 {
            house.login("Karim");
        }
        drop(over);
    });
}
