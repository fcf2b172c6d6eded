//! Forgotten passwords in a shop that sends codes.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use slippers_server::{Message, Notifier, NotifyError, Recipient};

use crate::house::{Answer, House, MINUTE, eventually};

const NEW: &str = "a-new-password-1";

/// Keeps what would be sent.
#[derive(Default)]
struct Post(Mutex<Vec<Message>>);

#[async_trait]
impl Notifier for Post {
    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        self.0.lock().expect("the post").push(message.clone());
        Ok(())
    }
}

impl Post {
    /// The code of the message of this number, from 1, once it is there.
    fn code(&self, number: usize) -> String {
        let message = eventually("a message", || self.0.lock().expect("the post").get(number - 1).cloned());
        let Recipient::Person(phone) = &message.to else { panic!("{message:?} is not for the staff") };
        assert!(phone.as_str().starts_with("+99891"), "it goes to the user's phone");
        let digits: String = message.text.chars().filter(char::is_ascii_digit).take(8).collect();
        assert_eq!(digits.len(), 8, "{}", message.text);
        digits
    }
}

fn house() -> (House, Arc<Post>) {
    let post = Arc::new(Post::default());
    (House::open_with(|_| (), Some(post.clone())), post)
}

fn forget(house: &House, name: &str) {
    let body = json!({"name": name, "new_password": NEW, "confirm_new_password": NEW});
    house.call("", "POST", "/auth/forgot-password", &body);
}

fn confirm(house: &House, name: &str, code: &str) -> Answer {
    house.send("", "POST", "/auth/confirm-reset", &json!({"name": name, "code": code}))
}

fn signs_in(house: &House, name: &str, password: &str) -> bool {
    house.send("", "POST", "/auth/login", &json!({"name": name, "password": password})).status == 200
}

/// Another code than this one.
fn not(code: &str) -> String {
    format!("{:08}", (code.parse::<u64>().expect("digits") + 1) % 100_000_000)
}

#[test]
fn the_code_that_was_sent_makes_the_password_real_once() {
    let (house, post) = house();
    let (token, _) = house.customer("Karim");
    forget(&house, "Karim");
    let code = post.code(1);
    assert!(!signs_in(&house, "Karim", NEW));
    assert_eq!(house.get(&house.admin(), "/admin/password-resets/"), json!([]), "no admin is asked");
    for (name, code) in [("Karim", not(&code)), ("karim", code.clone()), ("Admin", code.clone())] {
        confirm(&house, name, &code).expect_error(400, "The code is wrong or no longer valid");
    }
    house.pass(14 * MINUTE);
    assert_eq!(confirm(&house, "Karim", &format!(" {} {} ", &code[..4], &code[4..])).status, 200);
    assert_eq!(house.send(&token, "GET", "/cart", &Value::Null).status, 401, "all sessions are ended");
    assert!(signs_in(&house, "Karim", NEW));
    confirm(&house, "Karim", &code).expect_error(400, "The code is wrong or no longer valid");
    assert_eq!(house.rows("password_resets"), 0);
}

#[test]
fn a_code_lives_a_quarter_of_an_hour_and_five_wrong_ones_burn_it() {
    let (house, post) = house();
    house.customer("Karim");
    forget(&house, "Karim");
    let late = post.code(1);
    house.pass(15 * MINUTE);
    assert_eq!(confirm(&house, "Karim", &late).status, 400);
    house.work();
    assert_eq!(house.rows("password_resets"), 0, "it is swept");

    forget(&house, "Karim");
    let code = post.code(2);
    for _ in 0..5 {
        assert_eq!(confirm(&house, "Karim", &not(&code)).status, 400);
    }
    assert_eq!(confirm(&house, "Karim", &code).status, 400);
    assert!(!signs_in(&house, "Karim", NEW));
    assert!(signs_in(&house, "Karim", "slippers-are-soft"));
}

#[test]
fn nobody_and_admins_are_sent_nothing() {
    let (house, post) = house();
    house.customer("Karim");
    for name in ["Admin", "Nobody", "karim", "Karim"] {
        forget(&house, name);
    }
    post.code(1);
    drop(house);
    let sent = post.0.lock().expect("the post");
    assert_eq!(sent.len(), 1, "to Karim alone");
    assert!(!format!("{sent:?}").contains("code"), "a message does not show in a log");
}
