//! `/users/me`: what people see and change of their own account.

use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop, keys, only_fault};

#[test]
fn people_see_themselves() {
    let shop = Shop::open();
    let admin = shop.admin();
    let nodira = shop.customer("Nodira");
    let me = shop.call(&nodira, "GET", "/users/me", &Value::Null).expect(200).json();
    assert_eq!(keys(&me), ["name", "surname", "phone_number", "is_admin"]);
    assert_eq!(
        (&me["name"], &me["surname"], &me["is_admin"]),
        (&json!("Nodira"), &json!("Buyer"), &json!(false))
    );
    assert_eq!(shop.call(&admin, "GET", "/users/me/", &Value::Null).expect(200).json()["is_admin"], true);
    let stranger = shop.get("/users/me").expect_error(401, "Could not validate credentials");
    assert_eq!(stranger.header("www-authenticate"), Some("Bearer"));
    shop.send("PUT", "/users/me", &[], Some(b"{}")).expect_error(401, "Could not validate credentials");
    shop.send("PUT", "/users/me", &[], Some(b"{")).expect(422);
    shop.call(&nodira, "DELETE", "/users/me", &Value::Null).expect_error(405, "Method Not Allowed");
}

#[test]
fn people_change_their_name_surname_and_phone() {
    let shop = Shop::open();
    let nodira = shop.customer("Nodira");
    let before = shop.call(&nodira, "GET", "/users/me", &Value::Null).json();
    let put = |body: Value| shop.call(&nodira, "PUT", "/users/me", &body);
    assert_eq!(put(json!({})).expect(200).json(), before, "nothing is a change, too");
    // What a front-end read may be sent back.
    assert_eq!(put(before.clone()).expect(200).json(), before);
    let changed =
        json!({"name": "Нодира", "surname": "Qodirova", "phone_number": " +998935550011 ", "id": 9});
    let told = put(changed).expect(200);
    let expected =
        json!({"name": "Нодира", "surname": "Qodirova", "phone_number": "+998935550011", "is_admin": false});
    assert_eq!(told.json(), expected);
    assert_eq!(shop.call(&nodira, "GET", "/users/me", &Value::Null).text(), told.text());
    shop.login("Нодира", PASSWORD);
    shop.post("/auth/login", &json!({"name": "Nodira", "password": PASSWORD}))
        .expect_error(401, "Incorrect name or password");
    shop.customer("Nodira");
}

#[test]
fn b13_nobody_takes_what_belongs_to_somebody_else() {
    let shop = Shop::open();
    let (nodira, aziza) = (shop.customer("Nodira"), shop.customer("Aziza"));
    let theirs = shop.call(&aziza, "GET", "/users/me", &Value::Null).json()["phone_number"].clone();
    let before = shop.call(&nodira, "GET", "/users/me", &Value::Null).text();
    let put = |body: Value| shop.call(&nodira, "PUT", "/users/me", &body);
    let taken = "User with this name already exists";
    put(json!({"name": "Aziza"})).expect_error(400, taken);
    put(json!({"name": "Aziza", "phone_number": theirs})).expect_error(400, taken);
    put(json!({"surname": "X-Y", "phone_number": theirs})).expect_error(400, "Phone number already in use");
    for field in ["name", "surname", "phone_number", "is_admin"] {
        put(json!({"surname": "Other", field: null})).expect_error(400, "Update failed");
    }
    put(json!({"is_admin": true, "name": "Boss"})).expect_error(403, "You cannot change your admin status");
    assert_eq!(shop.call(&nodira, "GET", "/users/me", &Value::Null).text(), before, "nothing changed");
    put(json!({"is_admin": "off"})).expect(200);
    // Both can still sign in.
    shop.login("Nodira", PASSWORD);
    shop.login("Aziza", PASSWORD);
}

#[test]
fn faults_are_told_by_field_and_passwords_are_not_repeated() {
    let shop = Shop::open();
    let nodira = shop.customer("Nodira");
    let put = |body: Value| shop.call(&nodira, "PUT", "/users/me", &body);
    for (body, field, kind) in [
        (json!({"name": "N"}), "name", "string_too_short"),
        (json!({"surname": "x".repeat(101)}), "surname", "string_too_long"),
        (json!({"phone_number": ""}), "phone_number", "string_too_short"),
        (json!({"phone_number": "998901112233"}), "phone_number", "value_error"),
        (json!({"is_admin": "maybe"}), "is_admin", "bool_parsing"),
        (json!({"new_password": "short77"}), "new_password", "string_too_short"),
        (json!({"current_password": 7}), "current_password", "string_type"),
    ] {
        let fault = only_fault(&put(body.clone()).expect(422));
        assert_eq!((&fault["loc"], &fault["type"]), (&json!(["body", field]), &json!(kind)), "{body}");
    }
    let unequal = json!({"current_password": PASSWORD, "new_password": "another long one",
        "confirm_new_password": "something else"});
    let answer = put(unequal).expect(422);
    let fault = only_fault(&answer);
    assert_eq!(fault["loc"], json!(["body", "confirm_new_password"]));
    assert_eq!(fault["msg"], "Value error, New passwords do not match");
    assert!(!answer.text().contains("something else") && !answer.text().contains("another long one"));
    shop.login("Nodira", PASSWORD);
}

#[test]
fn b16_a_new_password_needs_the_present_one_and_ends_all_other_sessions() {
    let shop = Shop::open();
    let nodira = shop.customer("Nodira");
    let elsewhere = shop.login("Nodira", PASSWORD);
    let put = |body: Value| shop.call(&nodira, "PUT", "/users/me", &body);
    let wrong = "Current password is incorrect";
    put(json!({"new_password": "another long one", "name": "Other"})).expect_error(400, wrong);
    put(json!({"new_password": "another long one", "current_password": null})).expect_error(400, wrong);
    put(json!({"new_password": "another long one", "current_password": "guess"})).expect_error(400, wrong);
    // A present password alone changes nothing, and is not looked at.
    put(json!({"current_password": "guess", "new_password": null, "confirm_new_password": null})).expect(200);
    shop.call(&elsewhere, "GET", "/users/me", &Value::Null).expect(200);

    let change = json!({"current_password": PASSWORD, "new_password": "another long one",
        "confirm_new_password": "another long one", "surname": "Qodirova"});
    let told = put(change).expect(200);
    assert_eq!(told.json()["surname"], "Qodirova");
    assert!(!told.text().contains("password"));
    shop.call(&nodira, "GET", "/users/me", &Value::Null).expect(200);
    shop.call(&elsewhere, "GET", "/users/me", &Value::Null).expect(401);
    let refresh = |token: &str| shop.post("/auth/refresh", &json!({"refresh_token": token}));
    refresh(&elsewhere.refresh).expect_error(401, "Invalid refresh token");
    refresh(&nodira.refresh).expect(200);
    shop.post("/auth/login", &json!({"name": "Nodira", "password": PASSWORD})).expect(401);
    shop.login("Nodira", "another long one");
}
