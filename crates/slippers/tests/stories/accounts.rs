//! Registering, signing in, and who may be whom. What tokens are and become is in `tokens.rs`.

use serde_json::{Value, json};

use crate::shop::{Answer, Caller, PASSWORD, Shop};

fn person(name: &str, phone: &str) -> Value {
    json!({"name": name, "surname": "Doe", "phone_number": phone, "password": PASSWORD, "confirm_password": PASSWORD})
}

/// The person with one field replaced.
fn but(field: &str, value: Value) -> Value {
    let mut person = person("Nodira", "+998901112233");
    person[field] = value;
    person
}

/// The person without a field.
fn without(field: &str) -> Value {
    let mut person = person("Nodira", "+998901112233");
    person.as_object_mut().expect("an object").remove(field);
    person
}

/// Type, place and message of every fault that a 422 tells.
#[track_caller]
fn faults(answer: &Answer) -> Vec<(String, Value, String)> {
    assert_eq!(answer.status, 422, "{}", answer.text());
    let body = answer.json();
    let list = body["detail"].as_array().unwrap_or_else(|| panic!("no list of faults: {body}"));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {body}")).to_owned();
    list.iter().map(|fault| (text(&fault["type"]), fault["loc"].clone(), text(&fault["msg"]))).collect()
}

#[test]
fn registering_answers_both_tokens_and_the_person_in_body_and_headers() {
    let shop = Shop::open();
    let answer = shop.post("/auth/register", &person("John", " +998901112233 ")).expect(200);
    let body = answer.json();
    let keys: Vec<_> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["access_token", "refresh_token", "token_type", "expires_in", "user"]);
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("bearer"), &json!(15)),
        "minutes, not seconds"
    );
    let user = body["user"].as_object().expect("a user");
    let keys: Vec<_> = user.keys().map(String::as_str).collect();
    assert_eq!(keys, ["name", "surname", "phone_number", "is_admin", "created_at", "updated_at"]);
    assert_eq!((&user["name"], &user["surname"]), (&json!("John"), &json!("Doe")));
    assert_eq!(user["phone_number"], "+998901112233", "trimmed");
    assert_eq!(user["is_admin"], false);
    for field in ["created_at", "updated_at"] {
        let time = user[field].as_str().expect("text");
        assert!(time.len() == 32 && time.ends_with("+00:00") && time.as_bytes()[10] == b'T', "{time}");
    }
    let text = |key: &str| body[key].as_str().expect("text");
    assert_eq!(answer.header("authorization"), Some(format!("Bearer {}", text("access_token")).as_str()));
    assert_eq!(answer.header("refresh-token"), Some(text("refresh_token")));
    assert_eq!((answer.header("token-type"), answer.header("x-expires-in")), (Some("bearer"), Some("15")));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("set-cookie"), None);
    let john = Caller::from_answer("John", &answer);
    shop.call(&john, "GET", "/cart", &Value::Null).expect(200);
    let again = shop.post("/auth/login", &json!({"name": "John", "password": PASSWORD})).expect(200).json();
    assert_eq!(again["user"], body["user"]);
}

#[test]
fn names_and_phones_are_unique_and_the_name_is_told_first() {
    let shop = Shop::open();
    shop.post("/auth/register", &person("Aziza", "+998901110001")).expect(200);
    let register = |name: &str, phone: &str| shop.post("/auth/register", &person(name, phone));
    register("Aziza", "+998901110002").expect_error(400, "User with this name already exists");
    register("Other", "+998901110001").expect_error(400, "User with this phone number already exists");
    register("Aziza", "+998901110001").expect_error(400, "User with this name already exists");
    register("Other", "  +998901110001").expect_error(400, "User with this phone number already exists");
    register("aziza", "+998901110003").expect(200);
    register("Other", "+998901110004").expect(200);
    shop.login("Aziza", PASSWORD);
}

