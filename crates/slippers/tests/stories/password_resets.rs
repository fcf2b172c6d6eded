//! Forgotten passwords in a shop that sends no messages: an admin decides.

use serde_json::{Value, json};

use crate::shop::{Answer, Caller, PASSWORD, Shop, eventually, keys};

pub(crate) const NEW: &str = "a-new-password-1";

pub(crate) fn forget(shop: &Shop, name: &str, password: &str) -> Answer {
    let body = json!({"name": name, "new_password": password, "confirm_new_password": password});
    shop.post("/auth/forgot-password", &body)
}

pub(crate) fn waiting(shop: &Shop, admin: &Caller) -> Vec<Value> {
    let answer = shop.call(admin, "GET", "/admin/password-resets/", &Value::Null).expect(200);
    answer.json().as_array().expect("a list").clone()
}

/// The answer does not wait for what it starts.
pub(crate) fn first_waiting(shop: &Shop, admin: &Caller) -> Value {
    eventually("a reset waits", || waiting(shop, admin).first().cloned())
}

/// A shop that ends does wait for it: afterwards, what has not come will not come any more.
fn finish_all(shop: &mut Shop) {
    assert_eq!(shop.terminate(), Some(0));
    shop.restart();
}

#[test]
fn b10_an_admin_makes_a_new_password_real() {
    let mut shop = Shop::open();
    let (admin, karim) = (shop.admin(), shop.customer("Karim"));
    forget(&shop, "Karim", NEW).expect(200);
    let reset = first_waiting(&shop, &admin);
    assert_eq!(
        keys(&reset),
        ["id", "user_id", "name", "surname", "phone_number", "created_at", "expires_at"]
    );
    assert_eq!(reset["name"], "Karim");
    // Until then nothing has changed.
    shop.call(&karim, "GET", "/cart", &Value::Null).expect(200);
    shop.post("/auth/login", &json!({"name": "Karim", "password": NEW})).expect(401);
    shop.login("Karim", PASSWORD);
    // What waits is not replaced by somebody who asks later.
    forget(&shop, "Karim", "what an intruder wants").expect(200);
    finish_all(&mut shop);

    let path = format!("/admin/password-resets/{}/approve", reset["id"]);
    shop.call(&karim, "POST", &path, &Value::Null).expect(403);
    shop.call(&karim, "GET", "/admin/password-resets/", &Value::Null).expect(403);
    shop.post(&path, &Value::Null).expect(401);
    shop.get("/admin/password-resets/").expect(401);
    shop.call(&admin, "POST", &path, &Value::Null).expect(200);
    shop.call(&admin, "POST", &path, &Value::Null).expect_error(404, "Password reset not found");
    shop.call(&karim, "GET", "/cart", &Value::Null).expect(401);
    shop.post("/auth/login", &json!({"name": "Karim", "password": PASSWORD})).expect(401);
    shop.post("/auth/login", &json!({"name": "Karim", "password": "what an intruder wants"})).expect(401);
    shop.login("Karim", NEW);
    assert_eq!(waiting(&shop, &admin), [] as [Value; 0]);
}

#[test]
fn an_admin_refuses_a_new_password() {
    let shop = Shop::open();
    let (admin, karim) = (shop.admin(), shop.customer("Karim"));
    forget(&shop, "Karim", NEW).expect(200);
    let path = format!("/admin/password-resets/{}", first_waiting(&shop, &admin)["id"]);
    shop.call(&admin, "POST", &format!("{path}/refuse/"), &Value::Null).expect(200);
    for step in ["refuse", "approve"] {
        let answer = shop.call(&admin, "POST", &format!("{path}/{step}"), &Value::Null);
        answer.expect_error(404, "Password reset not found");
    }
    shop.call(&karim, "GET", "/cart", &Value::Null).expect(200);
    shop.login("Karim", PASSWORD);
    shop.post("/auth/login", &json!({"name": "Karim", "password": NEW})).expect(401);
}

#[test]
fn b20_every_name_gets_the_same_answer_and_admins_reset_nothing() {
    let mut shop = Shop::open();
    let admin = shop.admin();
    shop.customer("Karim");
    let told = |name: &str| {
        let answer = forget(&shop, name, NEW).expect(200);
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
        (answer.text(), names)
    };
    let (boss, nobody, karim) = (told("Admin"), told("Nobody"), told("Karim"));
    assert_eq!(boss, nobody);
    assert_eq!(nobody, karim);
    assert!(karim.0.contains("If the account exists"), "{}", karim.0);
    finish_all(&mut shop);
    let waiting = waiting(&shop, &admin);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["name"], "Karim");
    shop.login("Admin", crate::shop::ADMIN_PASSWORD);
    for name in ["Admin", "Nobody", "Karim"] {
        let answer = shop.post("/auth/confirm-reset", &json!({"name": name, "code": "00000000"}));
        answer.expect_error(400, "The code is wrong or no longer valid");
    }
}

#[test]
fn what_is_wrong_is_told_and_how_often_it_is_asked_is_limited() {
    let shop = Shop::open_with(&[("LOGIN_RATE_LIMIT", "2")]);
    let answer = shop.post(
        "/auth/forgot-password",
        &json!({"name": "K", "new_password": "long enough", "confirm_new_password": "another one"}),
    );
    let places: Vec<_> = answer.faults().into_iter().map(|(_, place)| place[1].clone()).collect();
    assert_eq!(places, ["name", "confirm_new_password"]);
    assert!(answer.text().contains("New passwords do not match") && !answer.text().contains("another one"));
    assert_eq!(forget(&shop, "Karim", "short77").faults()[0].1, json!(["body", "new_password"]));
    shop.post("/auth/confirm-reset", &json!({"name": "Karim"})).expect(422);
    forget(&shop, "Karim", NEW).expect(200);
    shop.post("/auth/confirm-reset", &json!({"name": "Karim", "code": "1"})).expect(400);
    for answer in [
        forget(&shop, "Karim", NEW),
        shop.post("/auth/confirm-reset", &json!({"name": "Karim", "code": "1"})),
    ] {
        assert!(answer.header("retry-after").is_some());
        answer.expect(429);
    }
    forget(&shop, "Lola", NEW).expect(200);
    shop.post("/auth/login", &json!({"name": "Karim", "password": NEW})).expect(401);
}
