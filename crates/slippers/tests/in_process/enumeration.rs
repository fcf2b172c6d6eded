//! Whether somebody has a name is not told by what an answer costs: counted in passwords that are worked on and in
//! statements, since times would tell of the machine too.

use serde_json::{Value, json};

use crate::house::House;

const PASSWORD: &str = "slippers-are-soft";

/// A house with an admin and Karim.
fn house() -> House {
    let house = House::open(|_| ());
    house.customer("Karim");
    house
}

/// What a call costs: (status, answer without its request's id, passwords worked on, statements).
fn cost(house: &House, path: &str, body: &Value) -> (u16, Value, u64, u64) {
    let trial = |_| {
        let before = (house.passwords_worked_on(), house.store().statements_run());
        let answer = house.send("", "POST", path, body);
        let spent = house.passwords_worked_on() - before.0;
        let mut told = answer.body;
        told["request_id"].take();
        (answer.status, told, spent, house.store().statements_run() - before.1)
    };
    // Background work looks at the clock in between, so the least of several trials counts.
    (0..4).map(trial).min_by_key(|(.., statements)| *statements).expect("some trials")
}

#[test]
fn b20_a_sign_in_costs_the_same_whether_or_not_somebody_has_the_name() {
    let house = house();
    let login =
        |name: &str| cost(&house, "/auth/login", &json!({"name": name, "password": "not the password"}));
    let unknown = login("Nobody");
    assert_eq!((unknown.0, unknown.2), (401, 1), "the password of nobody is worked on too");
    for name in ["Karim", "Admin", "karim", "' OR 1=1 --"] {
        assert_eq!(login(name), unknown, "{name}");
    }
    assert_eq!(login(&"x".repeat(4000)), unknown, "a name that nobody can have");
}

#[test]
fn b20_asking_for_a_new_password_costs_the_same_whoever_is_named() {
    let house = house();
    let forget = |name: &str| {
        let body = json!({"name": name, "new_password": PASSWORD, "confirm_new_password": PASSWORD});
        let (status, told, passwords, _) = cost(&house, "/auth/forgot-password", &body);
        // What depends on the name is done after the answer.
        (status, told, passwords)
    };
    let unknown = forget("Nobody");
    assert_eq!((unknown.0, unknown.2), (200, 1));
    for name in ["Karim", "Admin"] {
        assert_eq!(forget(name), unknown, "{name}");
    }
}

#[test]
fn b20_a_wrong_code_costs_the_same_whether_or_not_one_waits() {
    let house = house();
    let confirm =
        |name: &str| cost(&house, "/auth/confirm-reset", &json!({"name": name, "code": "00000000"}));
    let unknown = confirm("Nobody");
    assert_eq!((unknown.0, unknown.2), (400, 0));
    for name in ["Karim", "Admin"] {
        let known = confirm(name);
        assert_eq!((known.0, known.1, known.2), (unknown.0, unknown.1.clone(), unknown.2), "{name}");
    }
}
