//! 422: what is told of fields that are not what they must be, in the words that front-ends parse and show.

use serde_json::{Value, json};

use crate::shop::{Answer, Shop, keys, only_fault};
use crate::wire::{self, send_json};

#[test]
fn each_kind_of_fault_is_told_in_the_old_words() {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Nigora");
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    shop.put_in_cart(&buyer, id, 1);
    shop.call(&buyer, "POST", "/orders/from-cart", &Value::Null).expect(200);
    let (category, one) = ("/categories/", "/slippers/1");
    for (method, path, body, kind, loc, msg, input, ctx) in [
        ("POST", category, r#"{"a":1}"#, "missing", "name", "Field required", r#"{"a":1}"#, ""),
        (
            "POST",
            category,
            r#"{"name":""}"#,
            "string_too_short",
            "name",
            "String should have at least 1 character",
            r#""""#,
            r#"{"min_length":1}"#,
        ),
        (
            "POST",
            category,
            r#"{"name":"x","description":5}"#,
            "string_type",
            "description",
            "Input should be a valid string",
            "5",
            "",
        ),
        (
            "PUT",
            one,
            r#"{"size":"123456789012345678901"}"#,
            "string_too_long",
            "size",
            "String should have at most 20 characters",
            r#""123456789012345678901""#,
            r#"{"max_length":20}"#,
        ),
        (
            "PUT",
            one,
            r#"{"quantity":"5x"}"#,
            "int_parsing",
            "quantity",
            "Input should be a valid integer, unable to parse string as an integer",
            r#""5x""#,
            "",
        ),
        (
            "PUT",
            one,
            r#"{"quantity":5.5}"#,
            "int_from_float",
            "quantity",
            "Input should be a valid integer, got a number with a fractional part",
            "5.5",
            "",
        ),
        (
            "PUT",
            one,
            r#"{"price":"cheap"}"#,
            "float_parsing",
            "price",
            "Input should be a valid number, unable to parse string as a number",
            r#""cheap""#,
            "",
        ),
        (
            "PUT",
            "/categories/1",
            r#"{"is_active":"maybe"}"#,
            "bool_parsing",
            "is_active",
            "Input should be a valid boolean, unable to interpret input",
            r#""maybe""#,
            "",
        ),
        (
            "PUT",
            one,
            r#"{"price":0}"#,
            "greater_than",
            "price",
            "Input should be greater than 0",
            "0",
            r#"{"gt":0.0}"#,
        ),
        (
            "PUT",
            one,
            r#"{"quantity":-1}"#,
            "greater_than_equal",
            "quantity",
            "Input should be greater than or equal to 0",
            "-1",
            r#"{"ge":0}"#,
        ),
        (
            "PUT",
            "/orders/1",
            r#"{"total_amount":-0.5}"#,
            "greater_than_equal",
            "total_amount",
            "Input should be greater than or equal to 0",
            "-0.5",
            r#"{"ge":0.0}"#,
        ),
        (
            "POST",
            "/cart/items",
            r#"{"slipper_id":1,"quantity":1000}"#,
            "less_than_equal",
            "quantity",
            "Input should be less than or equal to 999",
            "1000",
            r#"{"le":999}"#,
        ),
        (
            "PUT",
            "/orders/1",
            r#"{"status":"SHIPPED"}"#,
            "enum",
            "status",
            "Input should be 'PENDING', 'PAID', 'REFUNDED' or 'CANCELLED'",
            r#""SHIPPED""#,
            r#"{"expected":"'PENDING', 'PAID', 'REFUNDED' or 'CANCELLED'"}"#,
        ),
    ] {
        let answer = send_json(&shop, Some(&admin), method, path, body);
        let fault = only_fault(&answer);
        let url =
            if kind == "enum" { None } else { Some(format!("https://errors.pydantic.dev/2.5/v/{kind}")) };
        let mut expected =
            format!(r#"{{"type":"{kind}","loc":["body","{loc}"],"msg":"{msg}","input":{input}"#);
        if !ctx.is_empty() {
            expected.push_str(&format!(r#","ctx":{ctx}"#));
        }
        expected.push_str(&url.map_or_else(|| "}".to_owned(), |url| format!(r#","url":"{url}"}}"#)));
        assert_eq!(fault.to_string(), expected, "{body}");
        assert_eq!(keys(&answer.json()), ["detail", "code", "request_id"], "{body}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_broken_rule_is_told_as_a_value_error_without_the_secret() {
    let shop = Shop::open();
    let person = |changes: Value| {
        let mut body = json!({"name": "Nigora", "surname": "Buyer", "phone_number": "+998901112233",
            "password": "slippers-are-soft", "confirm_password": "slippers-are-soft"});
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        shop.post("/auth/register", &body)
    };
    for (changes, field, text) in [
        (json!({"phone_number": "998901112233"}), "phone_number", "Phone number must start with +"),
        (
            json!({"phone_number": "+99890abc"}),
            "phone_number",
            "Phone number must contain only digits after +",
        ),
        (
            json!({"phone_number": "+٩٩٨٩٠١١"}),
            "phone_number",
            "Phone number must contain only digits after +",
        ),
        (
            json!({"phone_number": "+1234567890123456"}),
            "phone_number",
            "Phone number length invalid (6-15 digits after +)",
        ),
        (json!({"confirm_password": "slippers-are-hard"}), "confirm_password", "Passwords do not match"),
    ] {
        let answer = person(changes.clone());
        let fault = only_fault(&answer);
        assert_eq!(fault["type"], "value_error", "{changes}");
        assert_eq!(fault["loc"], json!(["body", field]), "{changes}");
        assert_eq!(fault["msg"], format!("Value error, {text}"), "{changes}");
        assert_eq!(fault["ctx"], json!({"error": {}}), "{changes}");
        assert_eq!(fault["url"], "https://errors.pydantic.dev/2.5/v/value_error", "{changes}");
        assert!(!answer.text().contains("slippers-are"), "no password comes back: {}", answer.text());
    }
    // What the answer echoes never holds a password, wherever it was put.
    for body in [
        r#"{"name":"Nigora","password":"hunter22secret"}"#,
        r#"{"name":5,"password":"hunter22secret","confirm_password":"hunter22secret"}"#,
        r#"{"password":["hunter22secret"]}"#,
        r#"{"password":{"x":"hunter22secret"}}"#,
        r#"[{"password":"hunter22secret"}]"#,
        r#""hunter22secret""#,
        r#"{"name":"x","password":"hunter22secret""#,
    ] {
        for path in ["/auth/register", "/auth/login"] {
            let answer = send_json(&shop, None, "POST", path, body);
            assert!(answer.status == 422 || answer.status == 401, "{path} {body}: {}", answer.text());
            assert!(!answer.text().contains("hunter22"), "{path} {body}: {}", answer.text());
        }
    }
    let form = wire::send(
        &shop,
        "POST",
        "/auth/login",
        &[("content-type", "application/x-www-form-urlencoded")],
        b"name=Nigora&password=hunter22secret",
    );
    assert_eq!(form.faults(), [("model_attributes_type".to_owned(), json!(["body"]))]);
    assert!(!form.text().contains("hunter22"), "{}", form.text());
    let wrong = json!({"name": "Nigora", "password": "hunter22secret"});
    shop.post("/auth/login", &wrong).expect_error(401, "Incorrect name or password");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_fields() {
    let shop = Shop::open();
    let admin = shop.admin();
    let fault = |kind: &str, place: &str, field: &str| (kind.to_owned(), json!([place, field]));
    let answer = send_json(
        &shop,
        Some(&admin),
        "POST",
        "/slippers/",
        r#"{"category_id":"x","quantity":-1,"name":""}"#,
    );
    assert_eq!(
        answer.faults(),
        [
            fault("string_too_short", "body", "name"),
            fault("missing", "body", "size"),
            fault("missing", "body", "price"),
            fault("greater_than_equal", "body", "quantity"),
            fault("int_parsing", "body", "category_id"),
        ]
    );
    let answer = send_json(&shop, Some(&admin), "PUT", "/slippers/abc", r#"{"price":"x","name":5}"#);
    assert_eq!(
        answer.faults(),
        [
            fault("int_parsing", "path", "slipper_id"),
            fault("string_type", "body", "name"),
            fault("float_parsing", "body", "price"),
        ]
    );
    let answer = shop.get("/slippers/?limit=x&skip=-1&include_images=2");
    assert_eq!(
        answer.faults(),
        [
            fault("greater_than_equal", "query", "skip"),
            fault("int_parsing", "query", "limit"),
            fault("bool_parsing", "query", "include_images"),
        ]
    );
    let answer = shop.get("/slippers/abc?include_images=2");
    assert_eq!(
        answer.faults(),
        [fault("int_parsing", "path", "slipper_id"), fault("bool_parsing", "query", "include_images")]
    );
    let body = r#"{"phone_number":"123","password":"short","is_admin":"perhaps"}"#;
    let answer = send_json(&shop, None, "POST", "/auth/register", body);
    assert_eq!(
        answer.faults(),
        [
            fault("missing", "body", "name"),
            fault("missing", "body", "surname"),
            fault("string_too_short", "body", "phone_number"),
            fault("string_too_short", "body", "password"),
            fault("missing", "body", "confirm_password"),
            fault("bool_parsing", "body", "is_admin"),
        ]
    );
    let body = r#"{"name":"Nigora","surname":"Buyer","phone_number":"+998901112233",
        "password":"long enough","confirm_password":"another one","is_admin":"perhaps"}"#;
    let answer = send_json(&shop, None, "POST", "/auth/register", body);
    assert_eq!(
        answer.faults(),
        [fault("value_error", "body", "confirm_password"), fault("bool_parsing", "body", "is_admin")]
    );
}

#[test]
fn g68_checks_come_in_the_order_that_clients_know() {
    let shop = Shop::open();
    let admin = shop.admin();
    let buyer = shop.customer("Nigora");
    let id = shop.product(&admin, "Mu", &json!(10), 5);
    let path = format!("/slippers/{id}");
    let before = shop.get(&path).text();
    let not_json = |answer: &Answer| answer.faults()[0].0 == "json_invalid";

    // 1. A body that is not JSON, whoever calls and whatever else is wrong.
    for caller in [None, Some(&buyer), Some(&admin)] {
        for path in [path.as_str(), "/slippers/abc", "/slippers/99"] {
            assert!(not_json(&send_json(&shop, caller, "PUT", path, "{")), "{path}");
        }
    }
    // 2. Who calls.
    for path in [path.as_str(), "/slippers/abc", "/slippers/99"] {
        for body in [r#"{"price":"x"}"#, "[]", "", r#"{"price":5}"#] {
            let answer = send_json(&shop, None, "PUT", path, body);
            answer.expect_error(401, "Could not validate credentials");
            // 3. Whether they may.
            assert_eq!(send_json(&shop, Some(&buyer), "PUT", path, body).status, 403, "{path} {body}");
        }
    }
    // 4. The fields; 5. whether the thing is there.
    assert_eq!(send_json(&shop, Some(&admin), "PUT", "/slippers/99", r#"{"price":"x"}"#).status, 422);
    assert_eq!(send_json(&shop, Some(&admin), "PUT", "/slippers/abc", r#"{"price":5}"#).status, 422);
    assert_eq!(send_json(&shop, Some(&admin), "PUT", "/slippers/99", r#"{"price":5}"#).status, 404);
    // Without a body to read there is no first step, and a broken one is not looked at.
    shop.get("/orders/abc").expect_error(401, "Could not validate credentials");
    assert_eq!(shop.call(&buyer, "GET", "/orders/abc", &Value::Null).status, 422);
    assert_eq!(shop.call(&buyer, "DELETE", "/slippers/abc", &Value::Null).status, 403);
    assert_eq!(shop.call(&admin, "DELETE", "/slippers/abc", &Value::Null).status, 422);
    assert_eq!(send_json(&shop, Some(&buyer), "GET", "/cart", "{").status, 200);
    assert_eq!(shop.get(&path).text(), before, "nothing changed");
}