#[test]
fn b19_a_registration_that_is_wrong_is_told_by_field_and_makes_nobody() {
    let shop = Shop::open();
    let short = |n: &str| format!("String should have at least {n} characters");
    let phone = |text: &str| format!("Value error, Phone number {text}");
    for (body, field, kind, msg) in [
        (without("name"), "name", "missing", "Field required".to_owned()),
        (without("surname"), "surname", "missing", "Field required".to_owned()),
        (without("phone_number"), "phone_number", "missing", "Field required".to_owned()),
        (without("password"), "password", "missing", "Field required".to_owned()),
        (without("confirm_password"), "confirm_password", "missing", "Field required".to_owned()),
        (but("name", json!("N")), "name", "string_too_short", short("2")),
        (
            but("name", json!("N".repeat(101))),
            "name",
            "string_too_long",
            "String should have at most 100 characters".into(),
        ),
        (but("name", json!(7)), "name", "string_type", "Input should be a valid string".into()),
        (but("name", Value::Null), "name", "string_type", "Input should be a valid string".into()),
        (but("surname", json!("Д")), "surname", "string_too_short", short("2")),
        (but("phone_number", json!("+12345")), "phone_number", "string_too_short", short("7")),
        (
            but("phone_number", json!("+123456789012345678901")),
            "phone_number",
            "string_too_long",
            "String should have at most 20 characters".into(),
        ),
        (
            but("phone_number", json!("998901112233")),
            "phone_number",
            "value_error",
            phone("must start with +"),
        ),
        (
            but("phone_number", json!("+99890111x233")),
            "phone_number",
            "value_error",
            phone("must contain only digits after +"),
        ),
        (
            but("phone_number", json!("+٩٩٨٩٠١١١٢٢")),
            "phone_number",
            "value_error",
            phone("must contain only digits after +"),
        ),
        (
            but("phone_number", json!("+12345    ")),
            "phone_number",
            "value_error",
            phone("length invalid (6-15 digits after +)"),
        ),
        (
            but("phone_number", json!("+1234567890123456")),
            "phone_number",
            "value_error",
            phone("length invalid (6-15 digits after +)"),
        ),
        (but("password", json!("short77")), "password", "string_too_short", short("8")),
        (
            but("confirm_password", json!("something else")),
            "confirm_password",
            "value_error",
            "Value error, Passwords do not match".into(),
        ),
        (
            but("is_admin", json!("maybe")),
            "is_admin",
            "bool_parsing",
            "Input should be a valid boolean, unable to interpret input".into(),
        ),
    ] {
        let answer = shop.post("/auth/register", &body);
        assert_eq!(faults(&answer), [(kind.to_owned(), json!(["body", field]), msg)], "{body}");
    }
    let nobody = shop.post("/auth/login", &json!({"name": "Nodira", "password": PASSWORD}));
    nobody.expect_error(401, "Incorrect name or password");
}

#[test]
fn every_wrong_field_of_a_registration_is_told_at_once_in_order() {
    let shop = Shop::open();
    let told = faults(
        &shop.post("/auth/register", &json!({"name": "N", "password": "short77", "confirm_password": "x"})),
    );
    let places: Vec<_> =
        told.iter().map(|(kind, place, _)| (kind.as_str(), place[1].as_str().expect("a field"))).collect();
    assert_eq!(
        places,
        [
            ("string_too_short", "name"),
            ("missing", "surname"),
            ("missing", "phone_number"),
            // That the confirmation differs is not told when the password itself failed.
            ("string_too_short", "password"),
        ]
    );
    let url = |answer: &Answer| answer.json()["detail"][0]["url"].clone();
    let answer = shop.post("/auth/register", &without("name"));
    assert_eq!(url(&answer), "https://errors.pydantic.dev/2.5/v/missing");
}

#[test]
fn bodies_that_are_no_object_are_told_as_such() {
    let shop = Shop::open();
    let json = [("content-type", "application/json")];
    for path in ["/auth/register", "/auth/login", "/auth/login/"] {
        let send = |body: &[u8]| shop.send("POST", path, &json, Some(body));
        assert_eq!(faults(&send(b"[]"))[0].0, "model_attributes_type");
        assert_eq!(faults(&send(b"\"text\""))[0].1, json!(["body"]));
        let broken = faults(&send(b"{\"name\": }"));
        assert_eq!((broken[0].0.as_str(), broken[0].2.as_str()), ("json_invalid", "JSON decode error"));
        assert_eq!(broken[0].1[0], "body");
        let empty = shop.send("POST", path, &json, None);
        assert_eq!(faults(&empty), [("missing".into(), json!(["body"]), "Field required".into())]);
        assert_eq!(empty.json()["detail"][0]["input"], Value::Null);
    }
}

