//! What time does to tokens and sessions.

use serde_json::{Value, json};

use crate::house::{Answer, DAY, HOUR, House, MINUTE};

const OVER: &str = "Session expired. Please log in again.";

fn cart(house: &House, access: &str) -> Answer {
    house.send(access, "GET", "/cart", &Value::Null)
}

#[test]
fn an_access_token_lives_for_its_minutes_and_a_refresh_gives_another() {
    let house = House::open(|_| ());
    let (access, refresh) = house.customer("Farhod");
    house.pass(15 * MINUTE - 1);
    assert_eq!(cart(&house, &access).status, 200);
    house.pass(1);
    let refused = cart(&house, &access).expect_error(401, "Could not validate credentials");
    assert_eq!(refused.challenge.as_deref(), Some("Bearer"));
    let (access, _) = house.refresh(&refresh).tokens();
    assert_eq!(cart(&house, &access).status, 200);
}

#[test]
fn nothing_renews_a_session_past_its_cap() {
    let house = House::open(|_| ());
    let (_, mut refresh) = house.customer("Farhod");
    for _ in 0..7 {
        house.pass(HOUR);
        refresh = house.refresh(&refresh).tokens().1;
    }
    house.pass(HOUR - 5 * MINUTE);
    let (access, last) = house.refresh(&refresh).tokens();
    house.pass(5 * MINUTE - 1);
    assert_eq!(cart(&house, &access).status, 200);
    house.pass(1);
    let refused = cart(&house, &access).expect_error(401, OVER);
    assert_eq!(refused.challenge.as_deref(), Some("Bearer"));
    let refused = house.refresh(&last).expect_error(401, OVER);
    assert_eq!(refused.challenge, None);
    // The same person starts anew.
    assert_eq!(cart(&house, &house.login("Farhod")).status, 200);
}

#[test]
fn a_session_without_a_cap_lives_as_long_as_it_is_renewed() {
    let house = House::open(|settings| settings.sessions.cap_seconds = None);
    let (_, mut refresh) = house.customer("Farhod");
    for _ in 0..40 {
        house.pass(DAY - 1);
        house.work();
        refresh = house.refresh(&refresh).tokens().1;
    }
    house.pass(DAY);
    house.refresh(&refresh).expect_error(401, "Invalid refresh token");
}

#[test]
fn a_used_refresh_token_is_forgiven_for_ten_seconds_and_then_tells_of_a_theft() {
    let house = House::open(|_| ());
    let (access, stolen) = house.customer("Sardor");
    let elsewhere = house.login("Sardor");
    let (next_access, next) = house.refresh(&stolen).tokens();
    house.pass(10);
    let (again_access, again) = house.refresh(&stolen).tokens();
    house.pass(1);
    house.refresh(&stolen).expect_error(401, "Invalid refresh token");
    for token in [&next, &again] {
        house.refresh(token).expect_error(401, "Invalid refresh token");
    }
    for token in [&access, &next_access, &again_access] {
        cart(&house, token).expect_error(401, "Could not validate credentials");
    }
    assert_eq!(cart(&house, &elsewhere).status, 200);
}

#[test]
fn what_is_worth_nothing_any_more_is_swept_away_and_the_rest_stays() {
    let house = House::open(|_| ());
    house.customer("Leaving");
    let (access, refresh) = house.customer("Logging out");
    house.call(&access, "POST", "/auth/logout", &json!({"refresh_token": refresh}));
    house.pass(7 * HOUR);
    let (_, staying) = house.customer("Staying");
    house.pass(HOUR + 1);
    house.work();
    assert_eq!((house.rows("sessions"), house.rows("refresh_tokens")), (1, 1), "of the last one alone");
    house.refresh(&staying).tokens();
    house.pass(10 * DAY);
    house.work();
    assert_eq!((house.rows("sessions"), house.rows("refresh_tokens")), (0, 0));
    assert_eq!(house.rows("users"), 4, "people stay");
}

#[test]
fn a_crowd_of_old_sessions_is_swept_in_one_go() {
    let house = House::open(|_| ());
    let (_, mut refresh) = house.customer("Restless");
    for _ in 0..450 {
        refresh = house.refresh(&refresh).tokens().1;
    }
    assert_eq!(house.rows("refresh_tokens"), 452);
    house.pass(DAY);
    house.work();
    assert_eq!((house.rows("sessions"), house.rows("refresh_tokens")), (0, 0));
}