#[test]
fn b18_no_answer_echoes_a_password() {
    let shop = Shop::open();
    let secret = "hunter2-in-clear";
    let mut mismatch = but("password", json!(secret));
    mismatch["name"] = json!("N");
    let mut missing = without("surname");
    missing["password"] = json!(secret);
    missing["confirm_password"] = json!(secret);
    let json = [("content-type", "application/json")];
    let broken = format!("{{\"password\": \"{secret}\", \"name\"}}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for answer in [
        shop.post("/auth/register", &mismatch),
        shop.post("/auth/register", &missing),
        shop.post("/auth/register", &but("password", json!({"is": secret}))),
        shop.post("/auth/register", &but("password", json!([secret]))),
        shop.post("/auth/register", &but("confirm_password", json!(secret))),
        shop.post("/auth/register", &but("password", json!(&secret[..7]))),
        shop.post("/auth/register", &json!([{"password": secret}])),
        shop.post("/auth/login", &json!({"password": secret})),
        shop.post(
            "/auth/login",
            &json!({"Password": secret, "user": {"password": secret}, "password": secret}),
        ),
        shop.post("/auth/login", &json!({"name": "Nobody", "password": {"is": secret}})),
        shop.send("POST", "/auth/login", &json, Some(broken.as_bytes())),
        shop.send("POST", "/auth/login", &form, Some(format!("name=a&password={secret}").as_bytes())),
    ] {
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(!answer.text().contains(&secret[..7]), "{}", answer.text());
    }
}

#[test]
fn b9_nobody_registers_as_an_admin() {
    let shop = Shop::open();
    for (name, flag) in [("Bold", json!(true)), ("Bolder", json!("yes")), ("Boldest", json!(1))] {
        let mut body = person(name, &format!("+99890111{}", 1000 + name.len()));
        body["is_admin"] = flag;
        let answer = shop.post("/auth/register", &body).expect(200);
        assert_eq!(answer.json()["user"]["is_admin"], false);
        let bold = Caller::from_answer(name, &answer);
        shop.call(&bold, "POST", "/categories/", &json!({"name": "Mine"}))
            .expect_error(403, "Admin access required. You don't have permission to access this resource.");
        let login = shop.post("/auth/login", &json!({"name": name, "password": PASSWORD})).expect(200);
        assert_eq!(login.json()["user"]["is_admin"], false);
    }
    assert_eq!(shop.get("/categories/").json(), json!([]));
}

#[test]
fn b19_passwords_of_any_content_work_or_are_refused_and_never_break_the_shop() {
    let shop = Shop::open();
    for (number, password) in
        ["пароль длиннее", "x".repeat(300).as_str(), "with \"quotes\" \\ and \n lines", "NUL\0inside"]
            .into_iter()
            .enumerate()
    {
        let (name, phone) = (format!("Odd {number}"), format!("+9989011100{number}0"));
        let mut body = person(&name, &phone);
        body["password"] = json!(password);
        body["confirm_password"] = json!(password);
        match shop.post("/auth/register", &body).status {
            200 => drop(shop.login(&name, password)),
            status => assert_eq!(status, 422, "{password:?}"),
        }
    }
    let long = "long".repeat(100);
    let body = json!({"name": "Long", "surname": "Doe", "phone_number": "+998901119999", "password": long, "confirm_password": long});
    shop.post("/auth/register", &body).expect(200);
    // All of it counts, not only its beginning.
    let cut = shop.post("/auth/login", &json!({"name": "Long", "password": &long[..399]}));
    cut.expect_error(401, "Incorrect name or password");
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let shop = Shop::open();
    shop.customer("Karim");
    let login =
        |name: &str, password: &str| shop.post("/auth/login", &json!({"name": name, "password": password}));
    let wrong = login("Karim", "not the password").expect_error(401, "Incorrect name or password");
    let unknown = login("Nobody", PASSWORD).expect_error(401, "Incorrect name or password");
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.header("www-authenticate"), None, "a challenge would make browsers ask");
        assert_eq!(answer.header("authorization"), None);
    }
    let told = |answer: &Answer| {
        let mut body = answer.json();
        body["request_id"].take();
        body
    };
    assert_eq!(told(&wrong), told(&unknown));
    login("karim", PASSWORD).expect_error(401, "Incorrect name or password");
    login("Karim ", PASSWORD).expect_error(401, "Incorrect name or password");
    login("", "").expect_error(401, "Incorrect name or password");
    login("' OR 1=1 --", "x").expect_error(401, "Incorrect name or password");
    login("Karim", PASSWORD).expect(200);
}

#[test]
fn signing_in_answers_like_registering_and_opens_another_session() {
    let shop = Shop::open();
    let first = shop.customer("Lola");
    // Both slash forms, a stale token along with it, and keys that nobody knows.
    let body = json!({"name": "Lola", "password": PASSWORD, "remember": true});
    let headers = [("content-type", "application/json"), ("authorization", "Bearer stale.stale.stale")];
    let answer = shop.send("POST", "/auth/login/", &headers, Some(body.to_string().as_bytes())).expect(200);
    let second = Caller::from_answer("Lola", &answer);
    assert!(first.access != second.access && first.refresh != second.refresh);
    assert_eq!(answer.header("refresh-token"), Some(second.refresh.as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for caller in [&first, &second] {
        shop.call(caller, "GET", "/cart", &Value::Null).expect(200);
    }
}
